import Consumer
import Control
import Events
import Formats
import Foundation
import Kafka
import Pipeline
import Platform
import Publisher
import Sequential
import SessionState

/// The live path, put together: Kafka → sessions in Redis (or memory) → Kafka, on one worker thread.
final class Daemon: Sendable {
  private let mailbox: Mailbox
  private let model: SequentialModel
  private let configuration: Configuration
  private let bootstrapServers: String
  private let log: Log

  /// A daemon that ends when `mailbox` says stop.
  init(
    _ model: SequentialModel, _ configuration: Configuration, bootstrapServers: String, mailbox: Mailbox, log: Log
  ) {
    self.mailbox = mailbox
    self.model = model
    self.configuration = configuration
    self.bootstrapServers = bootstrapServers
    self.log = log
  }

  /// Serves until the mailbox says stop; throws what the worker could not get over.
  func run() throws {
    let outcome = WorkerOutcome()
    let thread = try WorkerThread(name: "worker-0") { [self] in
      do {
        try serve()
      } catch {
        outcome.failure = error
      }
    }
    thread.join()
    if let failure = outcome.failure { throw failure }
  }

  /// The worker thread's life.
  private func serve() throws {
    var rules = SessionRules(maxLength: model.configuration.maxLength)
    rules.idleTimeout = configuration.state.idleTimeout
    rules.maxLag = configuration.state.maxLag
    let partitions = PartitionTable()
    guard let address = configuration.redis.address else {
      try serve(MemorySessionStore(bytes: configuration.state.cacheBytes / 2, rules: rules), rules, partitions)
      return
    }
    var store = try RedisSessionStore(redis(address), rules: rules, partitions: partitions)
    // Redis may come later than the daemon; the worker waits for it.
    do throws(SessionStoreFailure) {
      if let server = try store.connect() {
        log.info(
          "connected to Redis", metadata: ["address": .string(address.maskedURL), "version": .string(server.version)])
        if let warning = server.warning { log.warning(warning) }
      }
    } catch {
      if error.disposition == .halt { throw error }
      log.warning(
        "Redis does not answer yet",
        metadata: ["address": .string(address.maskedURL), "reason": .init(describing: error)])
    }
    try serve(store, rules, partitions)
  }

  private func serve<Store: SessionStore & ~Copyable>(
    _ store: consuming Store, _ rules: SessionRules, _ partitions: PartitionTable
  ) throws {
    let mailbox = mailbox
    let goOn = { !mailbox.isOverdue }
    let source = try KafkaEventSource(
      KafkaSourceConfiguration(
        kafka: kafka, group: configuration.kafka.groupID, topics: [configuration.consumer.topic],
        offsetReset: configuration.consumer.offsetReset == .earliest ? .earliest : .latest),
      decoder: try JSONEventDecoder(), partitions: partitions, log: Daemon.kafkaLog(log), goOn: goOn)
    let label = ModelLabel(
      name: model.configuration.name, version: model.configuration.version, kernel: model.kernel.rawValue)
    let sink = try KafkaPredictionSink(
      KafkaSinkConfiguration(
        kafka: kafka, topic: configuration.publisher.topic, deadLetterTopic: configuration.publisher.deadLetterTopic,
        model: label.name, modelVersion: label.version),
      partitions: partitions, log: Daemon.kafkaLog(log), goOn: goOn)
    let processor = try BatchProcessor(
      model, pipelineOptions(rules), store: store,
      encoder: JSONPredictionEncoder(
        vocabulary: model.vocabulary, model: label, partitions: partitions, origins: .topic))
    let watch = WorkerWatch(log)
    var worker = Worker(
      source: source, sink: sink, processor: processor, mailbox: mailbox,
      wait: { Thread.sleep(forTimeInterval: Double($0) / 1000) }, news: { watch.take($0) })
    log.info("serving", metadata: ["group": .string(configuration.kafka.groupID)])
    try worker.run()
    watch.say(
      "ended", worker.processor.counters,
      [
        ("tombstones", worker.source.counts.tombstones),
        ("rejected", worker.sink.counts.rejections.values.reduce(0, +)),
        ("predictions", worker.sink.counts.predictions), ("dead_letters", worker.sink.counts.deadLetters),
      ])
  }

  private var kafka: KafkaConfiguration {
    KafkaConfiguration(bootstrapServers: bootstrapServers, properties: configuration.kafka.properties)
  }

  /// Properties for clients of the in-process broker, which does not wake a waiting fetch when a record comes.
  static let embeddedProperties = ["fetch.wait.max.ms": "5"]

  private func redis(_ address: RedisAddress) -> RedisConfiguration {
    let endpoint: RedisConfiguration.Address =
      switch address.endpoint {
      case .tcp(let host, let port): .tcp(host: host, port: port)
      case .unix(let path): .unix(path: path)
      }
    return RedisConfiguration(
      endpoint, user: address.user, password: address.password, database: address.database,
      prefix: configuration.state.prefix, timeout: Int(configuration.redis.timeout))
  }

  private func pipelineOptions(_ rules: SessionRules) -> PipelineOptions {
    var options = PipelineOptions(maxLength: model.configuration.maxLength)
    options.rules = rules
    options.topK = configuration.predictions.topK
    options.exclude = ExclusionMode(rawValue: configuration.predictions.exclude.rawValue) ?? .none
    // Without Redis the sequences take half of it.
    options.cacheBytes = configuration.state.cacheBytes / (configuration.redis.address == nil ? 2 : 1)
    return options
  }

  /// librdkafka's lines as ours.
  static func kafkaLog(_ log: Log) -> KafkaLog {
    let log = log.with(label: "kafka")
    return { line in
      // Said by every client: that the in-process broker makes topics by itself (it does not), and that a property is for the
      // other kind of client (all clients get the same).
      if ["AUTOCREATE", "CONFWARN"].contains(line.facility) { return log.debug(line.message) }
      switch line.level {
      case .error: log.error(line.message, metadata: ["facility": .string(line.facility)])
      case .warning: log.warning(line.message, metadata: ["facility": .string(line.facility)])
      case .notice: log.info(line.message, metadata: ["facility": .string(line.facility)])
      default: log.debug(line.message, metadata: ["facility": .string(line.facility)])
      }
    }
  }
}

/// What the worker thread leaves behind; read after it was joined.
private final class WorkerOutcome: @unchecked Sendable {
  var failure: (any Error)?
}

/// Turns a worker's news into log lines: none for a record, one a minute for the counters, one for each wait.
private final class WorkerWatch {
  private let log: Log
  private var last = ContinuousClock.now

  init(_ log: Log) { self.log = log.with(label: "worker-0") }

  func take(_ news: WorkerNews) {
    switch news {
    case .waiting(let failure, let milliseconds):
      log.warning("\(failure)", metadata: ["next_try_ms": .init(milliseconds)])
    case .worked(let counters):
      guard ContinuousClock.now - last >= .seconds(60) else { return }
      last = ContinuousClock.now
      say("working", counters)
    }
  }

  /// `more` is what source and sink have counted.
  func say(_ message: String, _ counters: PipelineCounters, _ more: [(name: String, count: Int)] = []) {
    let all = PipelineCounters.names.map { (name: $0.name, count: counters[keyPath: $0.field]) } + more
    let fields = all.map { "\($0.name)=\($0.count)" }.joined(separator: " ")
    log.info(message, metadata: ["counters": .string(fields)])
  }
}
