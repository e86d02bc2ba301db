/// The events that a source handed over at once, with the bytes that they point to. Reused: after the first fill
/// it allocates nothing.
public struct EventBatch: ~Copyable, Sendable {
  /// The arena that the ranges of ``events`` and ``rejections`` point into.
  public var bytes: [UInt8] = []
  /// Events in the order of their source.
  public private(set) var events: [Event] = []
  /// Records that are not events, in the order of their source.
  public private(set) var rejections: [Rejection] = []
  /// Tombstones (records without a value) passed over since the batch was emptied.
  public var tombstones = 0
  /// Records of kinds that are not asked for, passed over since the batch was emptied.
  public var ignored = 0
  /// Most events that the batch takes.
  public let capacity: Int

  /// An empty batch for at most `capacity` events.
  public init(capacity: Int = Limits.batchEvents) {
    self.capacity = capacity
    bytes.reserveCapacity(capacity * 256)
    events.reserveCapacity(capacity)
  }

  /// True where another record must wait for the next batch.
  public var isFull: Bool {
    events.count + rejections.count >= capacity || bytes.count >= Limits.batchBytes
  }

  /// True where there is nothing to do.
  public var isEmpty: Bool { events.isEmpty && rejections.isEmpty }

  /// True where no record left anything, not even a number: then there is nothing to commit, either.
  public var hasNothing: Bool { isEmpty && tombstones == 0 && ignored == 0 }

  /// Adds an event whose bytes were appended to ``bytes`` before.
  public mutating func append(_ event: Event) { events.append(event) }

  /// Marks the last event as one that is read again to rebuild state, and drops the last rejection, whose dead letter was sent
  /// when it was read first: `events` and `rejections` are the numbers of either before the record was added.
  public mutating func keepStateOnly(events: Int, rejections: Int) {
    for index in events..<self.events.count { self.events[index].isStateOnly = true }
    self.rejections.removeLast(self.rejections.count - rejections)
  }

  /// Adds a rejected record whose bytes were appended to ``bytes`` before.
  public mutating func append(_ rejection: Rejection) { rejections.append(rejection) }

  /// Copies an event, with its bytes, from another batch.
  public mutating func append(_ event: Event, from other: borrowing EventBatch) {
    var copy = event
    copy.session = bytes.appendBytes(event.session, of: other.bytes)
    copy.item = bytes.appendBytes(event.item, of: other.bytes)
    copy.user = bytes.appendBytes(event.user, of: other.bytes)
    copy.type = bytes.appendBytes(event.type, of: other.bytes)
    events.append(copy)
  }

  /// Empties the batch and keeps its memory.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    events.removeAll(keepingCapacity: true)
    rejections.removeAll(keepingCapacity: true)
    tombstones = 0
    ignored = 0
  }
}
