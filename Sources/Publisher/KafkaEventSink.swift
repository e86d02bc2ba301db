public import Events
private import Formats
public import Kafka

/// Events to a Kafka topic as `native` JSON, keyed by session, each with its own time as the record's timestamp. Belongs to one thread.
///
/// Records stay in their order, and none is doubled by a retry (the producer is idempotent). A full queue is waited for, and so are brokers that
/// are away, up to a limit.
public struct KafkaEventSink: ~Copyable {
  /// Events handed to the producer.
  public private(set) var sent = 0
  /// Times that the full queue made the caller wait.
  public private(set) var waits = 0
  private let producer: KafkaProducer
  private let topic: KafkaProducer.Topic
  private let name: String
  private let patience: Int
  private let encoder = JSONEventEncoder()
  private var value: [UInt8] = []

  /// A sink for the topic called `topic`, which must exist. A call gives up when Kafka acknowledges nothing for `patience` milliseconds.
  public init(
    _ kafka: KafkaConfiguration, topic: String, patience: Int = 60_000, log: @escaping KafkaLog
  ) throws(KafkaFailure) {
    // Else a misspelt topic would be noticed only when the first records time out.
    _ = try KafkaAdmin(kafka, milliseconds: 10_000, log: log).partitionCount(of: topic)
    let producer = try KafkaProducer(kafka, log: log)
    self.topic = try producer.topic(topic)
    self.producer = producer
    name = topic
    self.patience = patience
  }

  /// Records that all in-sync replicas have.
  public var acknowledged: Int { producer.acknowledged }

  /// Queues all events of `batch`.
  public mutating func send(_ batch: borrowing EventBatch) throws(KafkaFailure) {
    for event in batch.events {
      value.removeAll(keepingCapacity: true)
      encoder.encode(event, of: batch.bytes, into: &value)
      var waited = 0
      while !(try producer.produce(
        to: topic, key: batch.bytes.span.extracting(event.session.indices), value: value.span, timestamp: event.time))
      {
        waits += 1
        try wait(&waited) { producer throws(KafkaFailure) in try producer.poll(milliseconds: 50) }
      }
      sent += 1
    }
    var waited = 0
    try wait(&waited) { producer throws(KafkaFailure) in try producer.poll(milliseconds: 0) }
  }

  /// Returns when everything sent is acknowledged.
  public mutating func flush() throws(KafkaFailure) {
    var waited = 0
    while producer.pending > 0 {
      try wait(&waited) { producer throws(KafkaFailure) in _ = try producer.flush(milliseconds: 50) }
    }
    try check()
  }

  /// Lets the producer work for a moment, whatever brokers come and go; fails where nothing came of it for too long.
  private func wait(
    _ waited: inout Int, _ body: (KafkaProducer) throws(KafkaFailure) -> Void
  ) throws(KafkaFailure) {
    let before = producer.acknowledged
    do throws(KafkaFailure) {
      try body(producer)
    } catch {
      if error.disposition != .retry { throw error }
    }
    try check()
    waited = producer.acknowledged > before ? 0 : waited + 50
    if waited >= patience { throw .unacknowledged(records: producer.pending, milliseconds: waited) }
  }

  private func check() throws(KafkaFailure) {
    guard let failure = producer.takeFailures().first else { return }
    throw .refused(
      operation: "events for topic \(name)", code: failure.code,
      detail: "at least one can't be delivered; \(producer.acknowledged) were")
  }
}
