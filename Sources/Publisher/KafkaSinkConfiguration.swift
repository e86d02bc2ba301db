public import Events
public import Kafka

/// Where predictions and dead letters go, and how.
public struct KafkaSinkConfiguration: Sendable {
  /// The brokers.
  public var kafka: KafkaConfiguration
  /// Topic of the predictions.
  public var topic: String
  /// Topic of the records that are not events; nil only counts them.
  public var deadLetterTopic: String?
  /// Name of the model, for the header `model`.
  public var model: String
  /// Version of the model, for the header `model_version`.
  public var modelVersion: String
  /// How predictions are compressed. Default lz4.
  public var compression = KafkaCompression.lz4
  /// Records that may wait for their acknowledgement; a full queue stops the worker. Default 100,000.
  public var queueRecords = 100_000
  /// Bytes of these records. Default 64 MiB.
  public var queueBytes = 64 << 20
  /// How long one call waits without any progress before it tells the worker that Kafka is away, in milliseconds.
  /// Nothing is given up then: the next call waits again. Default 5,000.
  public var patience = 5_000

  /// Predictions of a model to `topic`.
  public init(
    kafka: KafkaConfiguration, topic: String, deadLetterTopic: String? = nil, model: String, modelVersion: String
  ) {
    self.kafka = kafka
    self.topic = topic
    self.deadLetterTopic = deadLetterTopic
    self.model = model
    self.modelVersion = modelVersion
  }

  /// The producer of a sink that publishes in transactions: see ``TransactionalProducer``.
  public func transactionalProducer(
    id: String, log: @escaping KafkaLog, goOn: @escaping () -> Bool = { true }
  ) throws(KafkaFailure) -> TransactionalProducer {
    try TransactionalProducer(
      kafka, transactionalID: id, compression: compression, queueRecords: queueRecords, queueBytes: queueBytes,
      log: log,
      goOn: goOn)
  }
}

/// What a sink has done since it began.
public struct KafkaSinkCounts: Sendable, Equatable {
  /// Predictions handed to the producer.
  public var predictions = 0
  /// Predictions that were not asked for: see ``Prediction/isPublished``.
  public var unpublished = 0
  /// Predictions that Kafka refused for good: logged with their origin, and set aside as dead letters.
  public var refusedPredictions = 0
  /// Dead letters handed to the producer.
  public var deadLetters = 0
  /// Dead letters that Kafka refused for good: logged with their origin, and passed over.
  public var refusedDeadLetters = 0
  /// Times that the full queue made the worker wait.
  public var waits = 0
  /// Records that were not events, by reason.
  public var rejections: [RejectionReason: Int] = [:]
}
