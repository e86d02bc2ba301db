/// The sessions of a stream of events that are open: a slot each, at most so many, the least recently seen one makes room. About
/// 100 bytes each, and the id.
///
/// The owner keeps what it needs by slot. A slot that is given to another session, or to the same session's next visit,
/// still holds the old visit's state when ``visit(_:at:)`` returns, and says so.
public struct OpenSessions: Sendable {
  /// Where a click belongs.
  public struct Visit: Sendable {
    /// The session's slot.
    public var slot: Int
    /// True for the first click of a visit: what the slot held is of a visit that ended.
    public var begins: Bool
    /// Greatest time of the session before the click; nil where the session was not in memory.
    public var before: EventTime?
  }

  /// Sessions that had to make room while they may have been open.
  public private(set) var evicted = 0
  /// Greatest time of any of these; `.min` where there was none.
  public private(set) var evictedTime = EventTime.min
  /// Slots in use.
  public var count: Int { keys.count }

  private let capacity: Int
  private let idleTimeout: Int64
  private var slots: [[UInt8]: Int] = [:]
  private var keys: [[UInt8]] = []
  private var greatest: [EventTime] = []
  /// Neighbours in the order of use; `newest` and `oldest` are its ends.
  private var newer: [Int] = []
  private var older: [Int] = []
  private var newest = -1
  private var oldest = -1
  private var scratch: [UInt8] = []

  /// An empty table for at most `capacity` sessions, whose visits end at gaps above `idleTimeout` milliseconds.
  public init(capacity: Int, idleTimeout: Int64) {
    self.capacity = max(1, capacity)
    self.idleTimeout = idleTimeout
  }

  /// The slot of a click of `session` at `time`. A gap above the idle timeout begins another visit.
  public mutating func visit(_ session: Span<UInt8>, at time: EventTime) -> Visit {
    scratch.removeAll(keepingCapacity: true)
    _ = scratch.appendBytes(session)
    if let slot = slots[scratch] {
      let before = greatest[slot]
      let begins = time - before > idleTimeout
      greatest[slot] = begins ? time : max(greatest[slot], time)
      unlink(slot)
      link(slot)
      return Visit(slot: slot, begins: begins, before: before)
    }
    let slot: Int
    if keys.count < capacity {
      slot = keys.count
      keys.append(scratch)
      greatest.append(time)
      newer.append(-1)
      older.append(-1)
    } else {
      slot = oldest
      evicted += 1
      evictedTime = max(evictedTime, greatest[slot])
      unlink(slot)
      slots[keys[slot]] = nil
      keys[slot] = scratch
      greatest[slot] = time
    }
    slots[scratch] = slot
    link(slot)
    return Visit(slot: slot, begins: true, before: nil)
  }

  private mutating func unlink(_ slot: Int) {
    if newer[slot] >= 0 { older[newer[slot]] = older[slot] } else { newest = older[slot] }
    if older[slot] >= 0 { newer[older[slot]] = newer[slot] } else { oldest = newer[slot] }
  }

  private mutating func link(_ slot: Int) {
    (newer[slot], older[slot]) = (-1, newest)
    if newest >= 0 { newer[newest] = slot } else { oldest = slot }
    newest = slot
  }
}
