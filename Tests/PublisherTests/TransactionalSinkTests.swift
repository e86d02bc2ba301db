import Events
import Kafka
import Publisher
import TestSupport
import Testing

/// A sink in transactions, and the part of the worker that reads again what a refused commit takes back.
private struct TransactionalWorker: ~Copyable {
  let transactions: TransactionalProducer
  let table: PartitionTable
  var sink: KafkaPredictionSink

  init(_ configuration: KafkaSinkConfiguration, id: String, table: PartitionTable, log: @escaping KafkaLog = { _ in })
    throws
  {
    let transactions = try configuration.transactionalProducer(id: id, log: log)
    let sink = try KafkaPredictionSink(configuration, transactions: transactions, partitions: table, log: log)
    self.transactions = transactions
    self.table = table
    self.sink = sink
  }

  /// Publishes the batch until it is committed; how often that took. Offsets are left to other tests.
  mutating func work(_ batch: borrowing Batches) throws -> Int {
    for round in 1...20 {
      try publish(batch)
      if try commit() { return round }
    }
    return 0
  }

  mutating func publish(_ batch: borrowing Batches) throws {
    try sink.reject(batch.events.rejections, of: batch.events)
    try sink.publish(batch.predictions, of: batch.events)
    try sink.flush()
  }

  func commit() throws -> Bool {
    try transactions.commit([], in: table, of: GroupMetadata(bytes: []), goOn: { true })
  }
}

/// Faults of a coordinator, as far as librdkafka's in-process brokers know them.
@Suite(.serialized) struct TransactionalSinkFaultTests {
  private func configuration(_ broker: EmbeddedBroker) throws -> KafkaSinkConfiguration {
    try broker.createTopic("predictions", partitions: 3)
    return KafkaSinkConfiguration(
      kafka: KafkaConfiguration(bootstrapServers: broker.bootstrapServers), topic: "predictions", model: "m",
      modelVersion: "1")
  }

  @Test(arguments: [
    EmbeddedBroker.Request.initProducer, .addPartitions, .endTransaction,
  ])
  func passingFaultsAreWaitedFor(request: EmbeddedBroker.Request) throws {
    let broker = try EmbeddedBroker()
    var batch = Batches()
    var worker = try TransactionalWorker(try configuration(broker), id: "id", table: batch.table)
    broker.fail(request, [.coordinatorLoading, .coordinatorLoading])
    batch.add(20)
    #expect(try worker.work(batch) == 1)
    #expect(worker.transactions.counts.commits == 1)
    #expect(worker.transactions.counts.aborts == 0)
  }

  @Test func afterAFencedEndANewProducerGoesOn() throws {
    let broker = try EmbeddedBroker()
    let lines = LogLines()
    var batch = Batches()
    var worker = try TransactionalWorker(try configuration(broker), id: "id", table: batch.table, log: lines.log)
    batch.add(20)
    #expect(try worker.work(batch) == 1)
    broker.fail(.endTransaction, [.fenced])
    #expect(try worker.work(batch) == 2)
    #expect(worker.transactions.counts.replacements == 1)
    #expect(worker.transactions.counts.commits == 2)
    #expect(lines.contains("was fenced"))
  }

  @Test func brokersThatAreAwayAreWaitedForUntilTheWorkerIsStopped() throws {
    let broker = try EmbeddedBroker()
    var batch = Batches()
    var worker = try TransactionalWorker(try configuration(broker), id: "id", table: batch.table)
    batch.add(5)
    #expect(try worker.work(batch) == 1)
    try worker.publish(batch)
    broker.setDown(true)
    let start = ContinuousClock.now
    var asked = 0
    do throws(KafkaFailure) {
      _ = try worker.transactions.commit([], in: worker.table, of: GroupMetadata(bytes: [])) {
        asked += 1
        return ContinuousClock.now - start < .seconds(3)
      }
      Issue.record("committed")
    } catch {
      guard case .stopped = error else {
        Issue.record("\(error)")
        return
      }
    }
    #expect(asked >= 2)
    #expect(ContinuousClock.now - start < .seconds(6))
    broker.setDown(false)
    // What was half done is nobody's: the next commit says so, and the one after it is whole.
    #expect(try worker.commit() == false)
    #expect(try worker.work(batch) == 1)
  }
}

@Suite(.serialized, KafkaBroker.needed) struct TransactionalSinkTests {
  private func configuration(_ properties: [String: String] = [:]) throws -> KafkaSinkConfiguration {
    let kafka = KafkaConfiguration(bootstrapServers: try KafkaBroker.shared().bootstrapServers)
    let admin = try KafkaAdmin(kafka)
    let topic = KafkaBroker.uniqueName("predictions")
    let dead = KafkaBroker.uniqueName("dead")
    try admin.createTopic(topic, partitions: 1, properties: properties)
    try admin.createTopic(dead, partitions: 1)
    var configuration = KafkaSinkConfiguration(
      kafka: kafka, topic: topic, deadLetterTopic: dead, model: "m", modelVersion: "1")
    configuration.compression = .none
    return configuration
  }

  private func offsets(_ kafka: KafkaConfiguration, _ topic: String?, _ count: Int) throws -> [String] {
    var reader = try TopicReader(kafka, topic: try #require(topic))
    var records = try reader.read(count, milliseconds: 20_000)
    while let record = try reader.next(milliseconds: 500) { records.append(record) }
    return records.compactMap { $0.header("source_offset") }
  }

  @Test func predictionsAndDeadLettersCommitTogether() throws {
    let configuration = try configuration()
    var batch = Batches()
    var worker = try TransactionalWorker(configuration, id: KafkaBroker.uniqueName("id"), table: batch.table)
    batch.add(3)
    batch.reject("{oops", key: "k", offset: 3, reason: .malformed, original: 5)
    try worker.publish(batch)
    #expect(try worker.transactions.flush(milliseconds: 20_000))
    try worker.transactions.abort()
    #expect(try worker.work(batch) == 1)
    #expect(try offsets(configuration.kafka, configuration.topic, 3) == ["0", "1", "2"])
    #expect(try offsets(configuration.kafka, configuration.deadLetterTopic, 1) == ["3"])
  }

  @Test func aPredictionThatIsTooLargeIsSetAsideAndTheOthersAreThereOnce() throws {
    let configuration = try configuration(["max.message.bytes": "10000"])
    let lines = LogLines()
    var batch = Batches()
    var worker = try TransactionalWorker(
      configuration, id: KafkaBroker.uniqueName("id"), table: batch.table, log: lines.log)
    batch.add(10, padding: 100)
    batch.add(1, offset: 10, padding: 20_000)
    batch.add(10, offset: 11, padding: 100)
    let rounds = try worker.work(batch)
    // Refused with others, refused alone, set aside; after each refusal librdkafka may need one transaction more to number its records anew.
    #expect((3...5).contains(rounds), "\(lines.messages)")
    #expect(lines.contains("clicks:3 offset 10"))
    #expect(worker.sink.counts.refusedPredictions == 1)
    #expect(
      try offsets(configuration.kafka, configuration.topic, 20) == (0...20).filter { $0 != 10 }.map { "\($0)" })
    #expect(try offsets(configuration.kafka, configuration.deadLetterTopic, 1) == ["10"])
    // What comes after it is as it was before: no aborts, all sent together.
    batch.removeAll()
    batch.add(10, offset: 21, padding: 100)
    #expect(try worker.work(batch) == 1)
  }
}
