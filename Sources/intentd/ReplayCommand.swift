import Baselines
import Control
import Events
import Formats
import Foundation
import Pipeline
import Platform
import Replay

/// `intentd --replay`: files or a part of a topic through the path of a click, predictions as lines of JSON on standard output or in a
/// file, a table of how good and how fast it was on standard error; or files to the topic of clicks.
struct ReplayCommand {
  private let options: Control.ReplayOptions

  init(_ options: Control.ReplayOptions) { self.options = options }

  func run() throws {
    if options.toKafka {
      var files = try replayOptions()
      files.topK = 1
      try FeedCommand(options, files).run()
    } else if let topic = options.topic {
      try replay(TopicReplay(topic, options))
    } else if options.model.isEmpty {
      let bar = bar(options.limit)
      let report = try BaselineReplay(replayOptions()) { bar.value.show($0) }.run()
      bar.value.finish()
      try tell(report)
    } else {
      let loaded = try LoadedModel(options.model)
      let replay = try replayOptions()
      let bar = bar(options.limit)
      var runner = try ReplayRunner(loaded.model, replay, output: output) { bar.value.show($0) }
      let report = try runner.run()
      bar.value.finish()
      try tell(report)
    }
  }

  /// A part of a topic, as the configuration serves it.
  private func replay(_ topic: TopicReplay) throws {
    let loaded = try LoadedModel(topic.configuration.model)
    var replay = try replayOptions()
    replay.format = nil
    replay.topK = options.topK ?? topic.configuration.predictions.topK
    replay.exclude =
      options.exclude.map { ExclusionMode($0) } ?? ExclusionMode(topic.configuration.predictions.exclude)
    replay.idleTimeout = options.idleTimeout ?? topic.configuration.state.idleTimeout
    let partitions = PartitionTable()
    let source = try topic.source(partitions)
    let bar = bar(min(options.limit ?? .max, source.mostEvents))
    var runner = try ReplayRunner(loaded.model, replay, output: output, partitions: partitions) { bar.value.show($0) }
    let report = try runner.run(source)
    bar.value.finish()
    try tell(report)
  }

  private func bar(_ total: Int?) -> Mutable<ProgressBar> {
    Mutable(ProgressBar("replay", total: total, width: Terminal.error.width, isTerminal: Terminal.error.isTerminal))
  }

  private func tell(_ report: ReplayReport) throws {
    StandardError.write(ReplaySummary(report).text)
    guard let path = options.report else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(report).write(to: URL(fileURLWithPath: path))
  }

  private var output: String? {
    switch options.output {
    case .nowhere: nil
    case .standardOutput: "-"
    case .file(let path): path
    }
  }

  private func replayOptions() throws -> Replay.ReplayOptions {
    var replay = Replay.ReplayOptions(files: options.files)
    replay.format = try format()
    replay.order = options.order == .time ? .time : .file
    replay.strict = options.strict
    replay.limit = options.limit
    replay.topK = options.topK ?? replay.topK
    replay.exclude = ExclusionMode(options.exclude ?? .none)
    replay.seesWholeVisit = options.exclude == .seenAll
    replay.idleTimeout = options.idleTimeout
    replay.workers = options.workers ?? max(1, ProcessInfo.processInfo.activeProcessorCount)
    replay.batch = options.batch ?? replay.batch
    if case .times(let speed) = options.speed { replay.speed = speed }
    replay.evaluate = options.evaluate
    replay.targets = options.targets == .last ? .last : .all
    replay.baselineTrain = options.baselineTrain
    replay.baselines = options.baselines.map { BaselineKind($0) }
    return replay
  }

  private func format() throws -> Formats.FileFormat? {
    let columns = Dictionary(uniqueKeysWithValues: options.columns.map { ($0.key.rawValue, $0.value) })
    return try Formats.FileFormat(name: options.format.rawValue, columns: columns, files: options.files)
  }
}

extension ExclusionMode {
  /// Which items a replay's predictions leave out.
  fileprivate init(_ exclusion: ReplayExclusion) {
    switch exclusion {
    case .none: self = .none
    case .seen, .seenAll: self = .seen
    case .last: self = .last
    }
  }
}

extension BaselineKind {
  /// The baseline that the command line names.
  fileprivate init(_ baseline: Control.Baseline) {
    self =
      switch baseline {
      case .popularity: .popularity
      case .markov: .markov
      case .itemKNN: .itemKNN
      case .sequentialRules: .sequentialRules
      case .vmisKNN: .vmisKNN
      }
  }
}

/// A value that a closure changes.
final class Mutable<Value> {
  var value: Value
  init(_ value: Value) { self.value = value }
}

extension ProgressBar {
  /// Draws how far a replay is.
  fileprivate mutating func show(_ progress: ReplayProgress) {
    update(
      done: progress.events, now: Int64(progress.seconds * 1e9),
      note: progress.p99 == 0
        ? "" : String(format: "step p50 %.1f µs  p99 %.1f µs", Double(progress.p50) / 1e3, Double(progress.p99) / 1e3))
  }
}

/// What a person reads at the end of a replay.
struct ReplaySummary {
  private let report: ReplayReport

  init(_ report: ReplayReport) { self.report = report }

  var text: String {
    let speed = report.speed
    let input = report.input
    let clicks = String(
      format: "%d clicks in %.2f s: %.0f clicks/s", input.events, speed.seconds, speed.clicksPerSecond)
    var lines = [clicks]
    if let model = report.model {
      lines = [
        clicks
          + String(
            format: " with %d worker%@, step p50 %.1f µs, p99 %.1f µs (%@)", speed.workers,
            speed.workers == 1 ? "" : "s", speed.computeP50Microseconds, speed.computeP99Microseconds, model.kernel),
        counters,
      ]
    }
    if let topic = report.topic {
      lines += topicLines(topic, input)
    } else if input.malformed + input.outOfOrder + input.ignored > 0 {
      lines.append(
        "\(input.lines) lines: \(input.malformed) malformed, \(input.outOfOrder) out of order, \(input.ignored) ignored"
      )
      lines += input.messages.map { "  \($0)" }
    }
    if report.forgottenSessions > 0 {
      lines.append(
        "\(report.forgottenSessions) sessions were forgotten for want of memory: one that came back began anew")
    }
    if let training = report.evaluation?.baselineTraining {
      lines.append(
        "baselines learnt from \(training.events) clicks, \(training.visits) visits, \(training.items) items"
          + (training.dropped > 0 ? "; \(training.dropped) clicks were left out for want of memory" : ""))
    }
    if let evaluation = report.evaluation { lines.append("\n" + evaluation.table()) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func topicLines(_ topic: ReplayReport.Topic, _ input: ReplayReport.Input) -> [String] {
    var parts = ["\(topic.tombstones) tombstones", "\(input.malformed) rejected", "\(input.ignored) ignored"]
    if topic.warmUp > 0 { parts.append("\(topic.warmUp) events of the warm-up") }
    var lines = [
      "\(input.lines) records of \(topic.name) (\(topic.partitions) partition\(topic.partitions == 1 ? "" : "s")): "
        + parts.joined(separator: ", ")
    ]
    lines += topic.rejections.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }
    if input.events == 0 { return lines + ["no event lies in what was asked for"] }
    lines.append(
      topic.inexact == 0
        ? "all predictions are exact"
        : "\(topic.inexact) predictions are not exact (\"exact\": false): their visit may have begun before what was read"
    )
    if topic.splitSessions > 0 {
      lines.append(
        "\(topic.splitSessions) sessions stand on more than one partition: their predictions may differ from the live ones; "
          + "key the topic by session")
    }
    return lines
  }

  private var counters: String {
    let always = ["visits", "steps", "prefills", "unknown_items", "no_known_items", "not_finite"]
    let odd = ["redelivered", "beyond_history", "conflicts"].filter { report.counters[$0] ?? 0 > 0 }
    return (always + odd).map { "\(report.counters[$0] ?? 0) \($0.replacingOccurrences(of: "_", with: " "))" }
      .joined(separator: ", ")
  }
}
