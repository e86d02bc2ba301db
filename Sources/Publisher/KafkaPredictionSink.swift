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
}

/// What a sink has done since it began.
public struct KafkaSinkCounts: Sendable, Equatable {
  /// Predictions handed to the producer.
  public var predictions = 0
  /// Dead letters handed to the producer.
  public var deadLetters = 0
  /// Dead letters that Kafka refused for good: logged with their origin, and passed over.
  public var refusedDeadLetters = 0
  /// Times that the full queue made the worker wait.
  public var waits = 0
  /// Records that were not events, by reason.
  public var rejections: [RejectionReason: Int] = [:]
}

/// Predictions to a Kafka topic, keyed by their session, and records that are not events to a dead-letter topic. Belongs to
/// one worker.
///
/// Headers of a prediction: `model`, `model_version`, `source_topic`, `source_partition`, `source_offset`. Headers of a dead
/// letter: `reason` (a ``RejectionReason``), `error` (the same in words), `original_length` and the three of the source; key
/// and value are the record's own, truncated to ``Limits/sessionBytes`` and ``Limits/deadLetterBytes``.
public struct KafkaPredictionSink: PredictionSink, ~Copyable {
  /// What the sink has done.
  public private(set) var counts = KafkaSinkCounts()
  private let producer: KafkaProducer
  private let partitions: PartitionTable
  private let predictionTopic: KafkaProducer.Topic
  private let deadLetterTopic: KafkaProducer.Topic?
  private let topicName: String
  private var model: [UInt8]
  private var modelVersion: [UInt8]
  private let patience: Int
  private let log: KafkaLog
  private let goOn: () -> Bool
  private var headers = RecordHeaders()
  /// Predictions or rejections of the call at hand that are queued already, where it ended early.
  private var queued = 0

  private enum Mark {
    static let prediction = 0
    static let deadLetter = 1
  }

  /// A sink. `goOn` is asked several times a second while a call waits; false ends the wait with
  /// ``KafkaFailure/stopped(operation:)``. It is the place for the worker's heartbeat.
  public init(
    _ configuration: KafkaSinkConfiguration, partitions: PartitionTable, log: @escaping KafkaLog,
    goOn: @escaping () -> Bool = { true }
  ) throws(KafkaFailure) {
    let producer = try KafkaProducer(
      configuration.kafka, queueRecords: configuration.queueRecords, queueBytes: configuration.queueBytes, log: log)
    let predictionTopic = try producer.topic(configuration.topic)
    var deadLetterTopic: KafkaProducer.Topic?
    if let name = configuration.deadLetterTopic { deadLetterTopic = try producer.topic(name) }
    self.producer = producer
    self.predictionTopic = predictionTopic
    self.deadLetterTopic = deadLetterTopic
    topicName = configuration.topic
    model = Array(configuration.model.utf8)
    modelVersion = Array(configuration.modelVersion.utf8)
    patience = configuration.patience
    self.partitions = partitions
    self.log = log
    self.goOn = goOn
  }

  /// Records that all in-sync replicas have, dead letters among them.
  public var acknowledged: Int { producer.acknowledged }

  /// Names another model in the headers from the next prediction on.
  public mutating func setModel(_ name: String, version: String) {
    model = Array(name.utf8)
    modelVersion = Array(version.utf8)
  }

  /// Queues predictions of `events`, all of them: see ``PredictionSink/publish(_:of:)``. After a failure that asks for a retry,
  /// call again with the same: it goes on where it stopped.
  public mutating func publish(_ predictions: borrowing PredictionBatch, of events: borrowing EventBatch)
    throws(KafkaFailure)
  {
    while queued < predictions.predictions.count {
      try send(predictions.predictions[queued], predictions, events)
      queued += 1
      counts.predictions += 1
    }
    try collect()
    queued = 0
  }

  /// Counts the rejections of `events` by reason and queues their dead letters, where there is a topic for them: see
  /// ``PredictionSink/reject(_:)``. After a failure that asks for a retry, call again with the same: it goes on where it stopped.
  public mutating func reject(_ events: borrowing EventBatch) throws(KafkaFailure) {
    while queued < events.rejections.count {
      try setAside(events.rejections[queued], events)
      queued += 1
    }
    try collect()
    queued = 0
  }

  /// Returns when everything published so far is acknowledged.
  public mutating func flush() throws(KafkaFailure) {
    var last = producer.pending
    var waited = 0
    let step = 100
    while !(try producer.flush(milliseconds: step)) {
      try checkDeliveries()
      try mayGoOn("waiting for acknowledgements")
      waited = producer.pending < last ? 0 : waited + step
      last = producer.pending
      if waited >= patience { throw .unacknowledged(records: last, milliseconds: waited) }
    }
    try checkDeliveries()
  }

  /// Collects the acknowledgements that are there. What fails here must not queue the batch again.
  private mutating func collect() throws(KafkaFailure) {
    try producer.poll(milliseconds: 0)
    try checkDeliveries()
  }

  private mutating func send(
    _ prediction: Prediction, _ predictions: borrowing PredictionBatch, _ events: borrowing EventBatch
  ) throws(KafkaFailure) {
    let event = events.events[Int(prediction.event)]
    headers.removeAll()
    headers.add("model", model)
    headers.add("model_version", modelVersion)
    addSource(event.origin)
    var waited = 0
    while true {
      do throws(KafkaFailure) {
        let isQueued = try producer.produce(
          to: predictionTopic, key: events.bytes.span.extracting(event.session.indices),
          value: predictions.bytes.span.extracting(prediction.encoded.indices), headers: headers, mark: Mark.prediction)
        if isQueued { return }
      } catch .refused(_, let code, _) {
        throw .predictionRefused(topic: topicName, origin: name(event.origin), code: code)
      }
      try waitForRoom(&waited)
    }
  }

  private mutating func setAside(_ rejection: Rejection, _ events: borrowing EventBatch) throws(KafkaFailure) {
    if let topic = deadLetterTopic {
      headers.removeAll()
      headers.add("reason", rejection.reason.rawValue)
      headers.add("error", rejection.reason.words)
      headers.add("original_length", Int64(rejection.payloadBytes))
      addSource(rejection.origin)
      var waited = 0
      do throws(KafkaFailure) {
        while !(try producer.produce(
          to: topic, key: events.bytes.span.extracting(rejection.key.indices), hasKey: !rejection.key.isEmpty,
          value: events.bytes.span.extracting(rejection.payload.indices), headers: headers, mark: Mark.deadLetter))
        {
          try waitForRoom(&waited)
        }
        counts.deadLetters += 1
      } catch .refused(_, let code, _) {
        passOver(name(rejection.origin), code)
      }
    }
    counts.rejections[rejection.reason, default: 0] += 1
  }

  /// Waits until an acknowledgement may have made room in the full queue.
  private mutating func waitForRoom(_ waited: inout Int) throws(KafkaFailure) {
    counts.waits += 1
    let before = producer.acknowledged
    let step = 50
    try producer.poll(milliseconds: step)
    try checkDeliveries()
    try mayGoOn("waiting for room in the producer's queue")
    waited = producer.acknowledged > before ? 0 : waited + step
    if waited >= patience { throw .unacknowledged(records: producer.pending, milliseconds: waited) }
  }

  private func mayGoOn(_ operation: String) throws(KafkaFailure) {
    if !goOn() { throw .stopped(operation: operation) }
  }

  /// A prediction that can't be delivered stops the worker; a dead letter is passed over.
  private mutating func checkDeliveries() throws(KafkaFailure) {
    for failure in producer.takeFailures() {
      let values = ["source_topic", "source_partition", "source_offset"].map { name in
        failure.headers.first { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) } ?? "?"
      }
      let origin = "\(values[0]):\(values[1]) offset \(values[2])"
      guard failure.mark == Mark.deadLetter else {
        throw .predictionRefused(topic: failure.topic, origin: origin, code: failure.code)
      }
      passOver(origin, failure.code)
    }
  }

  private mutating func passOver(_ origin: String, _ code: String) {
    counts.refusedDeadLetters += 1
    let message = "The dead letter of record \(origin) can't be published (\(code)); the record is passed over."
    log(KafkaLogLine(level: .error, facility: "DEADLETTER", message: message))
  }

  private mutating func addSource(_ origin: Origin) {
    let source = partitions.names[Int(origin.partition)]
    headers.add("source_topic", source.topic)
    headers.add("source_partition", Int64(source.partition))
    headers.add("source_offset", origin.offset)
  }

  private func name(_ origin: Origin) -> String {
    let source = partitions.names[Int(origin.partition)]
    return "\(source.topic):\(source.partition) offset \(origin.offset)"
  }
}
