import Events
import Kafka
import TestSupport
import Testing

@Suite(.serialized, KafkaBroker.needed) struct GroupOffsetsTests {
  private static let start: EventTime = 1_700_000_000_000

  /// A topic of two partitions, ten records each, a second apart.
  private func topic() throws -> (KafkaConfiguration, name: String, group: String) {
    let kafka = KafkaConfiguration(bootstrapServers: try KafkaBroker.shared().bootstrapServers)
    let name = KafkaBroker.uniqueName("offsets")
    try KafkaAdmin(kafka).createTopic(name, partitions: 2)
    let producer = try KafkaProducer(kafka, log: { _ in })
    let topic = try producer.topic(name)
    let value = Array("x".utf8)
    for index in 0..<20 {
      let isQueued = try producer.produce(
        to: topic, key: value.span, value: value.span, partition: Int32(index % 2),
        timestamp: Self.start + Int64(index / 2) * 1000)
      #expect(isQueued)
    }
    #expect(try producer.flush(milliseconds: 20_000))
    return (kafka, name, KafkaBroker.uniqueName("group"))
  }

  @Test func aGroupWithoutMembersGoesOnFromAnywhere() throws {
    let (kafka, name, group) = try topic()
    let cases: [(GroupOffsets.Place, Int64)] = [
      (.latest, 10), (.earliest, 0), (.time(Self.start + 3500), 4), (.time(Self.start + 60_000), 10), (.time(0), 0),
    ]
    for (place, offset) in cases {
      let set = try GroupOffsets.set(kafka, group: group, topics: [name], to: place, log: { _ in })
      #expect(set.map(\.partition.partition) == [0, 1])
      #expect(set.map(\.offset) == [offset, offset])
      let table = PartitionTable()
      let consumer = try KafkaConsumer(kafka, group: group, topics: [], partitions: table, log: { _ in })
      let slots = (0..<2).compactMap { table.slot(topic: name, partition: $0) }
      #expect(try consumer.committed(slots, milliseconds: 10_000) == [offset, offset])
    }
  }

  @Test func aGroupWithMembersIsLeftAloneAndNamed() throws {
    let (kafka, name, group) = try topic()
    let table = PartitionTable()
    let consumer = try KafkaConsumer(kafka, group: group, topics: [name], partitions: table, log: { _ in })
    let deadline = Deadline(seconds: 30)
    while try consumer.next(milliseconds: 200) == nil && !deadline.isOver {}
    let failure = #expect(throws: KafkaFailure.self) {
      try GroupOffsets.set(kafka, group: group, topics: [name], to: .latest, log: { _ in })
    }
    guard case .groupInUse(group, _)? = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
    #expect(failure?.description.contains(group) == true)
    let slots = (0..<2).compactMap { table.slot(topic: name, partition: $0) }
    #expect(try consumer.committed(slots, milliseconds: 10_000) == [nil, nil])
  }

  @Test func aMissingTopicIsSaid() throws {
    let kafka = KafkaConfiguration(bootstrapServers: try KafkaBroker.shared().bootstrapServers)
    let failure = #expect(throws: KafkaFailure.self) {
      try GroupOffsets.set(
        kafka, group: KafkaBroker.uniqueName("group"), topics: [KafkaBroker.uniqueName("none")], to: .latest,
        seconds: 2,
        log: { _ in })
    }
    guard case .topicMissing? = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
  }
}
