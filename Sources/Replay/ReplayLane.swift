private import Dispatch
import Events
import Formats
import Pipeline
import Platform
import Sequential
import SessionState

/// One worker's part of a block of events, and the predictions for it.
final class ReplayPart {
  var batch: EventBatch
  var output = PredictionBatch()

  init(capacity: Int) { batch = EventBatch(capacity: capacity) }
}

/// A worker of a replay: its own sessions and encoder, on a thread of its own. The runner gives it one part at a time and touches neither the
/// part nor the processor until it is done.
final class ReplayLane: @unchecked Sendable {
  private(set) var processor: BatchProcessor<MemorySessionStore, JSONPredictionEncoder>
  /// Why the lane stopped working.
  private(set) var failure: PipelineFailure?
  private let work = DispatchSemaphore(value: 0)
  private let done = DispatchSemaphore(value: 0)
  private var part: ReplayPart?
  private var thread: WorkerThread?

  init(
    _ number: Int, _ model: SequentialModel, _ options: PipelineOptions, storeBytes: Int, partitions: PartitionTable,
    origins: OriginStyle
  ) throws(ReplayFailure) {
    let label = ModelLabel(
      name: model.configuration.name, version: model.configuration.version, kernel: model.kernel.rawValue)
    do throws(PipelineFailure) {
      processor = try BatchProcessor(
        model, options, store: MemorySessionStore(bytes: storeBytes, rules: options.rules, keepsPredictions: false),
        encoder: JSONPredictionEncoder(
          vocabulary: model.vocabulary, model: label, partitions: partitions, origins: origins))
    } catch {
      throw .working(error)
    }
    do throws(PlatformFailure) {
      thread = try WorkerThread(name: "replay-\(number)") { [self] in run() }
    } catch {
      throw .thread(error)
    }
  }

  /// Sessions that the sequences' memory had no room for.
  var forgottenSessions: Int { processor.withStore { $0.evictions } }

  /// Greatest event time of these sessions; `.min` where there was none.
  var forgottenTime: EventTime { processor.withStore { $0.evictedTime } }

  /// Begins with a part; ``wait()`` must follow.
  func begin(_ part: ReplayPart) {
    self.part = part
    work.signal()
  }

  /// Waits until the part begun is done.
  func wait() { done.wait() }

  /// Ends the thread.
  func end() {
    part = nil
    work.signal()
    thread?.join()
    thread = nil
  }

  private func run() {
    while true {
      work.wait()
      guard let part else { return }
      if failure == nil { process(part) }
      done.signal()
    }
  }

  private func process(_ part: ReplayPart) {
    part.output.removeAll()
    var next = 0
    do throws(PipelineFailure) {
      while next < part.batch.events.count {
        next = try processor.process(part.batch, from: next, into: &part.output)
        processor.noteCommit()
      }
    } catch {
      failure = error
    }
  }
}
