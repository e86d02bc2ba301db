import Control
import Foundation
import Kafka
import Platform
public import Publisher
public import Replay

/// Events to Kafka are a sink.
extension KafkaEventSink: EventSink {}

/// `intentd --replay FILE... --to kafka --config FILE`: the files' events to the topic of clicks.
struct FeedCommand {
  private let options: Control.ReplayOptions
  private let files: Replay.ReplayOptions

  init(_ options: Control.ReplayOptions, _ files: Replay.ReplayOptions) {
    self.options = options
    self.files = files
  }

  func run() throws {
    // No model is needed to send clicks.
    let configuration = try TopicReplay.configuration(options, [.init(key: "model", text: "-", option: "--model")])
    let consumer = configuration.consumer
    try check(consumer)
    let log = Log(label: "intentd", level: options.logLevel, to: LineLogSink.standardError)
    var sink = try KafkaEventSink(
      KafkaConfiguration(configuration), topic: consumer.topic, log: Daemon.kafkaLog(log))
    let bar = Mutable(
      ProgressBar("sending", total: options.limit, width: Terminal.error.width, isTerminal: Terminal.error.isTerminal))
    var feed = FileFeed(files) { events, seconds in bar.value.update(done: events, now: Int64(seconds * 1e9)) }
    do {
      let report = try feed.run(&sink)
      bar.value.finish()
      StandardError.write(summary(report, sink.acknowledged, consumer.topic))
    } catch {
      bar.value.finish()
      StandardError.write(
        "\(sink.acknowledged) of \(sink.sent) events sent to topic \(consumer.topic) are acknowledged\n")
      throw error
    }
  }

  /// The events are written in the native form, keyed by session: refuses a configuration whose daemon would read them otherwise, or pass
  /// over them.
  private func check(_ consumer: Configuration.Consumer) throws {
    let native = "is not what --to kafka writes: give a configuration with consumer.format: native alone"
    func refuse(_ setting: String, _ value: String, _ why: String) -> TopicReplayFailure {
      .unsupported(setting: "consumer.\(setting)", value: value, why: why)
    }
    if consumer.format != .native { throw refuse("format", consumer.format.rawValue, native) }
    if let (name, path) = consumer.fields.min(by: { $0.key < $1.key }) { throw refuse("fields.\(name)", path, native) }
    if consumer.envelope != .none { throw refuse("envelope", consumer.envelope.rawValue, native) }
    if consumer.sessionKey != .session {
      throw refuse(
        "session_key", consumer.sessionKey.rawValue,
        "would not know events without a user, and --to kafka keys them by session: give session_key: session")
    }
    for (setting, types) in [("event_types", consumer.eventTypes), ("ignored_types", consumer.ignoredTypes)]
    where !types.isEmpty {
      throw refuse(
        setting, types.joined(separator: ", "),
        "would pass over some of the events, and over those of files that name no type: leave it away")
    }
  }

  private func summary(_ report: FeedReport, _ count: Int, _ topic: String) -> String {
    var lines = [
      String(
        format: "%d events to topic \(topic) in %.2f s: %.0f events/s", count, report.seconds,
        Double(count) / max(report.seconds, 1e-9))
    ]
    let input = report.input
    if input.malformed + input.outOfOrder + input.ignored > 0 {
      lines.append(
        "\(input.lines) lines: \(input.malformed) malformed, \(input.outOfOrder) out of order, \(input.ignored) ignored"
      )
      lines += input.messages.map { "  \($0)" }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
