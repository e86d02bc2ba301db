public import Events
import Formats
private import Foundation
import Pipeline
public import Sequential

/// Puts files, or a part of a topic, through the path of a click: a reader, workers that own the sessions that hash to them, and a writer that keeps the
/// order of the input. While the workers compute one block, the next is read and the last is written.
public struct ReplayRunner: ~Copyable {
  /// Most predicted items of one block.
  private static let itemsPerBlock = 1 << 21
  private let model: SequentialModel
  private let options: ReplayOptions
  private let progress: (ReplayProgress) -> Void
  private let partitions: PartitionTable
  private var output: ReplayOutput?
  private var lanes: [ReplayLane] = []
  private var evaluator: Evaluator?
  private var baselines: BaselineEvaluations?
  /// Only a topic is read in part.
  private var exactness: Exactness?
  private var inexact = 0
  private var began = ContinuousClock.now
  private var lastProgress = ContinuousClock.now
  private var events = 0

  /// A replay of `options` through `model`; predictions go to `output` (`-` is standard output, nil nowhere). `progress` is told after each block. A
  /// source of its own brings the table of its `partitions`, all of which stand in it before the run.
  public init(
    _ model: SequentialModel, _ options: ReplayOptions, output: String?, partitions: PartitionTable = PartitionTable(),
    progress: @escaping (ReplayProgress) -> Void = { _ in }
  ) throws(ReplayFailure) {
    self.model = model
    self.options = options
    self.progress = progress
    self.partitions = partitions
    // All slots are made before any worker looks: from then on the table is only read.
    for file in options.files { _ = partitions.slot(topic: file, partition: 0) }
    self.output = if let output { try ReplayOutput(output) } else { nil }
  }

  /// Replays the files, in the order asked for.
  public mutating func run() throws(ReplayFailure) -> ReplayReport {
    let source: FileEventSource
    do throws(FormatsFailure) {
      source = try options.source(partitions)
    } catch {
      throw .reading(error)
    }
    switch options.order {
    case .file: return try run(source)
    case .time: return try run(TimeOrderedEventSource(source))
    }
  }

  /// Replays everything of `source`, in its order.
  public mutating func run(_ source: consuming some ReplaySource & ~Copyable) throws(ReplayFailure) -> ReplayReport {
    let isTimed = options.speed != nil
    // A block's predictions stand in memory until it is written.
    let capacity = isTimed ? 1 : max(1, min(options.batch, ReplayRunner.itemsPerBlock / options.topK))
    var current = ReplayBlock(capacity: capacity, lanes: options.workers)
    var next = ReplayBlock(capacity: capacity, lanes: options.workers)
    var pace = ReplayPace(speed: options.speed)
    // The first block tells the format, and with it when a visit ends.
    var (state, failure) = read(&source, into: current)
    if current.batch.events.isEmpty, let failure { throw failure }
    let idleTimeout = options.idleTimeout(of: source)
    try makeLanes(idleTimeout: idleTimeout, origins: source.topic == nil ? .file : .topic)
    defer { for lane in lanes { lane.end() } }
    began = ContinuousClock.now
    while true {
      if let event = current.batch.events.first, !event.isStateOnly { pace.wait(for: event.time) }
      for (lane, part) in zip(lanes, current.parts) { lane.begin(part) }
      // The next block is read while the workers are busy with this one; in real time there is nothing to read ahead.
      next.clear()
      if state == .open, !isTimed { (state, failure) = read(&source, into: next) }
      for lane in lanes { lane.wait() }
      if let failure = lanes.lazy.compactMap(\.failure).first { throw .working(failure) }
      judge(current, source)
      try finish(current)
      if state == .open, isTimed { (state, failure) = read(&source, into: next) }
      guard state == .open || !next.batch.events.isEmpty else { break }
      swap(&current, &next)
    }
    // What was predicted before a line that can't be read is written all the same.
    try output?.flush()
    if let failure { throw failure }
    return report(source.input, source.topic)
  }

  /// Reads a block. After a failure it holds what came before.
  private func read<Source: ReplaySource & ~Copyable>(
    _ source: inout Source, into block: ReplayBlock
  ) -> (SourceState, ReplayFailure?) {
    block.clear()
    defer { block.route() }
    do throws(Source.Failure) {
      return (try source.take(into: &block.batch, milliseconds: 1000), nil)
    } catch {
      return (.ended, .reading(error))
    }
  }

  private mutating func makeLanes(idleTimeout: Int64, origins: OriginStyle) throws(ReplayFailure) {
    var pipeline = PipelineOptions(maxLength: model.configuration.maxLength)
    pipeline.topK = options.topK
    pipeline.exclude = options.exclude
    if options.seesWholeVisit {
      pipeline.seenEvents = Limits.exclusions
      // A session that the cache forgot is read from the store with all that is excluded.
      pipeline.rules.keep = max(pipeline.rules.keep, Limits.exclusions + Limits.uncommittedPerSession)
    }
    pipeline.detectsRedelivery = false
    pipeline.rules.idleTimeout = idleTimeout
    pipeline.cacheBytes = options.memory / 2 / options.workers
    for number in 0..<options.workers {
      lanes.append(
        try ReplayLane(
          number, model, pipeline, storeBytes: options.memory / 2 / options.workers, partitions: partitions,
          origins: origins))
    }
    if origins == .topic { exactness = Exactness(idleTimeout: idleTimeout) }
    guard options.evaluate else { return }
    let evaluation = EvaluationOptions(targets: options.targets, idleTimeout: idleTimeout)
    evaluator = Evaluator(
      name: model.configuration.name, catalogue: model.configuration.itemCount, options: evaluation)
    baselines = try BaselineEvaluations(options, evaluation)
  }

  /// Finds the predictions of a block of a topic that may differ from the live ones. After the workers: sessions that they had to
  /// forget until now count.
  private mutating func judge(_ block: ReplayBlock, _ source: borrowing some ReplaySource & ~Copyable) {
    guard exactness != nil else { return }
    let forgotten = lanes.lazy.map(\.forgottenTime).max() ?? .min
    exactness!.observe(block.batch, source, forgotten: forgotten, into: &block.inexact)
    inexact += block.inexact.count { !block.batch.events[$0].isStateOnly }
  }

  /// Writes and evaluates a block whose parts are done.
  private mutating func finish(_ block: ReplayBlock) throws(ReplayFailure) {
    if output != nil { try block.write(to: &output!) }
    if options.speed != nil { try output?.flush() }
    for part in block.parts { evaluator?.observe(part.batch, part.output, vocabulary: model.vocabulary) }
    baselines?.observe(block.batch)
    events += block.batch.events.count
    guard isProgressDue else { return }
    let times = computeTimes
    progress(
      ReplayProgress(events: events, seconds: seconds, p50: times.value(at: 0.5), p99: times.value(at: 0.99)))
  }

  /// True ten times a second: nobody reads faster.
  private var isProgressDue: Bool {
    mutating get {
      guard ContinuousClock.now - lastProgress >= .milliseconds(100) else { return false }
      lastProgress = ContinuousClock.now
      return true
    }
  }

  private var seconds: Double { (ContinuousClock.now - began) / .seconds(1) }

  private var computeTimes: Histogram {
    var times = Histogram()
    for lane in lanes { times.add(lane.processor.computeTimes) }
    return times
  }

  private mutating func report(_ input: ReplayReport.Input, _ topic: ReplayReport.Topic?) -> ReplayReport {
    var topic = topic
    topic?.inexact = inexact
    topic?.splitSessions = exactness?.splitSessions ?? 0
    var counters = PipelineCounters()
    var forgotten = 0
    for lane in lanes {
      counters.add(lane.processor.counters)
      forgotten += lane.forgottenSessions
    }
    var evaluation: EvaluationReport?
    if evaluator != nil {
      let model = evaluator!.finish()
      evaluation = EvaluationReport(
        targets: options.targets, baselineTraining: baselines?.training, rows: [model] + (baselines?.finish() ?? []))
    }
    let times = computeTimes
    return ReplayReport(
      model: .init(
        name: model.configuration.name, version: model.configuration.version, kernel: model.kernel.rawValue),
      input: input, topic: topic,
      speed: .init(
        workers: options.workers, seconds: seconds, clicksPerSecond: Double(events) / max(seconds, 1e-9),
        computeP50Microseconds: Double(times.value(at: 0.5)) / 1000,
        computeP99Microseconds: Double(times.value(at: 0.99)) / 1000),
      counters: Dictionary(uniqueKeysWithValues: PipelineCounters.names.map { ($0.name, counters[keyPath: $0.field]) }),
      forgottenSessions: forgotten, evaluation: evaluation)
  }
}

/// Lets events pass when their time has come, `speed` times as fast as in life. Never waits where the speed is nil.
struct ReplayPace {
  let speed: Double?
  private var origin: EventTime?
  private let began = ContinuousClock.now

  init(speed: Double?) { self.speed = speed }

  /// Sleeps until an event at `time` is due.
  mutating func wait(for time: EventTime) {
    guard let speed else { return }
    let origin = origin ?? time
    self.origin = origin
    let due = Duration.milliseconds(Double(max(0, time - origin)) / speed)
    let left = (began + due) - ContinuousClock.now
    if left > .zero { Thread.sleep(forTimeInterval: left / .seconds(1)) }
  }
}
