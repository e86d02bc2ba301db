/// An item with its score, h·E (+ bias).
public struct ScoredItem: Sendable, BitwiseCopyable, Hashable {
  /// Row of the catalogue.
  public var item: ItemIndex
  /// Score; always finite.
  public var score: Float

  /// An item with its score.
  public init(item: ItemIndex, score: Float) {
    self.item = item
    self.score = score
  }
}

/// What a prediction was made from.
public enum PredictionStatus: String, Sendable, BitwiseCopyable {
  /// Scored by the model.
  case predicted
  /// The window holds no item that the model knows: the list is empty.
  case noKnownItems = "no_known_items"
  /// The hidden state was not finite, so nothing could be ranked: the list is empty.
  case notFinite = "not_finite"
  /// A redelivery of a record so old that the stored sequence no longer reaches back to its window: the list is empty.
  case beyondHistory = "beyond_history"
}

/// The next items of one session after one event.
public struct Prediction: Sendable, BitwiseCopyable {
  /// Index of the event in its ``EventBatch``.
  public var event: Int32
  /// First of its items in ``PredictionBatch/items``.
  public var firstItem: Int32
  /// Number of its items, best first.
  public var itemCount: Int32
  /// What it was made from.
  public var status: PredictionStatus
  /// True for a record that had been applied before (a redelivery): published again as it was, nothing stored.
  public var isRedelivered: Bool
  /// False where it is not to be published: its event only rebuilds state, or a later click of its session is in the same batch and
  /// only the latest is asked for.
  public var isPublished = true
  /// Its encoded form in ``PredictionBatch/bytes``.
  public var encoded: ByteRange

  /// A prediction whose items stand in the batch.
  public init(
    event: Int, firstItem: Int, itemCount: Int, status: PredictionStatus, isRedelivered: Bool = false
  ) {
    self.event = Int32(event)
    self.firstItem = Int32(firstItem)
    self.itemCount = Int32(itemCount)
    self.status = status
    self.isRedelivered = isRedelivered
    encoded = .empty
  }

  /// Positions of its items in ``PredictionBatch/items``.
  public var itemIndices: Range<Int> { Int(firstItem)..<Int(firstItem) + Int(itemCount) }
}

/// The predictions of one ``EventBatch``: one an event, in the order of the events. Reused, as the batch is.
public struct PredictionBatch: ~Copyable, Sendable {
  /// One prediction an event.
  public var predictions: [Prediction] = []
  /// The items of all predictions.
  public var items: [ScoredItem] = []
  /// The encoded predictions.
  public var bytes: [UInt8] = []

  /// An empty batch.
  public init() {}

  /// Empties the batch and keeps its memory.
  public mutating func removeAll() {
    predictions.removeAll(keepingCapacity: true)
    items.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }
}
