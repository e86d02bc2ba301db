import Events
import Kafka
import TestSupport
import Testing

/// A topic, a group with a member, and producers of one transactional id, on Apache Kafka.
private struct World {
  let kafka: KafkaConfiguration
  let topic = KafkaBroker.uniqueName("t")
  let source = KafkaBroker.uniqueName("source")
  let group = KafkaBroker.uniqueName("group")
  let id = KafkaBroker.uniqueName("id")
  let table = PartitionTable()
  let log: KafkaLog

  init(properties: [String: String] = [:], log: @escaping KafkaLog = { _ in }) throws {
    kafka = KafkaConfiguration(bootstrapServers: try KafkaBroker.shared().bootstrapServers, properties: properties)
    self.log = log
    let admin = try KafkaAdmin(KafkaConfiguration(bootstrapServers: kafka.bootstrapServers))
    try admin.createTopic(topic, partitions: 1)
    try admin.createTopic(source, partitions: 1)
    _ = table.slot(topic: source, partition: 0)
  }

  func producer() throws -> Writer { try Writer(self) }

  /// Values of the topic's records.
  func values(_ count: Int, _ isolation: TopicReader.Isolation) throws -> [String] {
    var reader = try TopicReader(
      KafkaConfiguration(bootstrapServers: kafka.bootstrapServers), topic: topic, isolation: isolation)
    var records = try reader.read(count, milliseconds: 20_000)
    while let record = try reader.next(milliseconds: 500) { records.append(record) }
    return records.map { String(decoding: $0.value ?? [], as: UTF8.self) }
  }

  /// The offset that the group has committed.
  func committed() throws -> Int64? {
    let plain = KafkaConfiguration(bootstrapServers: kafka.bootstrapServers)
    let consumer = try KafkaConsumer(plain, group: group, topics: [], partitions: table, log: { _ in })
    return try consumer.committed([0], milliseconds: 20_000)[0]
  }
}

private final class Writer {
  let transactions: TransactionalProducer
  private let topic: KafkaProducer.Topic
  private let world: World

  init(_ world: World) throws {
    self.world = world
    transactions = try TransactionalProducer(world.kafka, transactionalID: world.id, log: world.log)
    topic = try transactions.producer.topic(world.topic)
  }

  func write(_ values: String...) throws {
    for value in values {
      try transactions.begin()
      let key = Array("k".utf8)
      let bytes = Array(value.utf8)
      #expect(try transactions.produce(to: topic, key: key.span, value: bytes.span, headers: RecordHeaders()))
    }
  }

  /// Waits until what was written stands in the topic, uncommitted.
  func deliver() throws { #expect(try transactions.flush(milliseconds: 20_000)) }

  func commit(_ next: Int64? = nil, of member: GroupMetadata = GroupMetadata(bytes: []), goOn: () -> Bool = { true })
    throws
    -> Bool
  {
    try transactions.commit(
      next.map { [PartitionOffset(partition: 0, next: $0)] } ?? [], in: world.table, of: member, goOn: goOn)
  }
}

@Suite(.serialized, KafkaBroker.needed) struct TransactionalProducerTests {
  @Test func anAbortedTransactionIsHiddenFromReadersOfCommittedRecordsAlone() throws {
    let world = try World()
    let writer = try world.producer()
    try writer.write("a", "b")
    #expect(try writer.commit())
    try writer.write("c", "d")
    try writer.deliver()
    try writer.transactions.abort()
    try writer.write("e")
    #expect(try writer.commit())
    #expect(try world.values(3, .committed) == ["a", "b", "e"])
    #expect(try world.values(5, .uncommitted) == ["a", "b", "c", "d", "e"])
    #expect(writer.transactions.counts == counts(commits: 2, aborts: 1))
    #expect(writer.transactions.takeFailures().isEmpty)
  }

  @Test func whatIsNotSentYetGoesWithAnAbort() throws {
    let world = try World(properties: ["linger.ms": "5000"])
    let writer = try world.producer()
    try writer.write("a")
    try writer.transactions.abort()
    try writer.transactions.abort()
    #expect(writer.transactions.producer.pending == 0)
    #expect(writer.transactions.takeFailures().isEmpty)
    try writer.write("b")
    #expect(try writer.commit())
    #expect(try world.values(1, .uncommitted) == ["b"])
  }

  @Test func withoutRecordsAndOffsetsThereIsNoTransaction() throws {
    let writer = try World().producer()
    #expect(try writer.commit())
    #expect(writer.transactions.counts == counts())
  }

  @Test func offsetsAndRecordsCommitTogetherAndOffsetsAlone() throws {
    let world = try World()
    let member = try Member(world.kafka, group: world.group, topic: world.source, table: world.table)
    let writer = try world.producer()
    try writer.write("a")
    #expect(try writer.commit(5, of: member.metadata))
    #expect(try world.committed() == 5)
    #expect(try writer.commit(7, of: member.metadata))
    #expect(try world.committed() == 7)
    try writer.write("b")
    try writer.deliver()
    try writer.transactions.abort()
    #expect(try world.committed() == 7)
    #expect(try world.values(1, .committed) == ["a"])
  }

  @Test func theOffsetsOfAStaleGenerationAreRefusedWithTheirRecords() throws {
    let world = try World()
    let member = try Member(world.kafka, group: world.group, topic: world.source, table: world.table)
    let writer = try world.producer()
    try writer.write("a")
    #expect(try writer.commit(1, of: member.metadata))
    let stale = member.metadata
    member.leave()
    let next = try Member(world.kafka, group: world.group, topic: world.source, table: world.table)
    try writer.write("b")
    #expect(try writer.commit(9, of: stale) == false)
    #expect(try world.committed() == 1)
    try writer.write("c")
    #expect(try writer.commit(2, of: next.metadata))
    #expect(try world.committed() == 2)
    #expect(try world.values(2, .committed) == ["a", "c"])
    #expect(writer.transactions.counts == counts(commits: 2, aborts: 1))
  }

  @Test func aZombieIsFencedAndDoublesNothing() throws {
    let lines = LogLines()
    let world = try World(log: lines.log)
    let first = try world.producer()
    try first.write("a")
    #expect(try first.commit())
    try first.write("zombie")
    try first.deliver()
    let second = try world.producer()
    try second.write("b")
    #expect(try second.commit())
    // The zombie wakes: its transaction is over, and so is what it writes before it learns of that.
    try first.write("zombie again")
    #expect(try first.commit() == false)
    #expect(lines.contains("was fenced"))
    #expect(first.transactions.counts == counts(commits: 1, aborts: 1, replacements: 1))
    // It goes on with a new producer, which fences the second one in its turn.
    try first.write("c")
    #expect(try first.commit())
    try second.write("late")
    #expect(try second.commit() == false)
    try second.write("d")
    #expect(try second.commit())
    #expect(try world.values(4, .committed) == ["a", "b", "c", "d"])
  }

  @Test func aTransactionThatTakesTooLongCountsForNothing() throws {
    let world = try World(properties: ["transaction.timeout.ms": "2000"])
    let writer = try world.producer()
    try writer.write("a")
    #expect(try writer.commit())
    try writer.write("slow")
    try writer.deliver()
    try world.waitForEnd(seconds: 30)
    #expect(try writer.commit() == false)
    try writer.write("b")
    #expect(try writer.commit())
    #expect(try world.values(3, .committed) == ["a", "marker", "b"])
    #expect(writer.transactions.counts == counts(commits: 2, aborts: 1, replacements: 1))
  }

  @Test func aSuccessorEndsWhatAKilledProducerLeftInTheMiddle() throws {
    let world = try World()
    let member = try Member(world.kafka, group: world.group, topic: world.source, table: world.table)
    var killed: Writer? = try world.producer()
    try killed?.write("a")
    #expect(try killed?.commit(1, of: member.metadata) == true)
    try killed?.write("half")
    try killed?.deliver()
    killed = nil
    let start = ContinuousClock.now
    let next = try world.producer()
    try next.transactions.start { true }
    // Long before the transaction's time-out of 30 s.
    #expect(try world.committed() == 1)
    try next.write("b")
    #expect(try next.commit(2, of: member.metadata))
    #expect(try world.values(2, .committed) == ["a", "b"])
    #expect(ContinuousClock.now - start < .seconds(15))
  }

  private func counts(commits: Int = 0, aborts: Int = 0, replacements: Int = 0) -> TransactionalProducer.Counts {
    var counts = TransactionalProducer.Counts()
    (counts.commits, counts.aborts, counts.replacements) = (commits, aborts, replacements)
    return counts
  }
}

extension World {
  /// Waits until no transaction keeps records of the topic from readers.
  fileprivate func waitForEnd(seconds: Double) throws {
    let plain = KafkaConfiguration(bootstrapServers: kafka.bootstrapServers)
    let marker = Array("marker".utf8)
    let producer = try KafkaProducer(plain, log: { _ in })
    let markers = try producer.topic(topic)
    let deadline = Deadline(seconds: seconds)
    #expect(try producer.produce(to: markers, key: marker.span, value: marker.span))
    #expect(try producer.flush(milliseconds: 10_000))
    var reader = try TopicReader(plain, topic: topic)
    while !deadline.isOver {
      if let record = try reader.next(milliseconds: 1_000), record.value == marker { return }
    }
    Issue.record("the transaction was not ended by the broker within \(seconds) s")
  }
}
