import Events
import Kafka
import Publisher
import TestSupport
import Testing

@Suite(.serialized) struct KafkaEventSinkTests {
  private func batch(_ count: Int, from first: Int = 0) -> EventBatch {
    var batch = EventBatch(capacity: count)
    for number in first..<first + count {
      let session = batch.bytes.appendBytes(Array("s\(number % 20)".utf8).span)
      let item = batch.bytes.appendBytes(Array("i\(number)".utf8).span)
      batch.append(
        Event(
          session: session, item: item, time: 1_400_000_000_000 + Int64(number),
          origin: Origin(partition: 0, offset: Int64(number))))
    }
    return batch
  }

  @Test func eventsArriveKeyedWithTheirOwnTimes() throws {
    let broker = try EmbeddedBroker()
    try broker.createTopic("clicks", partitions: 3)
    let kafka = KafkaConfiguration(bootstrapServers: broker.bootstrapServers)
    var sink = try KafkaEventSink(kafka, topic: "clicks", log: { _ in })
    try sink.send(batch(300))
    try sink.flush()
    #expect(sink.sent == 300 && sink.acknowledged == 300)
    var reader = try TopicReader(kafka, topic: "clicks")
    let records = try reader.read(300, milliseconds: 20_000)
    #expect(records.count == 300)
    var numbers: [Int32: [Int]] = [:]
    for record in records {
      let text = String(decoding: try #require(record.value), as: UTF8.self)
      let number = Int(try #require(record.time) - 1_400_000_000_000)
      #expect(text == #"{"session":"s\#(number % 20)","item":"i\#(number)","time":\#(1_400_000_000_000 + number)}"#)
      #expect(record.key == Array("s\(number % 20)".utf8))
      numbers[record.partition, default: []].append(number)
    }
    #expect(numbers.count == 3)
    for partition in numbers.values { #expect(partition == partition.sorted()) }
  }

  @Test func aFullQueueIsWaitedFor() throws {
    let broker = try EmbeddedBroker()
    try broker.createTopic("clicks", partitions: 1)
    let kafka = KafkaConfiguration(
      bootstrapServers: broker.bootstrapServers, properties: ["queue.buffering.max.messages": "100"])
    var sink = try KafkaEventSink(kafka, topic: "clicks", log: { _ in })
    broker.setRoundTrip(milliseconds: 20)
    broker.fail(.produce, [.disconnect, .notLeader, .notEnoughReplicas])
    try sink.send(batch(2_000))
    try sink.flush()
    #expect(sink.waits > 0)
    #expect(sink.acknowledged == 2_000)
  }

  @Test func brokersThatStayAwayEndIt() throws {
    let broker = try EmbeddedBroker()
    try broker.createTopic("clicks", partitions: 1)
    let kafka = KafkaConfiguration(bootstrapServers: broker.bootstrapServers)
    var sink = try KafkaEventSink(kafka, topic: "clicks", patience: 500, log: { _ in })
    broker.setDown(true)
    try sink.send(batch(10))
    #expect(throws: KafkaFailure.unacknowledged(records: 10, milliseconds: 500)) { try sink.flush() }
  }

  @Test func whatCannotBeDeliveredIsAFailure() throws {
    let broker = try EmbeddedBroker()
    try broker.createTopic("clicks", partitions: 1)
    let kafka = KafkaConfiguration(bootstrapServers: broker.bootstrapServers)
    var sink = try KafkaEventSink(kafka, topic: "clicks", log: { _ in })
    broker.fail(.produce, [.tooLarge])
    do throws(KafkaFailure) {
      try sink.send(batch(10))
      try sink.flush()
      Issue.record("nothing failed")
    } catch {
      #expect(error.description.contains("MSG_SIZE_TOO_LARGE") && error.description.contains("clicks"))
    }
  }
}
