/// Asks `condition` again and again until it holds, at most `milliseconds`; says whether it did.
public func eventually(
  milliseconds: Int, every interval: Int = 10, _ condition: () async throws -> Bool
) async rethrows -> Bool {
  let deadline = ContinuousClock.now + .milliseconds(milliseconds)
  while true {
    if try await condition() { return true }
    if ContinuousClock.now >= deadline { return false }
    try? await Task.sleep(for: .milliseconds(interval))
  }
}

/// A moment after which a test gives up waiting.
public struct Deadline: Sendable {
  private let end: ContinuousClock.Instant

  /// The moment `seconds` from now.
  public init(seconds: Double) { end = ContinuousClock.now + .seconds(seconds) }

  /// True when it is over.
  public var isOver: Bool { ContinuousClock.now >= end }
}
