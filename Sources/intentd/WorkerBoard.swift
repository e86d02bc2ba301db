import Control
import Pipeline
import Synchronization

/// What all workers have done so far, for whoever wants to know: each writes its own snapshot once a second, any thread reads.
final class WorkerBoard: Sendable {
  private struct State {
    /// What each worker of this number has done in members of the group that are gone.
    var past: [WorkerSnapshot]
    /// What the one that serves now has done.
    var present: [WorkerSnapshot]
    var lastSaid = ContinuousClock.now
    var failure: (any Error)?
  }

  private let state: Mutex<State>
  private let log: Log
  private let severalPartitions = Once()
  private let setAside = Once()

  /// A board for `workers` workers.
  init(workers: Int, _ log: Log) {
    let nothing = Array(repeating: WorkerSnapshot(), count: workers)
    state = Mutex(State(past: nothing, present: nothing))
    self.log = log
  }

  /// What each worker has done since the process began, and what it holds.
  var snapshots: [WorkerSnapshot] {
    let (past, present) = state.withLock { ($0.past, $0.present) }
    return zip(past, present).map { past, present in
      var sum = past
      sum.add(present)
      return sum
    }
  }

  /// Why the first worker failed that did.
  var failure: (any Error)? { state.withLock { $0.failure } }

  /// Takes a worker's news: no line for a record, one for each wait, one for each notice, whichever worker has it first.
  func take(_ news: WorkerNews, of worker: Int) {
    switch news {
    case .waiting(let failure, let milliseconds):
      log.with(label: "worker-\(worker)").warning("\(failure)", metadata: ["next_try_ms": .init(milliseconds)])
    case .rebuilding(let failure, let partitions):
      log.with(label: "worker-\(worker)").warning("\(failure)", metadata: ["partitions": .init(partitions)])
    case .noticed(let notice):
      let once =
        switch notice {
        case .severalPartitions: severalPartitions
        case .setAside: setAside
        }
      if once.isFirst { log.with(label: "worker-\(worker)").warning("\(notice)") }
    case .worked: break
    }
  }

  /// Notes that a worker of this number begins; what one before it did counts on.
  func begin(_ worker: Int) {
    state.withLock { state in
      state.past[worker].add(state.present[worker].past)
      state.present[worker] = WorkerSnapshot()
    }
  }

  /// Notes what a worker has done since it began. Logs the sum of all workers once a minute.
  func note(_ worker: Int, _ snapshot: WorkerSnapshot) {
    let isDue = state.withLock { state in
      state.present[worker] = snapshot
      guard ContinuousClock.now - state.lastSaid >= .seconds(60) else { return false }
      state.lastSaid = .now
      return true
    }
    if isDue { say("working") }
  }

  /// Notes why a worker failed.
  func fail(_ failure: any Error) { state.withLock { if $0.failure == nil { $0.failure = failure } } }

  /// Logs the sum of all workers' figures.
  func say(_ message: String) {
    var sum = WorkerSnapshot()
    for snapshot in snapshots { sum.add(snapshot) }
    log.log(.info, message, fields: sum.figures.map { Log.Record.Field($0.name, .init($0.count)) })
  }
}
