public import Events

/// A place in time of a topic, by its records' timestamps.
public enum TopicTime: Sendable, Equatable {
  /// The oldest record that is still there.
  case earliest
  /// The first record of each partition with this timestamp or a later one.
  case at(EventTime)
}

/// Which records of a topic are read.
public struct TopicRange: Sendable, Equatable {
  /// Where it begins.
  public var since: TopicTime
  /// Where it ends: before the first record of each partition with this timestamp or a later one; nil for what was the end when the
  /// reading began.
  public var until: EventTime?
  /// How much earlier reading begins, for state alone. Milliseconds.
  public var warmUp: Int64

  /// What lies between these times.
  public init(since: TopicTime = .earliest, until: EventTime? = nil, warmUp: Int64 = 0) {
    self.since = since
    self.until = until
    self.warmUp = warmUp
  }
}

extension TopicRange {
  /// When reading begins for a range that begins at `time`.
  func begin(_ time: EventTime) -> EventTime {
    let (begin, isTooEarly) = time.subtractingReportingOverflow(warmUp)
    return isTooEarly ? .min : begin
  }
}

/// What is read of one partition.
public struct PartitionRange: Sendable, Equatable {
  /// Slot in the reader's ``PartitionTable``.
  public var slot: Int32
  /// Number of the partition.
  public var partition: Int32
  /// Offsets that are read.
  public var offsets: Range<Int64>
  /// From this offset on the range asked for begins; what is before is warm-up.
  public var output: Int64
  /// The greatest timestamp that a record before `offsets` can have: `.min` where there never was one, nil where only the first record
  /// that is read tells.
  public var unread: EventTime?
}

/// Where a record of a range stands.
public struct RangePlace: Sendable, BitwiseCopyable {
  /// Partition and offset.
  public var origin: Origin
  /// Index of its partition in ``TopicRangeReader/ranges``.
  public var range: Int
  /// The record's Kafka timestamp; nil where it has none.
  public var time: EventTime?
  /// True for a record without a value.
  public var isTombstone: Bool
}

/// What came of asking for the next record of a range.
public enum RangeStep: Sendable, Equatable {
  /// A record was handed over.
  case record
  /// None came in the time given.
  case waiting
  /// Everything is read.
  case ended
}
