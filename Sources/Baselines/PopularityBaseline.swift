public import Events

/// The items clicked most, whatever the session: POP in B. Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016,
/// section 4. An item's score is the number of its clicks; ties by first appearance. Keeps 16 bytes an item.
public struct PopularityBaseline: Baseline {
  /// Its name in reports.
  public let name = BaselineKind.popularity.rawValue
  /// The items that it knows.
  public let vocabulary: Vocabulary
  /// It looks at no item of the session.
  public let window = 0
  private let ranked: [RecommendedItem]

  /// The baseline of a training file's visits.
  public init(_ history: VisitHistory) {
    vocabulary = history.vocabulary
    let clicks = history.clicks
    ranked = clicks.indices.filter { clicks[$0] > 0 }.sorted { (clicks[$1], $0) < (clicks[$0], $1) }
      .map { RecommendedItem(item: ItemIndex($0), score: Double(clicks[$0])) }
  }

  /// Appends the most popular items.
  public mutating func recommend(
    after session: ArraySlice<ItemIndex>, excluding excluded: ItemSet, count: Int, into list: inout [RecommendedItem]
  ) {
    for entry in ranked where !excluded.contains(entry.item) {
      if list.count >= count { return }
      list.append(entry)
    }
  }

  /// Fills `list` up to `count` with the most popular items that it lacks, at a score of 0.
  func fill(_ list: inout [RecommendedItem], excluding excluded: ItemSet, count: Int) {
    for entry in ranked where !excluded.contains(entry.item) && !list.contains(where: { $0.item == entry.item }) {
      if list.count >= count { return }
      list.append(RecommendedItem(item: entry.item, score: 0))
    }
  }
}
