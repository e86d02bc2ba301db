import Events

/// Sums up scores of items, and gives the best of them. 12 bytes an item of the vocabulary.
struct ScoreAccumulator: Sendable {
  /// By item; 0 for those that nothing was added to.
  private var scores: [Double]
  /// Items that something was added to, in the order of their first.
  private var touched: [ItemIndex] = []

  init(items: Int) { scores = [Double](repeating: 0, count: items) }

  /// Adds `weight` to the score of `item`; nothing where it is not above 0.
  mutating func add(_ weight: Double, to item: ItemIndex) {
    guard weight > 0 else { return }
    if scores[Int(item)] == 0 { touched.append(item) }
    scores[Int(item)] += weight
  }

  /// Multiplies each score by the `factor` of its item, which is above 0.
  mutating func scale(by factor: (ItemIndex) -> Double) {
    for item in touched { scores[Int(item)] *= factor(item) }
  }

  /// Appends the best `count` items outside `excluded` to the emptied `list`, best first, ties in the order in which they were first added to.
  /// Afterwards all scores are 0.
  mutating func drain(_ count: Int, excluding excluded: ItemSet, into list: inout [RecommendedItem]) {
    // Short lists by insertion, for there few items get past the worst one; long ones by sorting.
    if count <= 64 {
      for item in touched where !excluded.contains(item) { insert(item, into: &list, count) }
    } else {
      let places = touched.indices.filter { !excluded.contains(touched[$0]) }.sorted {
        let (left, right) = (scores[Int(touched[$0])], scores[Int(touched[$1])])
        return left == right ? $0 < $1 : left > right
      }
      for place in places.prefix(count) {
        list.append(RecommendedItem(item: touched[place], score: scores[Int(touched[place])]))
      }
    }
    for item in touched { scores[Int(item)] = 0 }
    touched.removeAll(keepingCapacity: true)
  }

  private func insert(_ item: ItemIndex, into list: inout [RecommendedItem], _ count: Int) {
    let score = scores[Int(item)]
    if list.count == count {
      guard let worst = list.last, score > worst.score else { return }
      list.removeLast()
    }
    var place = list.count
    while place > 0, list[place - 1].score < score { place -= 1 }
    list.insert(RecommendedItem(item: item, score: score), at: place)
  }
}

/// Of each item a row of others with their scores, best first: what a rule or a similarity between two items says.
struct ItemRows: Sendable {
  /// Most entries of all rows together, 12 bytes each; rows are cut to an equal share of it, but not below ``shortestLimit``.
  static let entries = 1 << 25
  /// Where rows are cut, they keep at least so many.
  static let shortestLimit = 20

  private var items: [ItemIndex] = []
  private var scores: [Double] = []
  private var starts: [Int] = [0]

  /// Rows of `count` items, each filled by `fill` and cut to its best `limit`; nil for an equal share of ``entries``.
  init(_ count: Int, limit: Int? = nil, fill: (ItemIndex, inout ScoreAccumulator) -> Void) {
    let limit = limit ?? max(Self.shortestLimit, Self.entries / max(1, count))
    var accumulator = ScoreAccumulator(items: count)
    let nothing = ItemSet(items: count)
    var row: [RecommendedItem] = []
    starts.reserveCapacity(count + 1)
    for item in 0..<ItemIndex(count) {
      row.removeAll(keepingCapacity: true)
      fill(item, &accumulator)
      accumulator.drain(limit, excluding: nothing, into: &row)
      for entry in row {
        items.append(entry.item)
        scores.append(entry.score)
      }
      starts.append(items.count)
    }
  }

  /// Appends the entries of the row of `item` to `list`, without those of `excluded`, until it has `count`.
  func append(_ item: ItemIndex, excluding excluded: ItemSet, count: Int, to list: inout [RecommendedItem]) {
    for place in starts[Int(item)]..<starts[Int(item) + 1] where !excluded.contains(items[place]) {
      if list.count >= count { return }
      list.append(RecommendedItem(item: items[place], score: scores[place]))
    }
  }
}
