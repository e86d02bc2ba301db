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
    let configuration = try TopicReplay.configuration(options, model: "-")
    let consumer = configuration.consumer
    guard consumer.format == .native, consumer.fields.isEmpty, consumer.envelope == .none else {
      throw TopicReplayFailure.unsupported(
        setting: "consumer.format", value: consumer.format.rawValue,
        why:
          "(with fields and envelope) is not what --to kafka writes: give a configuration with consumer.format: native alone"
      )
    }
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
