import Events
import Kafka
import TestSupport
import Testing

@Suite(.serialized) struct KafkaProducerTests {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func aRecordArrivesWithKeyValueHeadersTimeAndPartition() throws {
    let broker = try EmbeddedBroker()
    try broker.createTopic("t", partitions: 3)
    let configuration = KafkaConfiguration(bootstrapServers: broker.bootstrapServers)
    let producer = try KafkaProducer(configuration, log: { _ in })
    let topic = try producer.topic("t")
    var headers = RecordHeaders()
    headers.add("a", "one")
    headers.add("b", Int64(-42))
    headers.add("c", [0, 255])
    #expect(
      try producer.produce(
        to: topic, key: bytes("k").span, value: bytes("v").span, headers: headers, partition: 2,
        timestamp: 1_700_000_000_123))
    #expect(try producer.produce(to: topic, key: bytes("k").span, value: [UInt8]().span, partition: 2))
    #expect(
      try producer.produce(
        to: topic, key: [UInt8]().span, hasKey: false, value: [UInt8]().span, hasValue: false, partition: 2))
    #expect(try producer.flush(milliseconds: 10_000))
    #expect(producer.acknowledged == 3)

    var reader = try TopicReader(configuration, topic: "t")
    let records = try reader.read(3, milliseconds: 10_000)
    try #require(records.count == 3)
    #expect(records[0].partition == 2)
    #expect(records[0].key == bytes("k"))
    #expect(records[0].value == bytes("v"))
    #expect(records[0].time == 1_700_000_000_123)
    #expect(records[0].header("a") == "one")
    #expect(records[0].header("b") == "-42")
    #expect(records[0].headers.last?.value == [0, 255])
    #expect(records[1].value == [])
    #expect(records[2].key == nil)
    #expect(records[2].value == nil)
    #expect(records.map(\.offset) == [0, 1, 2])
  }

  @Test func aFullQueueSaysSoAndTakesTheRecordLater() throws {
    let broker = try EmbeddedBroker()
    try broker.createTopic("t", partitions: 1)
    let configuration = KafkaConfiguration(bootstrapServers: broker.bootstrapServers)
    let producer = try KafkaProducer(configuration, queueRecords: 10, log: { _ in })
    let topic = try producer.topic("t")
    var refused = 0
    let deadline = Deadline(seconds: 20)
    for number in 0..<100 {
      while !(try producer.produce(to: topic, key: bytes("k").span, value: bytes("\(number)").span)) {
        refused += 1
        try producer.poll(milliseconds: 10)
        try #require(!deadline.isOver)
      }
    }
    #expect(try producer.flush(milliseconds: 10_000))
    #expect(refused > 0)
    #expect(producer.acknowledged == 100)
    var reader = try TopicReader(configuration, topic: "t")
    let values = try reader.read(100, milliseconds: 10_000).map { String(decoding: $0.value ?? [], as: UTF8.self) }
    #expect(values == (0..<100).map { "\($0)" })
  }

  @Test func aRecordThatIsRefusedForGoodIsToldWithItsMarkAndHeaders() throws {
    let broker = try EmbeddedBroker()
    try broker.createTopic("t", partitions: 1)
    let producer = try KafkaProducer(KafkaConfiguration(bootstrapServers: broker.bootstrapServers), log: { _ in })
    let topic = try producer.topic("t")
    broker.fail(.produce, [.tooLarge])
    var headers = RecordHeaders()
    headers.add("origin", "x")
    #expect(try producer.produce(to: topic, key: bytes("k").span, value: bytes("v").span, headers: headers, mark: 7))
    #expect(try producer.flush(milliseconds: 10_000))
    let failures = producer.takeFailures()
    #expect(failures.map(\.mark) == [7])
    #expect(failures.first?.code == "MSG_SIZE_TOO_LARGE")
    #expect(failures.first?.headers.map(\.name) == ["origin"])
    #expect(producer.takeFailures().isEmpty)
  }

  @Test func noBrokerIsToldWithinSecondsAndAsksForARetry() throws {
    let configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:\(freePort())")
    let producer = try KafkaProducer(configuration, log: { _ in })
    let deadline = Deadline(seconds: 10)
    var told: KafkaFailure?
    while told == nil && !deadline.isOver {
      do throws(KafkaFailure) { try producer.poll(milliseconds: 100) } catch { told = error }
    }
    #expect(told?.disposition == .retry)
  }
}
