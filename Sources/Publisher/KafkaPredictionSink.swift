public import Events
public import Kafka

/// Predictions to a Kafka topic, keyed by their session, and records that are not events to a dead-letter topic. Belongs to
/// one worker.
///
/// Headers of a prediction: `model`, `model_version`, `source_topic`, `source_partition`, `source_offset`. Headers of a dead
/// letter: `reason` (a ``RejectionReason``, or `prediction_refused`), `error` (the same in words), `original_length` and the three of the
/// source; key and value are the record's own, truncated to ``Limits/sessionBytes`` and ``Limits/deadLetterBytes``.
///
/// A prediction that a broker refuses because of itself (too large for the topic, as a rule) is logged, counted and set aside as a dead
/// letter with its own bytes. A topic that is missing or may not be written stops the worker.
///
/// With a ``TransactionalProducer`` everything belongs to its transaction, which whoever commits offsets ends; see
/// ``KafkaPredictionSink/flush()``.
public struct KafkaPredictionSink: PredictionSink, ~Copyable {
  /// What the sink has done.
  public private(set) var counts = KafkaSinkCounts()
  private let producer: KafkaProducer
  private let transactions: TransactionalProducer?
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
  /// Header values by slot, made at a partition's first record.
  private var sources: [(topic: [UInt8], partition: [UInt8])] = []
  /// Predictions or rejections of the call at hand that are queued already, where it ended early.
  private var queued = 0
  private var refused = RefusedRecords()

  /// A sink, of `transactions` where predictions are to be committed together with offsets. `goOn` is asked several times a second while a
  /// call waits; false ends the wait with ``KafkaFailure/stopped(operation:)``. It is the place for the worker's heartbeat.
  public init(
    _ configuration: KafkaSinkConfiguration, transactions: TransactionalProducer? = nil, partitions: PartitionTable,
    log: @escaping KafkaLog, goOn: @escaping () -> Bool = { true }
  ) throws(KafkaFailure) {
    let producer: KafkaProducer
    if let transactions {
      producer = transactions.producer
    } else {
      producer = try KafkaProducer(
        configuration.kafka, compression: configuration.compression, queueRecords: configuration.queueRecords,
        queueBytes: configuration.queueBytes, log: log)
    }
    let predictionTopic = try producer.topic(configuration.topic)
    var deadLetterTopic: KafkaProducer.Topic?
    if let name = configuration.deadLetterTopic { deadLetterTopic = try producer.topic(name) }
    self.producer = producer
    self.transactions = transactions
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

  /// Queues predictions of `events`, all that are to be published: see ``PredictionSink/publish(_:of:)``. After a failure that asks for a
  /// retry, call again with the same: it goes on where it stopped.
  public mutating func publish(_ predictions: borrowing PredictionBatch, of events: borrowing EventBatch)
    throws(KafkaFailure)
  {
    while queued < predictions.predictions.count {
      let prediction = predictions.predictions[queued]
      if prediction.isPublished { try send(prediction, predictions, events) } else { counts.unpublished += 1 }
      queued += 1
    }
    try collect()
    queued = 0
  }

  /// Counts `rejections` of `events` by reason and queues their dead letters, where there is a topic for them: see
  /// ``PredictionSink/reject(_:of:)``. After a failure that asks for a retry, call again with the same: it goes on where it stopped.
  public mutating func reject(_ rejections: [Rejection], of events: borrowing EventBatch) throws(KafkaFailure) {
    while queued < rejections.count {
      let rejection = rejections[queued]
      try setAside(rejection, events)
      counts.rejections[rejection.reason, default: 0] += 1
      queued += 1
    }
    try collect()
    queued = 0
  }

  /// Returns when everything published so far is acknowledged; in a transaction at once, because its commit waits for that.
  public mutating func flush() throws(KafkaFailure) {
    if transactions != nil { return try collect() }
    try deliver()
    while let record = refused.toSendAgain.first {
      try sendAgain(record)
      refused.toSendAgain.removeFirst()
    }
  }

  // MARK: Records

  private mutating func send(
    _ prediction: Prediction, _ predictions: borrowing PredictionBatch, _ events: borrowing EventBatch
  ) throws(KafkaFailure) {
    let event = events.events[Int(prediction.event)]
    let session = events.bytes.span.extracting(event.session.indices)
    let bytes = predictions.bytes.span.extracting(prediction.encoded.indices)
    if refused.predictions.contains(event.origin) {
      try setAside(bytes, of: session, event.origin, refused.code)
      return
    }
    headers.removeAll()
    headers.add("model", model)
    headers.add("model_version", modelVersion)
    addSource(event.origin)
    do throws(KafkaFailure) {
      try enqueue(predictionTopic, key: session, value: bytes, mark: RefusedRecords.prediction)
      counts.predictions += 1
    } catch .refused(_, let code, _) {
      guard DeliveryFailure.isOfRecord(code) else {
        throw .predictionRefused(topic: topicName, origin: name(event.origin), code: code)
      }
      try setAside(bytes, of: session, event.origin, code)
    }
  }

  private mutating func setAside(_ rejection: Rejection, _ events: borrowing EventBatch) throws(KafkaFailure) {
    guard let topic = deadLetterTopic, !refused.deadLetters.contains(rejection.origin) else { return }
    headers.removeAll()
    headers.add("reason", rejection.reason.rawValue)
    headers.add("error", rejection.reason.words)
    headers.add("original_length", Int64(rejection.payloadBytes))
    addSource(rejection.origin)
    try sendDeadLetter(
      topic, key: events.bytes.span.extracting(rejection.key.indices), hasKey: !rejection.key.isEmpty,
      value: events.bytes.span.extracting(rejection.payload.indices), rejection.origin)
  }

  /// Sets a prediction aside that Kafka refused for itself.
  private mutating func setAside(_ prediction: Span<UInt8>, of session: Span<UInt8>, _ origin: Origin, _ code: String)
    throws(KafkaFailure)
  {
    if let topic = deadLetterTopic, !refused.deadLetters.contains(origin) {
      headers.removeAll()
      headers.add("reason", RefusedRecords.reason)
      headers.add("error", "the prediction can't be published to \(topicName) (\(code))")
      headers.add("original_length", Int64(prediction.count))
      addSource(origin)
      try sendDeadLetter(
        topic, key: session, value: prediction.extracting(first: Limits.deadLetterBytes), origin)
    }
    if transactions != nil && !refused.told.insert(origin).inserted { return }
    counts.refusedPredictions += 1
    let message =
      "The prediction of record \(name(origin)) can't be published to topic \(topicName) (\(code), \(prediction.count) bytes); "
      + "it is set aside. Raise max.message.bytes of the topic, or lower predictions.top_k."
    log(KafkaLogLine(level: .error, facility: "PREDICTION", message: message))
  }

  private mutating func sendDeadLetter(
    _ topic: KafkaProducer.Topic, key: Span<UInt8>, hasKey: Bool = true, value: Span<UInt8>, _ origin: Origin
  ) throws(KafkaFailure) {
    do throws(KafkaFailure) {
      try enqueue(topic, key: key, hasKey: hasKey, value: value, mark: RefusedRecords.deadLetter)
      counts.deadLetters += 1
    } catch .refused(_, let code, _) {
      passOver(origin, code)
    }
  }

  /// Queues a record with the headers at hand; waits while the queue is full.
  private mutating func enqueue(
    _ topic: KafkaProducer.Topic, key: Span<UInt8>, hasKey: Bool = true, value: Span<UInt8>, mark: Int
  ) throws(KafkaFailure) {
    let isAlone = refused.sendsAlone
    // What failed before is told before, so that what is told afterwards is this record's.
    if isAlone { try checkDeliveries() }
    var waited = 0
    while true {
      let isQueued: Bool
      if let transactions {
        try transactions.begin()
        isQueued = try transactions.produce(
          to: topic, key: key, hasKey: hasKey, value: value, headers: headers, mark: mark)
      } else {
        isQueued = try producer.produce(to: topic, key: key, hasKey: hasKey, value: value, headers: headers, mark: mark)
      }
      if isQueued { break }
      try waitForRoom(&waited)
    }
    if isAlone { try deliver(alone: true) }
  }

  // MARK: Acknowledgements

  /// Waits until everything queued is delivered, or has failed; `alone` where that is one record.
  private mutating func deliver(alone: Bool = false) throws(KafkaFailure) {
    var last = producer.pending
    var waited = 0
    let step = 100
    while transactions?.isDoomed != true, !(try flush(step)) {
      try checkDeliveries(alone: alone)
      try mayGoOn("waiting for acknowledgements")
      waited = producer.pending < last ? 0 : waited + step
      last = producer.pending
      if waited >= patience { throw .unacknowledged(records: last, milliseconds: waited) }
    }
    try checkDeliveries(alone: alone)
  }

  private func flush(_ milliseconds: Int) throws(KafkaFailure) -> Bool {
    guard let transactions else { return try producer.flush(milliseconds: milliseconds) }
    return try transactions.flush(milliseconds: milliseconds)
  }

  private func poll(_ milliseconds: Int) throws(KafkaFailure) {
    guard let transactions else { return try producer.poll(milliseconds: milliseconds) }
    try transactions.poll(milliseconds: milliseconds)
  }

  /// Collects the acknowledgements that are there. What fails here must not queue the batch again.
  private mutating func collect() throws(KafkaFailure) {
    try poll(0)
    try checkDeliveries()
  }

  /// Waits until an acknowledgement may have made room in the full queue.
  private mutating func waitForRoom(_ waited: inout Int) throws(KafkaFailure) {
    counts.waits += 1
    let before = producer.acknowledged
    let step = 50
    try poll(step)
    try checkDeliveries()
    try mayGoOn("waiting for room in the producer's queue")
    waited = producer.acknowledged > before ? 0 : waited + step
    if waited >= patience { throw .unacknowledged(records: producer.pending, milliseconds: waited) }
  }

  private func mayGoOn(_ operation: String) throws(KafkaFailure) {
    if !goOn() { throw .stopped(operation: operation) }
  }

  /// Sorts out what was not delivered: a topic that takes nothing stops the worker, a dead letter is passed over, a prediction is set aside.
  private mutating func checkDeliveries(alone: Bool = false) throws(KafkaFailure) {
    if let transactions { refused.note(commits: transactions.counts.commits) }
    for failure in transactions?.takeFailures() ?? producer.takeFailures() {
      let origin = RefusedRecords.origin(of: failure, in: partitions)
      let place = if let origin { name(origin) } else { "?" }
      if failure.mark == RefusedRecords.deadLetter {
        // Its failure is also the end of its transaction, and it must not be the end of the next one.
        if transactions != nil, let origin { refused.deadLetters.insert(origin) }
        passOver(place, failure.code)
      } else if !failure.isOfRecord {
        throw .predictionRefused(topic: failure.topic, origin: place, code: failure.code)
      } else if transactions != nil {
        if let origin { refused.note(origin, failure.code, isAlone: alone) }
      } else {
        refused.toSendAgain.append(failure)
      }
    }
  }

  /// Sends a refused prediction alone: a broker refuses a batch as a whole, and only this tells which record it was. Where it is refused
  /// again, sets it aside.
  private mutating func sendAgain(_ record: DeliveryFailure) throws(KafkaFailure) {
    let origin = RefusedRecords.origin(of: record, in: partitions) ?? Origin(partition: 0, offset: -1)
    headers.removeAll()
    headers.add("model", record.header("model") ?? model)
    headers.add("model_version", record.header("model_version") ?? modelVersion)
    addSource(origin)
    try enqueue(predictionTopic, key: record.key.span, value: record.value.span, mark: RefusedRecords.prediction)
    let others = refused.toSendAgain.count
    try deliver()
    if refused.toSendAgain.count > others {
      refused.toSendAgain.removeLast(refused.toSendAgain.count - others)
      try setAside(record.value.span, of: record.key.span, origin, record.code)
      try deliver()
    }
  }

  private mutating func passOver(_ origin: Origin, _ code: String) { passOver(name(origin), code) }

  private mutating func passOver(_ origin: String, _ code: String) {
    counts.refusedDeadLetters += 1
    let message = "The dead letter of record \(origin) can't be published (\(code)); the record is passed over."
    log(KafkaLogLine(level: .error, facility: "DEADLETTER", message: message))
  }

  // MARK: Origins

  private mutating func addSource(_ origin: Origin) {
    let slot = Int(origin.partition)
    while sources.count <= slot { sources.append(([], [])) }
    if sources[slot].topic.isEmpty {
      let source = partitions.names[slot]
      sources[slot] = (Array(source.topic.utf8), Array(String(source.partition).utf8))
    }
    headers.add("source_topic", sources[slot].topic)
    headers.add("source_partition", sources[slot].partition)
    headers.add("source_offset", origin.offset)
  }

  private func name(_ origin: Origin) -> String {
    let source = partitions.names[Int(origin.partition)]
    return "\(source.topic):\(source.partition) offset \(origin.offset)"
  }
}
