import Consumer
import Events
import Kafka
import TestSupport

/// Decodes `session item`; anything else is malformed.
struct WordsDecoder: RecordDecoder, ~Copyable {
  mutating func decode(
    _ record: Span<UInt8>, key: Span<UInt8>, origin: Origin, recordTime: EventTime?, into batch: inout EventBatch
  ) {
    guard let space = record.indices.first(where: { record[$0] == UInt8(ascii: " ") }) else {
      let key = batch.bytes.appendBytes(key)
      let payload = batch.bytes.appendBytes(record)
      batch.append(
        Rejection(reason: .malformed, origin: origin, key: key, payload: payload, payloadBytes: record.count))
      return
    }
    let session = batch.bytes.appendBytes(record.extracting(0..<space))
    let item = batch.bytes.appendBytes(record.extracting(space + 1..<record.count))
    batch.append(Event(session: session, item: item, time: recordTime ?? 0, origin: origin))
  }
}

typealias WordsSource = KafkaEventSource<WordsDecoder>

/// A topic of a test and what is written to it.
struct Topic {
  let configuration: KafkaConfiguration
  let name: String
  let group = KafkaBroker.uniqueName("group")

  /// A topic on Apache Kafka.
  static func onApacheKafka(partitions: Int) throws -> Topic {
    let configuration = KafkaConfiguration(
      bootstrapServers: try KafkaBroker.shared().bootstrapServers, properties: ["session.timeout.ms": "6000"])
    let topic = Topic(configuration: configuration, name: KafkaBroker.uniqueName("clicks"))
    try KafkaAdmin(configuration).createTopic(topic.name, partitions: partitions)
    return topic
  }

  /// A topic on an in-process broker.
  static func on(_ broker: EmbeddedBroker, partitions: Int) throws -> Topic {
    let configuration = KafkaConfiguration(
      bootstrapServers: broker.bootstrapServers, properties: ["session.timeout.ms": "6000"])
    let topic = Topic(configuration: configuration, name: "clicks")
    try broker.createTopic(topic.name, partitions: partitions)
    return topic
  }

  /// Writes `values` (nil is a tombstone) to partition `index % partitions`.
  func write(_ values: [String?], partitions: Int) throws {
    let producer = try KafkaProducer(configuration, log: { _ in })
    let topic = try producer.topic(name)
    for (index, value) in values.enumerated() {
      let bytes = Array((value ?? "").utf8)
      let key = Array("key\(index)".utf8)
      let isQueued = try producer.produce(
        to: topic, key: key.span, value: bytes.span, hasValue: value != nil, partition: Int32(index % partitions))
      precondition(isQueued, "the queue of the test's producer is full")
    }
    let isFlushed = try producer.flush(milliseconds: 30_000)
    precondition(isFlushed, "the broker did not take the test's records")
  }

  /// A member of the topic's group.
  func source(
    _ table: PartitionTable = PartitionTable(), reset: KafkaConsumer.OffsetReset = .earliest
  ) throws -> WordsSource {
    try WordsSource(
      KafkaSourceConfiguration(kafka: configuration, group: group, topics: [name], offsetReset: reset),
      decoder: WordsDecoder(), partitions: table, log: { _ in })
  }

  /// What the group has committed for each partition.
  func committed(partitions: Int) throws -> [Int64?] {
    let table = PartitionTable()
    let consumer = try KafkaConsumer(configuration, group: group, topics: [], partitions: table, log: { _ in })
    let slots = (0..<partitions).compactMap { table.slot(topic: name, partition: Int32($0)) }
    return try consumer.committed(slots, milliseconds: 10_000)
  }
}

/// What a source handed over.
struct HandedItem: Hashable {
  let partition: Int32
  let offset: Int64
  let item: String
}

extension WordsSource {
  /// Takes batches until `count` records came or `seconds` are over; calls `afterBatch` after each that holds something.
  mutating func drain(
    _ count: Int, seconds: Double = 30, capacity: Int = 256, table: PartitionTable,
    afterBatch: (inout WordsSource) throws -> Void = { _ in }
  ) throws -> [HandedItem] {
    var batch = EventBatch(capacity: capacity)
    var items: [HandedItem] = []
    var records = 0
    let deadline = Deadline(seconds: seconds)
    while records < count && !deadline.isOver {
      batch.removeAll()
      _ = try take(into: &batch, milliseconds: 100)
      for event in batch.events {
        let place = table.names[Int(event.origin.partition)]
        items.append(
          HandedItem(partition: place.partition, offset: event.origin.offset, item: batch.bytes.text(event.item)))
      }
      records += batch.events.count + batch.rejections.count + batch.tombstones
      if !batch.isEmpty || batch.tombstones > 0 { try afterBatch(&self) }
    }
    return items
  }
}
