import Events
import TestSupport
import Testing

@testable import Baselines

/// Each baseline against its definition, over small random histories: the same items in the same order, scores to 1e-12.
@Suite struct BaselineTests {
  private func random(_ seed: Int) -> RandomClicks {
    RandomClicks(seed: seed, count: 400, sessions: 12, items: 25)
  }

  /// Holds lists after random sessions, of random lengths, without random items, against `reference`.
  private func check(
    _ baseline: any Baseline, seed: Int, items: Range<ItemIndex>, sessions: Int = 40, length: Int = 12,
    against reference: ([ItemIndex]) -> [ReferenceBaselines.Scored]
  ) {
    var baseline = baseline
    var generator = SeededGenerator(seed + 1000)
    var list: [RecommendedItem] = []
    var compared = 0
    for _ in 0..<sessions {
      let session = (0..<Int.random(in: 1...length, using: &generator)).map { _ in
        items.randomElement(using: &generator)!
      }
      let excluded = items.filter { _ in Int.random(in: 0..<6, using: &generator) == 0 }
      let count = [1, 5, 20, 64, 65, 1000].randomElement(using: &generator)!
      list.removeAll()
      baseline.recommend(
        after: session[...], excluding: ItemSet(excluded, of: items.count), count: count, into: &list)
      let expected = reference(session).filter { !excluded.contains($0.item) }.prefix(count)
      #expect(list.map(\.item) == expected.map(\.item), "after \(session) without \(excluded)")
      #expect(zip(list, expected).allSatisfy { abs($0.score - $1.score) <= 1e-12 * max(1, $1.score) })
      compared += list.count
    }
    #expect(compared > sessions)
  }

  @Test(arguments: 1...6) func popularity(seed: Int) throws {
    let clicks = random(seed)
    let reference = ReferenceBaselines(clicks)
    try check(PopularityBaseline(clicks.history()), seed: seed, items: reference.items) { _ in reference.popularity() }
  }

  @Test(arguments: 1...6) func markov(seed: Int) throws {
    let clicks = random(seed)
    let reference = ReferenceBaselines(clicks)
    try check(LastItemBaseline.markov(clicks.history()), seed: seed, items: reference.items) { session in
      reference.followers(of: session.last!, steps: 1)
    }
  }

  @Test(arguments: 1...3) func markovWithBackOff(seed: Int) throws {
    let clicks = random(seed)
    let reference = ReferenceBaselines(clicks)
    let baseline = LastItemBaseline.markov(try clicks.history(), backsOff: true)
    #expect(baseline.name == "markov+popularity")
    check(baseline, seed: seed, items: reference.items) { session in
      let followers = reference.followers(of: session.last!, steps: 1)
      return followers
        + reference.popularity().filter { entry in !followers.contains { $0.item == entry.item } }.map { ($0.item, 0) }
    }
  }

  @Test(arguments: 1...6, [1, 3, 10]) func sequentialRules(seed: Int, steps: Int) throws {
    let clicks = random(seed)
    let reference = ReferenceBaselines(clicks)
    let baseline = LastItemBaseline.sequentialRules(try clicks.history(), steps: steps)
    check(baseline, seed: seed, items: reference.items) { session in
      reference.followers(of: session.last!, steps: steps)
    }
  }

  @Test(arguments: 1...6, [0.0, 20.0]) func itemKNN(seed: Int, regularisation: Double) throws {
    let clicks = random(seed)
    let reference = ReferenceBaselines(clicks)
    let baseline = LastItemBaseline.itemKNN(try clicks.history(), regularisation: regularisation)
    check(baseline, seed: seed, items: reference.items) { session in
      reference.itemKNN(session.last!, regularisation: regularisation)
    }
  }

  /// Samples that are too small for all visits, that hold them all, and sessions that are longer than the window.
  @Test(arguments: 1...6, [(3, 2), (8, 8), (15, 4), (500, 100)])
  func vmisKNN(seed: Int, sizes: (sample: Int, neighbours: Int)) throws {
    let clicks = random(seed)
    let reference = ReferenceBaselines(clicks)
    var options = VMISKNNOptions()
    options.sample = sizes.sample
    options.neighbours = sizes.neighbours
    options.window = 14
    let baseline = VMISKNNBaseline(try clicks.history(), options: options)
    check(baseline, seed: seed, items: reference.items, length: 18) { session in
      reference.vmisKNN(session.suffix(14), sample: sizes.sample, neighbours: sizes.neighbours)
    }
  }

  @Test("A copy shares what was learnt, and nothing of a list stays behind for the next") func copies() throws {
    let clicks = random(9)
    let history = try clicks.history()
    for kind in BaselineKind.allCases {
      var one = kind.learn(from: history)
      var other = one
      let nothing = ItemSet(items: history.vocabulary.count)
      var lists: [[RecommendedItem]] = [[], [], []]
      one.recommend(after: [0, 1, 2], excluding: nothing, count: 20, into: &lists[0])
      other.recommend(after: [3, 1], excluding: nothing, count: 20, into: &lists[1])
      lists[1] = []
      other.recommend(after: [0, 1, 2], excluding: nothing, count: 20, into: &lists[1])
      one.recommend(after: [0, 1, 2], excluding: nothing, count: 20, into: &lists[2])
      #expect(lists[0] == lists[1] && lists[1] == lists[2] && !lists[0].isEmpty, "\(kind)")
    }
  }

  @Test("Rows that are cut keep their best") func rowsAreCut() {
    let fill = { (item: ItemIndex, accumulator: inout ScoreAccumulator) in
      for other in 0..<ItemIndex(200) { accumulator.add(Double((other * 7 + item) % 20), to: other) }
    }
    let whole = ItemRows(200, fill: fill)
    let nothing = ItemSet(items: 200)
    for limit in [1, 5, 64, 65, 150] {
      let cut = ItemRows(200, limit: limit, fill: fill)
      for item in 0..<ItemIndex(200) {
        var lists: [[RecommendedItem]] = [[], []]
        whole.append(item, excluding: nothing, count: 1000, to: &lists[0])
        cut.append(item, excluding: nothing, count: 1000, to: &lists[1])
        // One in twenty has no weight, and no place.
        #expect(lists[0].count == 190 && lists[1] == Array(lists[0].prefix(limit)))
      }
    }
  }

  @Test func setsOfItems() {
    var set = ItemSet([2, 0, .unknown], of: 4)
    #expect((0..<4).map { set.contains($0) } == [true, false, true, false])
    set.removeAll()
    set.insert(3)
    #expect((0..<4).map { set.contains($0) } == [false, false, false, true])
  }
}
