/// Which events of a session a model sees: a function of the event's ordinal alone, so that memory that grew step by step and memory
/// rebuilt after a crash are the same thing.
public struct WindowRule: Sendable, Equatable {
  /// Longest window, L.
  public let maxLength: Int
  /// False for models in recompute mode, whose window slides by one.
  public let isIncremental: Bool

  /// The rule of a model with longest window `maxLength`.
  public init(maxLength: Int, isIncremental: Bool) {
    self.maxLength = maxLength
    self.isIncremental = isIncremental
  }

  /// The newest events, known or not, that the window after event `ordinal` (from 1) holds. With k = ⌈L/2⌉: all of them up to L, then
  /// k + ((n − L − 1) mod (L − k + 1)): it grows to L, drops to its newest k, and grows again.
  public func length(at ordinal: Int64) -> Int {
    if ordinal <= Int64(maxLength) { return Int(ordinal) }
    guard isIncremental else { return maxLength }
    let kept = (maxLength + 1) / 2
    return kept + Int((ordinal - Int64(maxLength) - 1) % Int64(maxLength - kept + 1))
  }

  /// True where the window after event `ordinal` is the one before it and that event: a step is enough.
  public func grows(at ordinal: Int64) -> Bool {
    isIncremental && (ordinal == 1 || length(at: ordinal) == length(at: ordinal - 1) + 1)
  }
}
