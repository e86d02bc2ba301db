import Events
import Foundation

/// The baselines by their definitions, over all visits and all items for each list: slow and plain.
struct ReferenceBaselines {
  /// The visits in the order of their beginnings.
  let visits: [[ItemIndex]]
  /// Of each, the time of its last click.
  let times: [EventTime]
  let items: Range<ItemIndex>

  init(_ clicks: RandomClicks) {
    visits = clicks.visits
    times = clicks.times
    items = 0..<ItemIndex(clicks.names.count)
  }

  typealias Scored = (item: ItemIndex, score: Double)

  func popularity() -> [Scored] {
    ranked(items.map { item in (item, visits.joined().count { $0 == item }, 0) })
  }

  /// Sequential rules; with a single step the Markov chain.
  func followers(of last: ItemIndex, steps: Int) -> [Scored] {
    ranked(
      items.map { item in
        var score = 0.0
        var first = Int.max
        var place = 0
        for visit in visits {
          for from in visit.indices {
            for to in visit.indices {
              place += 1
              guard to > from, to - from <= steps, visit[from] == last, visit[to] == item else { continue }
              score += 1 / Double(to - from)
              first = min(first, place)
            }
          }
        }
        return (item, score, first)
      })
  }

  func itemKNN(_ last: ItemIndex, regularisation: Double) -> [Scored] {
    func support(_ item: ItemIndex) -> Double { Double(visits.count { $0.contains(item) }) + regularisation }
    return ranked(
      items.filter { $0 != last }.map { item in
        let both = visits.filter { $0.contains(item) && $0.contains(last) }
        // The pair appears where its visit does, and in it where the other item does.
        let first = visits.firstIndex { $0.contains(item) && $0.contains(last) }
        let place = first.map { $0 * 1_000_000 + visits[$0].firstIndex(of: item)! } ?? 0
        return (item, Double(both.count) * (1 / (support(last) * support(item)).squareRoot()), place)
      })
  }

  func vmisKNN(_ session: [ItemIndex], sample: Int, neighbours: Int) -> [Scored] {
    let byRecency = visits.indices.sorted { (times[$1], $1) < (times[$0], $0) }
    let sharing = byRecency.filter { visit in session.contains { visits[visit].contains($0) } }.prefix(sample)
    func position(_ item: ItemIndex) -> Int { session.lastIndex(of: item)! + 1 }
    func similarity(_ visit: Int) -> Double {
      let shared = Set(visits[visit]).intersection(session).map(position).sorted(by: >)
      return shared.reduce(0) { $0 + Double($1) / Double(session.count) }
    }
    let recency = Dictionary(uniqueKeysWithValues: zip(byRecency, 0...))
    let nearest = sharing.sorted { (-similarity($0), recency[$0]!) < (-similarity($1), recency[$1]!) }
      .prefix(neighbours)
    return ranked(
      items.map { item in
        let support = visits.count { $0.contains(item) }
        let idf = log(Double(visits.count) / Double(max(1, support)))
        var score = 0.0
        var place = Int.max
        for (rank, visit) in nearest.enumerated() {
          guard let click = visits[visit].firstIndex(of: item) else { continue }
          let newest = Set(visits[visit]).intersection(session).map(position).max()!
          let match = max(0, 1 - Double(session.count - newest + 1) / 10)
          if match > 0, place == .max { place = rank * 1_000_000 + click }
          score += match * similarity(visit) * idf
        }
        return (item, score, place)
      })
  }

  /// Those with a score, best first; ties by their place.
  private func ranked(_ entries: [(item: ItemIndex, score: Int, place: Int)]) -> [Scored] {
    ranked(entries.map { ($0.item, Double($0.score), $0.place) })
  }

  private func ranked(_ entries: [(item: ItemIndex, score: Double, place: Int)]) -> [Scored] {
    entries.filter { $0.score > 0 }
      .sorted { (-$0.score, $0.place, $0.item) < (-$1.score, $1.place, $1.item) }
      .map { ($0.item, $0.score) }
  }
}
