import Consumer
import Control
import Events
import Formats
import Foundation
import Kafka
import Replay

/// Why a topic can't be replayed.
enum TopicReplayFailure: Error, CustomStringConvertible {
  /// Kafka removes records of the topic that live serving saw.
  case compacted(topic: String, policy: String)
  /// The configuration does not say where Kafka is.
  case noServers
  /// A setting that a replay can't follow.
  case unsupported(setting: String, value: String, why: String)

  /// What is wrong, and what to do.
  var description: String {
    switch self {
    case .compacted(let topic, let policy):
      "topic \(topic) is compacted (cleanup.policy=\(policy)): of the records of one key only the last is kept, so that what was "
        + "predicted live can't be told from it; replay a topic with cleanup.policy=delete"
    case .noServers:
      "kafka.bootstrap_servers must be given: in the file of --config, or as INTENTD_KAFKA_BOOTSTRAP_SERVERS"
    case .unsupported(let setting, let value, let why): "\(setting): \(value) \(why)"
    }
  }
}

/// What `--replay topic:NAME` reads, and the rules that live serving has.
struct TopicReplay {
  /// The daemon's own.
  let configuration: Configuration
  private let topic: String
  private let options: Control.ReplayOptions
  private let log: Log

  /// Reads the configuration.
  init(_ topic: String, _ options: Control.ReplayOptions) throws {
    self.topic = topic
    self.options = options
    log = Log(label: "intentd", level: options.logLevel, to: LineLogSink.standardError)
    var overrides: [Configuration.Override] = []
    if !options.model.isEmpty { overrides.append(.init(key: "model", text: options.model, option: "--model")) }
    // Stands for the configuration's own, so that what depends on it (the idle timeout) follows.
    if options.format != .auto {
      overrides.append(.init(key: "consumer.format", text: options.format.rawValue, option: "--format"))
    }
    configuration = try TopicReplay.configuration(options, overrides)
  }

  /// The configuration of a command that needs Kafka, and of the rest only what is there.
  static func configuration(
    _ options: Control.ReplayOptions, _ overrides: [Configuration.Override]
  ) throws -> Configuration {
    let effective = try Configuration.effective(
      file: options.configuration, environment: ProcessInfo.processInfo.environment, overrides: overrides,
      embedded: true)
    let configuration = effective.configuration
    guard !configuration.kafka.bootstrapServers.isEmpty else { throw TopicReplayFailure.noServers }
    return configuration
  }

  /// The range asked for, fixed now.
  func source(_ partitions: PartitionTable) throws -> ReplayedTopic {
    let now = Int64(Date().timeIntervalSince1970 * 1000)
    let until = options.until?.time(now: now)
    var range = TopicRange(until: until, warmUp: options.warmUp)
    if let since = options.since.time(now: now) {
      range.since = .at(since)
      if let until, until <= since { throw ControlFailure.usage("--until lies before --since") }
    }
    let decoder = try configuration.consumer.decoder()
    let kafka = KafkaConfiguration(configuration)
    let kafkaLog = Daemon.kafkaLog(log)
    try refuseCompacted(kafka, kafkaLog)
    let reader = try TopicRangeReader(kafka, topic: topic, range: range, partitions: partitions, log: kafkaLog)
    return ReplayedTopic(name: topic, reader, decoder: decoder, limit: options.limit)
  }

  /// A compacted topic lacks records that live serving saw.
  private func refuseCompacted(_ kafka: KafkaConfiguration, _ kafkaLog: @escaping KafkaLog) throws {
    _ = try KafkaAdmin(kafka, milliseconds: 10_000, log: kafkaLog).partitionCount(of: topic)
    // The in-process broker never answers.
    let admin = try KafkaAdmin(kafka, milliseconds: 3_000, log: kafkaLog)
    var policy: String?
    do throws(KafkaFailure) {
      policy = try admin.property("cleanup.policy", of: topic)
    } catch {
      // Not every broker answers, and not to everybody.
      log.warning(
        "it could not be asked whether the topic is compacted", metadata: ["reason": .init(describing: error)])
    }
    if let policy, policy.contains("compact") { throw TopicReplayFailure.compacted(topic: topic, policy: policy) }
  }
}

/// A part of a topic as the source of a replay.
struct ReplayedTopic: ReplaySource, ~Copyable {
  private var source: TopicRangeSource<JSONEventDecoder>
  private let name: String
  private let partitions: Int
  /// No more events than this.
  let mostEvents: Int

  init(name: String, _ reader: TopicRangeReader, decoder: consuming JSONEventDecoder, limit: Int?) {
    self.name = name
    partitions = reader.ranges.count
    mostEvents = Int(reader.offsetCount)
    source = TopicRangeSource(reader, decoder: decoder, limit: limit)
  }

  mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(KafkaFailure) -> SourceState {
    try source.take(into: &batch, milliseconds: milliseconds)
  }

  mutating func commit(except pending: ArraySlice<Event>) throws(KafkaFailure) -> Bool { true }

  var input: ReplayReport.Input {
    let counts = source.counts
    return ReplayReport.Input(
      lines: counts.records, events: counts.events, malformed: counts.rejections.values.reduce(0, +),
      ignored: counts.ignored)
  }

  var topic: ReplayReport.Topic? {
    let counts = source.counts
    return ReplayReport.Topic(
      name: name, partitions: partitions, warmUp: counts.warmUp, tombstones: counts.tombstones,
      rejections: Dictionary(uniqueKeysWithValues: counts.rejections.map { ($0.key.rawValue, $0.value) }))
  }

  var cutsVisits: Bool { false }

  func unreadTime(of slot: Int32) -> EventTime { source.unreadTime(of: slot) }
}
