/// An event of a session's stored sequence.
public struct StoredEvent: Sendable, BitwiseCopyable {
  /// Running number of the event in its session, from 1; never restarts.
  public var number: Int64
  /// Number of the event since its visit began, from 1.
  public var ordinal: Int64
  /// Where it came from.
  public var origin: Origin
  /// When it happened.
  public var time: EventTime
  /// External item id.
  public var item: ByteRange

  /// A stored event whose item stands in the arena beside it.
  public init(number: Int64, ordinal: Int64, origin: Origin, time: EventTime, item: ByteRange) {
    self.number = number
    self.ordinal = ordinal
    self.origin = origin
    self.time = time
    self.item = item
  }
}

/// The last offset of a partition that was applied to a session.
public struct Mark: Sendable, BitwiseCopyable, Hashable {
  /// Slot in the worker's ``PartitionTable``.
  public var partition: Int32
  /// Last offset applied.
  public var offset: Int64

  /// The mark of a partition.
  public init(partition: Int32, offset: Int64) {
    self.partition = partition
    self.offset = offset
  }
}

/// What a store knows of a partition as a whole.
public struct PartitionMark: Sendable, BitwiseCopyable, Hashable {
  /// Slot in the worker's ``PartitionTable``.
  public var partition: Int32
  /// Last offset applied to any session; -1 where the store knows nothing of the partition.
  public var offset: Int64
  /// True where that was applied on the server (and on its run) that is connected now. After a restart, a failover or a
  /// loss of all data it is false: acknowledged writes may be gone.
  public var isTrusted: Bool

  /// What a store knows of a partition.
  public init(partition: Int32, offset: Int64, isTrusted: Bool) {
    self.partition = partition
    self.offset = offset
    self.isTrusted = isTrusted
  }
}

/// What a store holds of one session; the ranges point into the ``SessionReadout``.
public struct StoredSession: Sendable {
  /// Its events, oldest first, in ``SessionReadout/events``; empty for a new session.
  public var events: Range<Int>
  /// Its marks in ``SessionReadout/marks``.
  public var marks: Range<Int>
  /// Greatest event time of the session so far, also of events that are no longer kept; `EventTime.min` for a new session.
  public var greatestTime: EventTime

  /// A new session.
  public static let empty = StoredSession(events: 0..<0, marks: 0..<0, greatestTime: .min)

  /// The session at these places of a readout.
  public init(events: Range<Int>, marks: Range<Int>, greatestTime: EventTime) {
    self.events = events
    self.marks = marks
    self.greatestTime = greatestTime
  }
}

/// What a store read. Reused: after the first fill it allocates nothing.
public struct SessionReadout: ~Copyable, Sendable {
  /// The arena of the items.
  public var bytes: [UInt8] = []
  /// Events of all sessions.
  public var events: [StoredEvent] = []
  /// Marks of all sessions.
  public var marks: [Mark] = []
  /// One entry a session, in the order asked for.
  public var sessions: [StoredSession] = []
  /// What could not be read and was set aside, its session being new now: key and reason, one text a session.
  public var setAside: [String] = []

  /// An empty readout.
  public init() {}

  /// Empties the readout and keeps its memory.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
    marks.removeAll(keepingCapacity: true)
    sessions.removeAll(keepingCapacity: true)
    setAside.removeAll(keepingCapacity: true)
  }
}

/// One session's part of a compare-and-append.
public struct SessionAppend: Sendable {
  /// Session id in ``SessionAppends/bytes``.
  public var session: ByteRange
  /// Running number of the stored event that these were computed from; 0 for a new session.
  public var expected: Int64
  /// The new events in ``SessionAppends/events``.
  public var events: Range<Int>
  /// The latest prediction, encoded, in ``SessionAppends/bytes``.
  public var prediction: ByteRange
  /// Greatest event time of the session with these events.
  public var greatestTime: EventTime

  /// One session's part.
  public init(
    session: ByteRange, expected: Int64, events: Range<Int>, prediction: ByteRange, greatestTime: EventTime
  ) {
    self.session = session
    self.expected = expected
    self.events = events
    self.prediction = prediction
    self.greatestTime = greatestTime
  }
}

/// All that one batch writes. Reused: after the first fill it allocates nothing.
public struct SessionAppends: ~Copyable, Sendable {
  /// The arena of session ids, items and predictions.
  public var bytes: [UInt8] = []
  /// New events of all sessions.
  public var events: [StoredEvent] = []
  /// One entry a session; each session appears once.
  public var sessions: [SessionAppend] = []
  /// Last offset of each partition that this batch applies, noted for the partition as a whole after the sessions. Partitions whose
  /// state is being rebuilt are left out: what is noted says that nothing before it is missing.
  public var partitions: [Mark] = []

  /// Nothing to write.
  public init() {}

  /// Empties the appends and keeps their memory.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
    sessions.removeAll(keepingCapacity: true)
    partitions.removeAll(keepingCapacity: true)
  }
}

/// What became of the appends: one outcome a session, in their order.
public struct AppendOutcomes: ~Copyable, Sendable {
  /// What became of one session's append.
  public enum Outcome: Sendable, Equatable {
    /// All of it was applied.
    case stored
    /// None of it: another event was the last one. What is stored stands in ``AppendOutcomes/readout`` at this index.
    case conflict(Int)
  }

  /// One outcome a session.
  public var outcomes: [Outcome] = []
  /// What the store holds of the sessions in conflict.
  public var readout = SessionReadout()

  /// No outcomes.
  public init() {}

  /// Empties the outcomes and keeps their memory.
  public mutating func removeAll() {
    outcomes.removeAll(keepingCapacity: true)
    readout.removeAll()
  }
}
