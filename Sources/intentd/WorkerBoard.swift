import Control
import Kafka
import Pipeline
import Synchronization

/// What all workers have done so far, for whoever wants to know: each writes its own line once a batch, any thread reads.
final class WorkerBoard: Sendable {
  /// One worker's line.
  struct Line: Sendable {
    /// What its processor has done.
    var counters = PipelineCounters()
    /// What source and sink have counted when it ended.
    var more: [(name: String, count: Int)] = []
  }

  private struct State {
    var lines: [Line]
    var lastSaid = ContinuousClock.now
    var failure: (any Error)?
  }

  private let state: Mutex<State>
  private let log: Log

  /// A board for `workers` workers.
  init(workers: Int, _ log: Log) {
    state = Mutex(State(lines: Array(repeating: Line(), count: workers)))
    self.log = log
  }

  /// Every worker's line.
  var lines: [Line] { state.withLock { $0.lines } }

  /// Why the first worker failed that did.
  var failure: (any Error)? { state.withLock { $0.failure } }

  /// Takes a worker's news: no line for a record, one a minute for all counters, one for each wait.
  func take(_ news: WorkerNews, of worker: Int) {
    switch news {
    case .waiting(let failure, let milliseconds):
      log.with(label: "worker-\(worker)").warning("\(failure)", metadata: ["next_try_ms": .init(milliseconds)])
    case .rebuilding(let failure, let partitions):
      log.with(label: "worker-\(worker)").warning("\(failure)", metadata: ["partitions": .init(partitions)])
    case .noticed(let notice): log.with(label: "worker-\(worker)").warning("\(notice)")
    case .worked(let counters):
      let isDue = state.withLock { state in
        state.lines[worker].counters = counters
        guard ContinuousClock.now - state.lastSaid >= .seconds(60) else { return false }
        state.lastSaid = .now
        return true
      }
      if isDue { say("working") }
    }
  }

  /// Notes what a worker leaves behind.
  func end(_ worker: Int, _ counters: PipelineCounters, _ more: [(name: String, count: Int)]) {
    state.withLock { $0.lines[worker] = Line(counters: counters, more: more) }
  }

  /// Notes why a worker failed.
  func fail(_ failure: any Error) { state.withLock { if $0.failure == nil { $0.failure = failure } } }

  /// Logs the sum of all counters.
  func say(_ message: String) {
    var sum = PipelineCounters()
    var more: [(name: String, count: Int)] = []
    for line in lines {
      sum.add(line.counters)
      for (name, count) in line.more {
        if let known = more.firstIndex(where: { $0.name == name }) {
          more[known].count += count
        } else {
          more.append((name, count))
        }
      }
    }
    let all = PipelineCounters.names.map { (name: $0.name, count: sum[keyPath: $0.field]) } + more
    log.log(.info, message, fields: all.map { Log.Record.Field($0.name, .init($0.count)) })
  }
}
