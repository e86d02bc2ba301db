internal import Events

/// Which predictions of a part of a topic are bound to be the live ones: those of visits whose beginning lies in what was read.
///
/// A visit begins where its session is new, or where the gap to the greatest time of all its earlier events is above the idle timeout. Of
/// events that were not read only a bound of their times is known; a beginning counts when it would be one after an event at that bound too.
/// Sessions that had to make room in memory are treated like unread events. So a mistake is always on one side: what is called
/// exact is, what is not may be.
///
/// A session whose events come from two partitions is never exact from the second one on: their order is not recorded anywhere.
struct Exactness {
  /// Where an event stands, and what is not known of the time before it.
  struct Place {
    /// Slot of its partition.
    var partition: Int32
    /// Greatest time of an event of its partition that was not read; `.min` where there is none.
    var unread: EventTime
    /// Greatest time of a session that the replay itself had to forget; `.min` where there is none.
    var forgotten: EventTime
  }

  /// Sessions whose events came from more than one partition.
  private(set) var splitSessions = 0
  private let idleTimeout: Int64
  private var sessions: OpenSessions
  private var states: [State] = []

  private struct State {
    var isExact: Bool
    var partition: Int32
    var isSplit = false
  }

  init(idleTimeout: Int64, openSessions: Int = 1 << 20) {
    self.idleTimeout = idleTimeout
    sessions = OpenSessions(capacity: openSessions, idleTimeout: idleTimeout)
  }

  /// Takes a batch of `source` and appends the places of those events whose predictions may differ from the live ones to `inexact`.
  /// `forgotten` is the greatest time of a session that the replay itself had to forget; `.min` where there is none.
  mutating func observe(
    _ batch: borrowing EventBatch, _ source: borrowing some ReplaySource & ~Copyable, forgotten: EventTime,
    into inexact: inout [Int]
  ) {
    for (index, event) in batch.events.enumerated() {
      let slot = event.origin.partition
      let place = Place(partition: slot, unread: source.unreadTime(of: slot), forgotten: forgotten)
      let bytes = batch.bytes.span
      if !observe(bytes.extracting(event.session.indices), at: event.time, place) { inexact.append(index) }
    }
  }

  /// Takes the next event; true where its prediction is bound to be the live one.
  mutating func observe(_ session: Span<UInt8>, at time: EventTime, _ place: Place) -> Bool {
    let visit = sessions.visit(session, at: time)
    guard let before = visit.before else {
      // Not seen before, or forgotten by this very table.
      let isExact = begins(time, after: max(place.unread, place.forgotten, sessions.evictedTime))
      let state = State(isExact: isExact, partition: place.partition)
      if visit.slot == states.count { states.append(state) } else { states[visit.slot] = state }
      return isExact
    }
    if visit.begins {
      // After a whole visit the gap is the true one. Else the session's greatest time may lie in what was not read, or was forgotten here.
      if !states[visit.slot].isExact {
        states[visit.slot].isExact = begins(time, after: max(place.unread, sessions.evictedTime))
      }
    } else if before <= place.forgotten {
      // It may be one of those whose sequence had to go.
      states[visit.slot].isExact = false
    }
    if states[visit.slot].partition != place.partition, !states[visit.slot].isSplit {
      states[visit.slot].isSplit = true
      splitSessions += 1
    }
    return states[visit.slot].isExact && !states[visit.slot].isSplit
  }

  /// True where an event at `time` begins a visit even if the session had one at `bound`.
  private func begins(_ time: EventTime, after bound: EventTime) -> Bool {
    bound == .min || time - idleTimeout > bound
  }
}
