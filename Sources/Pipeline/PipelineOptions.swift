public import Events
public import Sequential

/// Which items of the session a prediction leaves out.
public enum ExclusionMode: String, Sendable, CaseIterable {
  /// None: shops sell the same thing twice.
  case none
  /// The known items among the visit's newest L events, or ``PipelineOptions/seenEvents``.
  case seen
  /// The item of the event itself.
  case last
}

/// What a worker computes, and within which bounds.
public struct PipelineOptions: Sendable {
  /// Items of a prediction, 1…``Limits/topK``.
  public var topK = 20
  /// Items of the session that predictions leave out.
  public var exclude = ExclusionMode.none
  /// Newest events of a visit that ``ExclusionMode/seen`` looks at where they are more than L: 0 in live serving, at most
  /// ``Limits/exclusions`` in evaluations. Each costs 4 bytes of RAM a session. The store must keep so many: ``SessionRules/keep``.
  public var seenEvents = 0
  /// Items that nobody is shown.
  public var blocked: BlockedItems?
  /// The rules of a session's life.
  public var rules: SessionRules
  /// How keys and values are kept.
  public var keysValues = SequentialModel.KeysValues.fp32
  /// True where a record may be handed over again, and then gets the prediction that it got the first time, by its partition and
  /// offset: offsets rise in each partition. False for files, which are read once, in any order.
  public var detectsRedelivery = true
  /// True where of a session's clicks that are worked on together only the last one's prediction is published.
  public var publishesLatestOnly = false
  /// Bytes of RAM for one worker's sessions: ids, newest items, marks, and the encoder's memory.
  public var cacheBytes = 256 << 20

  /// Defaults for a model whose longest window is `maxLength`.
  public init(maxLength: Int) { rules = SessionRules(maxLength: maxLength) }
}

/// What a worker has done so far. Work that a conflict or a failure made it repeat counts again, but for ``events``.
public struct PipelineCounters: Sendable, Equatable {
  /// Events worked on, redeliveries included.
  public var events = 0
  /// Records that had been applied before.
  public var redelivered = 0
  /// Redeliveries older than what the store keeps.
  public var beyondHistory = 0
  /// Visits begun.
  public var visits = 0
  /// Events whose item the model does not know.
  public var unknownItems = 0
  /// Events whose window held no known item.
  public var noKnownItems = 0
  /// Events whose hidden state was not finite.
  public var notFinite = 0
  /// Incremental steps.
  public var steps = 0
  /// Windows encoded as a whole.
  public var prefills = 0
  /// Sessions found in RAM.
  public var cacheHits = 0
  /// Sessions that had to be read from the store.
  public var cacheMisses = 0
  /// Sessions forgotten to make room.
  public var evictions = 0
  /// Appends refused because another event was the last one.
  public var conflicts = 0
  /// Events that were missing in the store and applied again to rebuild it.
  public var rebuilt = 0
  /// Times that all sessions in RAM were dropped because the store or the source may have lost something.
  public var rebuilds = 0
  /// Sessions that were seen to have clicks on several partitions: the topic is keyed by something else.
  public var severalPartitions = 0
  /// Sessions whose stored form could not be read: it was set aside, they began anew.
  public var setAside = 0

  /// Nothing done yet.
  public init() {}

  /// Adds what another worker has done.
  public mutating func add(_ other: PipelineCounters) {
    for field in PipelineCounters.fields { self[keyPath: field] += other[keyPath: field] }
  }

  /// Every counter with its stable name.
  public static let names: [(name: String, field: any WritableKeyPath<PipelineCounters, Int> & Sendable)] = [
    ("events", \.events), ("redelivered", \.redelivered), ("beyond_history", \.beyondHistory), ("visits", \.visits),
    ("unknown_items", \.unknownItems), ("no_known_items", \.noKnownItems), ("not_finite", \.notFinite),
    ("steps", \.steps), ("prefills", \.prefills), ("cache_hits", \.cacheHits), ("cache_misses", \.cacheMisses),
    ("evictions", \.evictions), ("conflicts", \.conflicts), ("rebuilt", \.rebuilt),
    ("rebuilds", \.rebuilds), ("several_partitions", \.severalPartitions), ("set_aside", \.setAside),
  ]

  private static var fields: [any WritableKeyPath<PipelineCounters, Int> & Sendable] { names.map(\.field) }
}
