import Events
import Formats

/// Evaluates baselines alone: files are read as ``ReplayRunner`` reads them, but no model predicts.
public struct BaselineReplay {
  private let options: ReplayOptions
  private let progress: (ReplayProgress) -> Void

  /// A replay of `options`' files through `options`' baselines, which need a file to learn from. `progress` is told after each batch, at most ten times a
  /// second.
  public init(_ options: ReplayOptions, progress: @escaping (ReplayProgress) -> Void = { _ in }) {
    self.options = options
    self.progress = progress
  }

  /// Replays the files, in the order asked for.
  public func run() throws(ReplayFailure) -> ReplayReport {
    let source: FileEventSource
    do throws(FormatsFailure) {
      source = try options.source(PartitionTable())
    } catch {
      throw .reading(error)
    }
    switch options.order {
    case .file: return try run(source)
    case .time: return try run(TimeOrderedEventSource(source))
    }
  }

  private func run<Source: ReplaySource & ~Copyable>(
    _ source: consuming Source
  ) throws(ReplayFailure) -> ReplayReport {
    var source = source
    var batch = EventBatch(capacity: options.batch)
    // The first batch tells the format, and with it when a visit ends.
    var state = try read(&source, into: &batch)
    let evaluation = EvaluationOptions(targets: options.targets, idleTimeout: options.idleTimeout(of: source))
    var baselines = try BaselineEvaluations(options, evaluation)
    let began = ContinuousClock.now
    var lastProgress = began
    var events = 0
    while true {
      baselines?.observe(batch)
      events += batch.events.count
      if ContinuousClock.now - lastProgress >= .milliseconds(100) {
        lastProgress = ContinuousClock.now
        progress(ReplayProgress(events: events, seconds: (lastProgress - began) / .seconds(1), p50: 0, p99: 0))
      }
      guard state == .open else { break }
      state = try read(&source, into: &batch)
    }
    // Lists of visits that end with the input are made now.
    let rows = baselines?.finish() ?? []
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    return ReplayReport(
      model: nil, input: source.input, topic: nil,
      speed: .init(
        workers: 1, seconds: seconds, clicksPerSecond: Double(events) / max(seconds, 1e-9), computeP50Microseconds: 0,
        computeP99Microseconds: 0),
      counters: [:], forgottenSessions: 0,
      evaluation: EvaluationReport(
        targets: options.targets, baselineTraining: baselines?.training, rows: rows))
  }

  private func read<Source: ReplaySource & ~Copyable>(
    _ source: inout Source, into batch: inout EventBatch
  ) throws(ReplayFailure) -> SourceState {
    batch.removeAll()
    do throws(Source.Failure) {
      return try source.take(into: &batch, milliseconds: 1000)
    } catch {
      throw .reading(error)
    }
  }
}
