import Synchronization

/// Something that is said once by whoever comes first, of all threads.
final class Once: Sendable {
  private let isDone = Atomic(false)

  /// True for the first who asks.
  var isFirst: Bool { !isDone.exchange(true, ordering: .relaxed) }
}
