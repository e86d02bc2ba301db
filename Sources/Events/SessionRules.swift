/// The rules of a session's life that live serving, replay and training share.
public struct SessionRules: Sendable, Equatable {
  /// A gap between two events of a session above this, in event time, begins a new visit. Milliseconds.
  public var idleTimeout: Int64
  /// Events of a session that a store keeps, its newest: the longest window of all models plus
  /// ``Limits/uncommittedPerSession``.
  public var keep: Int
  /// What the store adds to the idle timeout before it forgets a session, for a pipeline that lags. Milliseconds.
  public var maxLag: Int64

  /// The rules for models whose longest window is `maxLength`.
  public init(maxLength: Int, idleTimeout: Int64 = 24 * 3_600_000, maxLag: Int64 = 24 * 3_600_000) {
    self.idleTimeout = idleTimeout
    self.keep = maxLength + Limits.uncommittedPerSession
    self.maxLag = maxLag
  }

  /// Time to live of a session's keys in a store: garbage collection only. Milliseconds.
  public var timeToLive: Int64 { idleTimeout + maxLag }

  /// The ordinal of an event at `time` in a session whose greatest time so far is `greatest` and whose last ordinal is `last`
  /// (0 for a new session). A gap below zero counts as zero.
  public func ordinal(of time: EventTime, after last: Int64, greatest: EventTime) -> Int64 {
    last > 0 && time - greatest > idleTimeout ? 1 : last + 1
  }
}
