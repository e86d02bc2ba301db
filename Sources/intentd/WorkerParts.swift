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

/// What each worker is made of: the one place where stores, decoders, sinks and processors are put together.
struct WorkerParts: Sendable {
  let model: SequentialModel
  let configuration: Configuration
  let bootstrapServers: String
  let workers: Int
  /// Where rebuilding of state begins that somebody asked for; nil for none.
  var rebuild: RebuildOptions.Start?
  let log: Log
  /// Name of this process in its transactional ids; without one of its own it gets another each time.
  private let instance: String
  /// What the workers' decoders say once between them.
  private let otherTypes = Once()

  /// Parts for `workers` workers that serve `model` as `configuration` says.
  init(_ model: SequentialModel, _ configuration: Configuration, bootstrapServers: String, workers: Int, log: Log) {
    self.model = model
    self.configuration = configuration
    self.bootstrapServers = bootstrapServers
    self.workers = workers
    self.log = log
    instance = configuration.kafka.instanceID ?? String(UInt64.random(in: .min ... .max), radix: 36)
  }

  /// How Kafka is reached.
  var kafka: KafkaConfiguration { KafkaConfiguration(configuration, bootstrapServers: bootstrapServers) }

  /// The group that the workers share.
  var source: KafkaSourceConfiguration {
    var source = KafkaSourceConfiguration(
      kafka: kafka, group: configuration.kafka.groupID, topics: [configuration.consumer.topic],
      offsetReset: configuration.consumer.offsetReset == .earliest ? .earliest : .latest)
    source.assignor = configuration.kafka.assignor == .range ? .range : .cooperativeSticky
    source.instanceID = configuration.kafka.instanceID
    source.rebuild.rewind = configuration.state.rewind
    source.rebuild.horizon = configuration.state.idleTimeout
    source.rebuild.asked = rebuild
    return source
  }

  /// How sessions end.
  var rules: SessionRules {
    var rules = SessionRules(maxLength: model.configuration.maxLength)
    rules.idleTimeout = configuration.state.idleTimeout
    rules.maxLag = configuration.state.maxLag
    return rules
  }

  /// A store in memory, which takes half of a worker's share.
  func memoryStore() -> MemorySessionStore { MemorySessionStore(bytes: cacheBytes, rules: rules) }

  /// A store in Redis.
  func redisStore(_ address: RedisAddress, _ partitions: PartitionTable) throws -> RedisSessionStore {
    try RedisSessionStore(
      RedisConfiguration(configuration, at: address), rules: rules, partitions: partitions)
  }

  /// What makes events of records.
  func decoder() throws -> JSONEventDecoder {
    var decoder = try configuration.consumer.decoder()
    let (log, otherTypes) = (log, otherTypes)
    decoder.firstOtherType = { type in
      guard otherTypes.isFirst else { return }
      log.warning(
        "an event of a type that neither consumer.event_types nor consumer.ignored_types names; such events are counted as other_types",
        metadata: ["type": .string(type)])
    }
    return decoder
  }

  /// What publishes a worker's predictions together with its offsets; nil where delivery is at least once.
  func transactions(_ worker: Int, goOn: @escaping () -> Bool) throws(KafkaFailure) -> TransactionalProducer? {
    guard configuration.publisher.delivery == .exactlyOnce else { return nil }
    return try publishing.transactionalProducer(
      id: "\(configuration.kafka.groupID)-\(instance)-\(worker)", log: Daemon.kafkaLog(log), goOn: goOn)
  }

  /// Where a worker's predictions go.
  func sink(
    _ transactions: TransactionalProducer?, _ partitions: PartitionTable, goOn: @escaping () -> Bool
  ) throws(KafkaFailure) -> KafkaPredictionSink {
    try KafkaPredictionSink(
      publishing, transactions: transactions, partitions: partitions, log: Daemon.kafkaLog(log), goOn: goOn)
  }

  private var publishing: KafkaSinkConfiguration {
    var publishing = KafkaSinkConfiguration(
      kafka: kafka, topic: configuration.publisher.topic, deadLetterTopic: configuration.publisher.deadLetterTopic,
      model: label.name, modelVersion: label.version)
    publishing.compression = KafkaCompression(configuration.publisher.compression)
    return publishing
  }

  /// What is between source and sink.
  func processor<Store: SessionStore & ~Copyable>(
    _ store: consuming Store, _ partitions: PartitionTable
  ) throws -> BatchProcessor<Store, JSONPredictionEncoder> {
    var options = PipelineOptions(maxLength: model.configuration.maxLength)
    options.rules = rules
    options.topK = configuration.predictions.topK
    options.publishesLatestOnly = configuration.publisher.publish == .latest
    options.exclude = ExclusionMode(configuration.predictions.exclude)
    options.cacheBytes = cacheBytes
    return try BatchProcessor(
      model, options, store: store,
      encoder: JSONPredictionEncoder(
        vocabulary: model.vocabulary, model: label, partitions: partitions, origins: .topic,
        clock: { EventTime(Date().timeIntervalSince1970 * 1000) }))
  }

  private var label: ModelLabel {
    ModelLabel(name: model.configuration.name, version: model.configuration.version, kernel: model.kernel.rawValue)
  }

  /// A worker's share of the memory for sessions; without Redis the sequences take half of it.
  private var cacheBytes: Int {
    configuration.state.cacheBytes / workers / (configuration.redis.address == nil ? 2 : 1)
  }
}
