import Consumer
import Control
import Events
import Foundation
import Kafka
import Pipeline
import Platform
import Sequential

/// `intentd --config FILE` and `intentd --embedded`: serves until it is asked to end.
struct ServeCommand {
  private let options: ServeOptions

  init(_ options: ServeOptions) { self.options = options }

  func run() throws {
    let effective = try Configuration.effective(
      file: options.configuration, environment: ProcessInfo.processInfo.environment, overrides: options.overrides,
      embedded: options.embedded)
    try ConfigurationCheck(effective).run()
    var configuration = effective.configuration
    let log = Log(
      label: "intentd", level: configuration.log.level, to: LineLogSink.standardError(configuration.log.format))
    // The broker is as new as the daemon: what a producer wrote before the group had its partitions is no past to pass over.
    if options.embedded { configuration.consumer.offsetReset = .earliest }
    if options.embedded && configuration.publisher.delivery == .exactlyOnce {
      log.warning("the broker inside this process isolates no transactions: predictions are delivered at least once")
      configuration.publisher.delivery = .atLeastOnce
    }
    for suspect in Configuration.suspects(in: ProcessInfo.processInfo.environment) { log.warning(suspect) }
    // Before anything that starts threads: those of the embedded broker would take a signal that they don't block, and end the process.
    let mailbox = Mailbox()
    let drainTimeout = configuration.drainTimeout
    let signals = try SignalWaiter { signal in
      log.notice(
        "ending: the batch at hand is finished first",
        metadata: ["signal": .init(signal.rawValue), "within_ms": .init(drainTimeout)])
      mailbox.stop(within: Double(drainTimeout) / 1000)
    }
    defer { signals.stop() }
    let loaded = try LoadedModel(configuration.model)
    log.info(
      "model loaded",
      metadata: [
        "name": .string(loaded.model.configuration.name), "version": .string(loaded.model.configuration.version),
        "items": .init(loaded.model.configuration.itemCount), "kernel": .string(loaded.model.kernel.rawValue),
      ])
    let broker = options.embedded ? try embeddedBroker(configuration, log) : nil
    if options.embedded { configuration.kafka.properties.merge(Daemon.embeddedProperties) { set, _ in set } }
    var parts = WorkerParts(
      loaded.model, configuration, bootstrapServers: broker?.bootstrapServers ?? configuration.kafka.bootstrapServers,
      workers: configuration.workers ?? ProcessInfo.processInfo.activeProcessorCount, log: log)
    let now = EventTime(Date().timeIntervalSince1970 * 1000)
    if let since = options.rebuildSince {
      parts.rebuild = since.time(now: now).map { .time($0) } ?? .earliest
    }
    if let from = options.from { try setOffsets(from, now, parts.source, log) }
    try Daemon(parts, mailbox: mailbox).run()
    withExtendedLifetime(broker) {}
  }

  /// Lets the group go on from another place.
  private func setOffsets(
    _ from: Moment, _ now: EventTime, _ source: KafkaSourceConfiguration, _ log: Log
  ) throws {
    let place: GroupOffsets.Place = from.time(now: now).map { .time($0) } ?? (from == .earliest ? .earliest : .latest)
    let offsets = try GroupOffsets.set(
      source.kafka, group: source.group, topics: source.topics, to: place, log: Daemon.kafkaLog(log))
    for (partition, offset) in offsets {
      log.notice(
        "the group goes on from",
        metadata: ["group": .string(source.group), "partition": .init(describing: partition), "offset": .init(offset)])
    }
  }

  private func embeddedBroker(_ configuration: Configuration, _ log: Log) throws -> EmbeddedBroker {
    let broker = try EmbeddedBroker(log: Daemon.kafkaLog(log))
    try broker.createTopic(configuration.consumer.topic, partitions: 4)
    try broker.createTopic(configuration.publisher.topic, partitions: 4)
    if let topic = configuration.publisher.deadLetterTopic { try broker.createTopic(topic, partitions: 1) }
    log.notice(
      "a broker inside this process, sessions in memory: for trying out, not for production",
      metadata: [
        "bootstrap_servers": .string(broker.bootstrapServers), "clicks": .string(configuration.consumer.topic),
        "predictions": .string(configuration.publisher.topic),
      ])
    return broker
  }
}
