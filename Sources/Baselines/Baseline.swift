public import Events

/// A recommended item.
public struct RecommendedItem: Sendable, BitwiseCopyable, Hashable {
  /// Row of the baseline's vocabulary.
  public var item: ItemIndex
  /// Its score, to be compared within one list only.
  public var score: Double

  /// An item with its score.
  public init(item: ItemIndex, score: Double) {
    self.item = item
    self.score = score
  }
}

/// A recommender that needs no training beyond counting, to hold a model against. A value that is copied shares what was learnt and has
/// scratch memory of its own.
public protocol Baseline: Sendable {
  /// Its name in reports.
  var name: String { get }
  /// The items that it knows.
  var vocabulary: Vocabulary { get }
  /// Most items of a session that it looks at, its newest.
  var window: Int { get }

  /// Appends the next items after `session` (the known items of the visit so far, newest last) to the emptied `list`, best first, at
  /// most `count`, without those of `excluded`. Repeatable: equal calls give equal lists, ties included.
  mutating func recommend(
    after session: ArraySlice<ItemIndex>, excluding excluded: ItemSet, count: Int, into list: inout [RecommendedItem])
}

/// The baselines that there are. The raw value is the name on the command line and in reports.
public enum BaselineKind: String, Sendable, CaseIterable {
  case popularity
  case markov
  case itemKNN = "item-knn"
  case sequentialRules = "sequential-rules"
  case vmisKNN = "vmis-knn"

  /// The baseline of this kind with the settings that its documentation names, learnt from `history`.
  public func learn(from history: VisitHistory) -> any Baseline {
    switch self {
    case .popularity: PopularityBaseline(history)
    case .markov: LastItemBaseline.markov(history)
    case .itemKNN: LastItemBaseline.itemKNN(history)
    case .sequentialRules: LastItemBaseline.sequentialRules(history)
    case .vmisKNN: VMISKNNBaseline(history)
    }
  }
}

/// A set of a vocabulary's items that is emptied in constant time. 8 bytes an item of the vocabulary.
public struct ItemSet: Sendable {
  /// Of each item, the emptying after which it was inserted last.
  private var marks: [Int]
  private var epoch = 1

  /// An empty set of items of a vocabulary of `items`.
  public init(items: Int) { marks = [Int](repeating: 0, count: items) }

  /// A set of these items of a vocabulary of `count`.
  public init(_ items: some Sequence<ItemIndex>, of count: Int) {
    self.init(items: count)
    for item in items { insert(item) }
  }

  /// True where `item` is in the set.
  public func contains(_ item: ItemIndex) -> Bool { marks[Int(item)] == epoch }

  /// Adds `item`; an unknown one is passed over.
  public mutating func insert(_ item: ItemIndex) {
    if item >= 0 { marks[Int(item)] = epoch }
  }

  /// Takes all items out.
  public mutating func removeAll() { epoch += 1 }
}
