/// Milliseconds since 1970-01-01 UTC.
public typealias EventTime = Int64

/// A row of the catalogue; ``ItemIndex/unknown`` for an id that the model does not know.
public typealias ItemIndex = Int32

extension ItemIndex {
  /// An item that is not in the model's catalogue.
  public static let unknown: ItemIndex = -1
}

/// Where an event came from.
public struct Origin: Sendable, BitwiseCopyable, Hashable {
  /// Slot of the topic and partition (or file) in the worker's ``PartitionTable``.
  public var partition: Int32
  /// Kafka offset, or line number of a file (from 1).
  public var offset: Int64

  /// The origin at `offset` of the partition in slot `partition`.
  public init(partition: Int32, offset: Int64) {
    self.partition = partition
    self.offset = offset
  }
}

/// A click or another interaction. Its bytes stand in the ``EventBatch`` that it belongs to.
public struct Event: Sendable, BitwiseCopyable {
  /// Session id, 1…``Limits/sessionBytes`` bytes.
  public var session: ByteRange
  /// External item id, 1…``Limits/itemBytes`` bytes.
  public var item: ByteRange
  /// User id; empty where there is none.
  public var user: ByteRange
  /// Kind of interaction, such as `click`; empty where there is none.
  public var type: ByteRange
  /// When it happened.
  public var time: EventTime
  /// Where it came from.
  public var origin: Origin
  /// The Kafka timestamp of its record; ``time`` where there is none. For latencies: nothing else is judged by it.
  public var recordTime: EventTime
  /// True for a record that is read again to rebuild lost state: applied where it is missing, its prediction not published.
  public var isStateOnly = false

  /// An event whose bytes stand in the batch that it will be appended to.
  public init(
    session: ByteRange, item: ByteRange, user: ByteRange = .empty, type: ByteRange = .empty,
    time: EventTime, origin: Origin
  ) {
    self.session = session
    self.item = item
    self.user = user
    self.type = type
    self.time = time
    self.origin = origin
    recordTime = time
  }
}

/// Why a record is not an event. The raw value is the stable name in counters and dead-letter headers.
public enum RejectionReason: String, Sendable, BitwiseCopyable, CaseIterable {
  case malformed
  case missingSession = "missing_session"
  case missingItem = "missing_item"
  case missingTime = "missing_time"
  case sessionTooLong = "session_too_long"
  case itemTooLong = "item_too_long"
  case recordTooLong = "record_too_long"
  case invalidTime = "invalid_time"
  case timeOutOfRange = "time_out_of_range"
  case wrongType = "wrong_type"
  case invalidText = "invalid_text"
}

/// A record that is not an event: counted, dead-lettered, passed over.
public struct Rejection: Sendable, BitwiseCopyable {
  /// Why.
  public var reason: RejectionReason
  /// Where it came from.
  public var origin: Origin
  /// The record's key, at most ``Limits/sessionBytes`` of it.
  public var key: ByteRange
  /// The record's bytes, at most ``Limits/deadLetterBytes`` of them.
  public var payload: ByteRange
  /// Length of the whole record in bytes.
  public var payloadBytes: Int32

  /// A rejection whose bytes stand in the batch that it will be appended to.
  public init(
    reason: RejectionReason, origin: Origin, key: ByteRange, payload: ByteRange, payloadBytes: Int
  ) {
    self.reason = reason
    self.origin = origin
    self.key = key
    self.payload = payload
    self.payloadBytes = Int32(clamping: payloadBytes)
  }
}
