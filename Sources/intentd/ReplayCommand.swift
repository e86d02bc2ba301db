import Control
import Formats
import Foundation
import Pipeline
import Platform
import Replay

/// `intentd --replay FILE... --model DIR`: files through the path of a click, predictions as lines of JSON on standard output
/// or in a file, a table of how good and how fast it was on standard error.
struct ReplayCommand {
  private let options: Control.ReplayOptions

  init(_ options: Control.ReplayOptions) { self.options = options }

  func run() throws {
    let loaded = try LoadedModel(options.model)
    let replay = try replayOptions()
    let bar = Mutable(
      ProgressBar("replay", total: options.limit, width: Terminal.error.width, isTerminal: Terminal.error.isTerminal))
    var runner = try ReplayRunner(loaded.model, replay, output: output) { progress in
      bar.value.update(
        done: progress.events, now: Int64(progress.seconds * 1e9),
        note: String(format: "step p50 %.1f µs  p99 %.1f µs", Double(progress.p50) / 1e3, Double(progress.p99) / 1e3))
    }
    let report = try runner.run()
    bar.value.finish()
    StandardError.write(ReplaySummary(report).text)
    if let path = options.report {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try encoder.encode(report).write(to: URL(fileURLWithPath: path))
    }
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
    replay.topK = options.topK
    replay.exclude = ExclusionMode(rawValue: options.exclude.rawValue) ?? .none
    replay.idleTimeout = options.idleTimeout
    replay.workers = options.workers ?? max(1, ProcessInfo.processInfo.activeProcessorCount)
    replay.batch = options.batch ?? replay.batch
    if case .times(let speed) = options.speed { replay.speed = speed }
    replay.evaluate = options.evaluate
    replay.targets = options.targets == .last ? .last : .all
    replay.baselineTrain = options.baselineTrain
    return replay
  }

  /// `jsonl` is Formats' `json`; columns make a mapping.
  private func format() throws -> Formats.FileFormat? {
    let name = options.format == .jsonl ? "json" : options.format.rawValue
    guard !options.columns.isEmpty else { return try Formats.FileFormat(name: name) }
    let mapping = options.columns.sorted { $0.key.rawValue < $1.key.rawValue }
      .map { "\($0.key.rawValue)=\($0.value)" }.joined(separator: ",")
    return try Formats.FileFormat(name: name, mapping: mapping)
  }
}

/// A value that a closure changes.
final class Mutable<Value> {
  var value: Value
  init(_ value: Value) { self.value = value }
}

/// What a person reads at the end of a replay.
struct ReplaySummary {
  private let report: ReplayReport

  init(_ report: ReplayReport) { self.report = report }

  var text: String {
    let speed = report.speed
    var lines = [
      String(
        format: "%d clicks in %.2f s: %.0f clicks/s with %d worker%@, step p50 %.1f µs, p99 %.1f µs (%@)",
        report.input.events, speed.seconds, speed.clicksPerSecond, speed.workers, speed.workers == 1 ? "" : "s",
        speed.computeP50Microseconds, speed.computeP99Microseconds, report.model.kernel),
      counters,
    ]
    let input = report.input
    if input.malformed + input.outOfOrder + input.ignored > 0 {
      lines.append(
        "\(input.lines) lines: \(input.malformed) malformed, \(input.outOfOrder) out of order, \(input.ignored) ignored"
      )
      lines += input.messages.map { "  \($0)" }
    }
    if report.forgottenSessions > 0 {
      lines.append(
        "\(report.forgottenSessions) sessions were forgotten for want of memory: one that came back began anew")
    }
    if let evaluation = report.evaluation { lines.append("\n" + evaluation.table()) }
    return lines.joined(separator: "\n") + "\n"
  }

  private var counters: String {
    let always = ["visits", "steps", "prefills", "unknown_items", "no_known_items", "not_finite"]
    let odd = ["redelivered", "beyond_history", "conflicts"].filter { report.counters[$0] ?? 0 > 0 }
    return (always + odd).map { "\(report.counters[$0] ?? 0) \($0.replacingOccurrences(of: "_", with: " "))" }
      .joined(separator: ", ")
  }
}
