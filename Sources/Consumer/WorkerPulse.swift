private import Synchronization

/// What a worker does, as seen from outside.
public enum WorkerActivity: UInt8, Sendable {
  /// It has not begun yet, or has ended.
  case resting
  /// It takes records, or waits for some.
  case taking
  /// It works on a batch.
  case working
  /// It waits until offsets are committed.
  case committing
  /// It compares what the store and the broker know of its partitions.
  case reconciling
  /// It waits for a server before it tries again.
  case waiting

  /// In words, for a log line.
  var words: String {
    switch self {
    case .resting: "resting"
    case .taking: "taking records"
    case .working: "working on a batch"
    case .committing: "committing offsets"
    case .reconciling: "comparing what store and broker know"
    case .waiting: "waiting for a server"
    }
  }
}

/// A worker's heartbeat: written by the worker, read by the group thread.
final class WorkerPulse: Sendable {
  private let beats = Atomic(0)
  private let activity = Atomic(WorkerActivity.resting.rawValue)
  private let heldUp = Atomic(false)

  /// Shows that the worker is alive, and what it does.
  func beat(_ activity: WorkerActivity) {
    self.activity.store(activity.rawValue, ordering: .relaxed)
    if activity == .waiting { heldUp.store(true, ordering: .relaxed) }
    if activity == .taking { heldUp.store(false, ordering: .relaxed) }
    beats.wrappingAdd(1, ordering: .relaxed)
  }

  /// Heartbeats so far.
  var count: Int { beats.load(ordering: .relaxed) }

  /// What it did at its last heartbeat.
  var doing: WorkerActivity { WorkerActivity(rawValue: activity.load(ordering: .relaxed)) ?? .resting }

  /// True from a wait for a server until the next take.
  var isHeldUp: Bool { heldUp.load(ordering: .relaxed) }
}
