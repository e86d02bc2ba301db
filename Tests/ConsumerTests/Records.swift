import Consumer
import Events
import Kafka
import Platform
import Synchronization
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

  /// Writes `values` (nil is a tombstone) to partition `index % partitions`, the first with the time `start`, each
  /// `step` milliseconds later than the one before.
  func write(_ values: [String?], partitions: Int, from start: EventTime? = nil, every step: EventTime = 0) throws {
    let producer = try KafkaProducer(configuration, log: { _ in })
    let topic = try producer.topic(name)
    for (index, value) in values.enumerated() {
      let bytes = Array((value ?? "").utf8)
      let key = Array("key\(index)".utf8)
      let isQueued = try producer.produce(
        to: topic, key: key.span, value: bytes.span, hasValue: value != nil, partition: Int32(index % partitions),
        timestamp: start.map { $0 + EventTime(index) * step })
      precondition(isQueued, "the queue of the test's producer is full")
    }
    let isFlushed = try producer.flush(milliseconds: 30_000)
    precondition(isFlushed, "the broker did not take the test's records")
  }

  /// What a member of the topic's group is told; `change` changes it.
  func source(
    reset: KafkaConsumer.OffsetReset = .earliest, _ change: (inout KafkaSourceConfiguration) -> Void = { _ in }
  ) -> KafkaSourceConfiguration {
    var source = KafkaSourceConfiguration(kafka: configuration, group: group, topics: [name], offsetReset: reset)
    change(&source)
    return source
  }

  /// A member of the topic's group with one worker.
  func source(
    _ table: PartitionTable = PartitionTable(), reset: KafkaConsumer.OffsetReset = .earliest,
    log: @escaping KafkaLog = { _ in }, _ change: (inout KafkaSourceConfiguration) -> Void = { _ in }
  ) throws -> OneWorker {
    let member = try Member(source(reset: reset, change), workers: 1, log: log)
    return OneWorker(member: member, source: member.source(0, table))
  }

  /// What the group has committed for each partition.
  func committed(partitions: Int) throws -> [Int64?] {
    let table = PartitionTable()
    let consumer = try KafkaConsumer(configuration, group: group, topics: [], partitions: table, log: { _ in })
    let slots = (0..<partitions).compactMap { table.slot(topic: name, partition: Int32($0)) }
    return try consumer.committed(slots, milliseconds: 10_000)
  }
}

/// Lines that were logged.
final class Lines: Sendable {
  private let lines = Mutex<[KafkaLogLine]>([])

  /// Takes lines from any thread.
  var log: KafkaLog { { line in self.lines.withLock { $0.append(line) } } }

  /// Those that came so far.
  var all: [KafkaLogLine] { lines.withLock { $0 } }
}

/// What a source handed over.
struct HandedItem: Hashable {
  let partition: Int32
  let offset: Int64
  let item: String
}

/// A member of a group with its group thread; leaves the group when it goes.
final class Member: Sendable {
  let group: ConsumerGroup
  private let thread: WorkerThread

  init(
    _ configuration: KafkaSourceConfiguration, workers: Int, log: @escaping KafkaLog = { _ in }
  ) throws {
    let group = try ConsumerGroup(configuration, workers: workers, log: log)
    self.group = group
    thread = try WorkerThread(name: "group") { group.run() }
  }

  deinit { leave() }

  /// The source of one of its workers.
  func source(
    _ worker: Int, _ table: PartitionTable, transactions: (any OffsetTransactions)? = nil
  ) -> WordsSource {
    WordsSource(group, worker: worker, decoder: WordsDecoder(), partitions: table, transactions: transactions)
  }

  /// Leaves the group.
  func leave() {
    group.stop()
    thread.join()
  }
}

/// A member with one worker.
struct OneWorker: ~Copyable {
  let member: Member
  var source: WordsSource

  var counts: KafkaSourceCounts { source.counts }
  var assigned: [Int32] { source.assigned }

  mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(KafkaFailure) -> SourceState {
    try source.take(into: &batch, milliseconds: milliseconds)
  }

  mutating func commit(except pending: ArraySlice<Event>) throws(KafkaFailure) -> Bool {
    try source.commit(except: pending)
  }

  /// Leaves the group at once.
  consuming func close() {
    let member = member
    _ = consume source
    member.leave()
  }

  /// Takes batches until `count` records came or `seconds` are over; calls `afterBatch` after each that holds something.
  mutating func drain(
    _ count: Int, seconds: Double = 30, capacity: Int = 256, table: PartitionTable,
    afterBatch: (inout OneWorker) throws -> Void = { _ in }
  ) throws -> [HandedItem] {
    var batch = EventBatch(capacity: capacity)
    var items: [HandedItem] = []
    var records = 0
    let deadline = Deadline(seconds: seconds)
    while records < count && !deadline.isOver {
      batch.removeAll()
      _ = try take(into: &batch, milliseconds: 100)
      items += batch.items(table)
      records += batch.events.count + batch.rejections.count + batch.tombstones
      if !batch.isEmpty || batch.tombstones > 0 { try afterBatch(&self) }
    }
    return items
  }
}

extension EventBatch {
  /// What it holds.
  func items(_ table: PartitionTable) -> [HandedItem] {
    events.map { event in
      let place = table.names[Int(event.origin.partition)]
      return HandedItem(partition: place.partition, offset: event.origin.offset, item: bytes.text(event.item))
    }
  }
}
