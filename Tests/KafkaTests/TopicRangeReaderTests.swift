import Events
import TestSupport
import Testing

@testable import Kafka

@Suite struct MergeOrderTests {
  @Test func headsComeByTimeThenPartition() {
    var order = MergeOrder()
    var expected: [(Int64, Int32)] = []
    var state: UInt64 = 5
    for index in 0..<500 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let time = Int64((state >> 33) % 40) - 1
      order.push(time, Int32(index))
      expected.append((time, Int32(index)))
    }
    expected.sort { $0 < $1 }
    var got: [(Int64, Int32)] = []
    while let head = order.pop() { got.append((head.time, head.index)) }
    #expect(got.map(\.0) == expected.map(\.0))
    #expect(got.map(\.1) == expected.map(\.1))
  }
}

/// A record of a range, as a test sees it.
private struct Read: Equatable {
  var partition: Int32
  var offset: Int64
  var value: String?
}

extension TopicRangeReader {
  /// Everything that is left, or what came in `seconds`.
  fileprivate func drain(seconds: Double = 30) throws -> [Read] {
    var records: [Read] = []
    let deadline = Deadline(seconds: seconds)
    while !deadline.isOver {
      let step = try next(milliseconds: 100) { value, _, place in
        let text = String(decoding: value.indices.map { value[$0] }, as: UTF8.self)
        records.append(
          Read(
            partition: ranges[place.range].partition, offset: place.origin.offset,
            value: place.isTombstone ? nil : text))
      }
      if step == .ended { return records }
    }
    throw KafkaFailure.timedOut(operation: "draining a range", detail: "\(records.count) records came")
  }
}

@Suite(.serialized) struct TopicRangeReaderTests {
  private static let base: Int64 = 1_700_000_000_000

  /// Writes record i to partition i % partitions with timestamp base + i seconds.
  private func write(_ count: Range<Int>, to topic: String, _ kafka: KafkaConfiguration, partitions: Int) throws {
    let producer = try KafkaProducer(kafka, log: { _ in })
    let handle = try producer.topic(topic)
    for index in count {
      let key = Array("k\(index)".utf8)
      let value = Array("v\(index)".utf8)
      let isQueued = try producer.produce(
        to: handle, key: key.span, value: value.span, hasValue: index % 50 != 7, partition: Int32(index % partitions),
        timestamp: Self.base + Int64(index) * 1000)
      try #require(isQueued)
    }
    try #require(try producer.flush(milliseconds: 30_000))
  }

  private func expected(_ range: Range<Int>, partitions: Int) -> [Read] {
    range.map {
      Read(partition: Int32($0 % partitions), offset: Int64($0 / partitions), value: $0 % 50 == 7 ? nil : "v\($0)")
    }
  }

  @Test func partitionsAreMergedByTimeUpToTheEndAsOfTheStart() throws {
    let broker = try EmbeddedBroker()
    try broker.createTopic("clicks", partitions: 3)
    let kafka = KafkaConfiguration(bootstrapServers: broker.bootstrapServers)
    try write(0..<1000, to: "clicks", kafka, partitions: 3)
    let table = PartitionTable()
    let reader = try TopicRangeReader(kafka, topic: "clicks", range: TopicRange(), partitions: table, log: { _ in })
    #expect(reader.offsetCount == 1000)
    #expect(reader.ranges.map(\.unread) == [.min, .min, .min])
    // What comes later is not read.
    try write(1000..<1100, to: "clicks", kafka, partitions: 3)
    let records = try reader.drain()
    #expect(records == expected(0..<1000, partitions: 3))
    #expect(try reader.next(milliseconds: 100) { _, _, _ in } == .ended)
    #expect(table.names.map(\.partition) == [0, 1, 2])
  }

  @Test func anEmptyTopicEndsAtOnce() throws {
    let broker = try EmbeddedBroker()
    try broker.createTopic("clicks", partitions: 2)
    let kafka = KafkaConfiguration(bootstrapServers: broker.bootstrapServers)
    let reader = try TopicRangeReader(
      kafka, topic: "clicks", range: TopicRange(), partitions: PartitionTable(), log: { _ in })
    #expect(try reader.next(milliseconds: 0) { _, _, _ in } == .ended)
  }

  @Test func brokersThatGoAwayAndComeBackLoseNothing() throws {
    let broker = try EmbeddedBroker()
    try broker.createTopic("clicks", partitions: 2)
    let kafka = KafkaConfiguration(
      bootstrapServers: broker.bootstrapServers, properties: ["fetch.message.max.bytes": "1000"])
    try write(0..<600, to: "clicks", kafka, partitions: 2)
    let reader = try TopicRangeReader(
      kafka, topic: "clicks", range: TopicRange(), partitions: PartitionTable(), log: { _ in })
    broker.fail(.fetch, [.disconnect, .notLeader, .disconnect])
    var count = 0
    let deadline = Deadline(seconds: 30)
    while !deadline.isOver {
      do throws(KafkaFailure) {
        let step = try reader.next(milliseconds: 100) { _, _, _ in count += 1 }
        if step == .ended { break }
      } catch {
        #expect(error.disposition == .retry)
      }
    }
    #expect(count == 600)
  }

  /// What the in-process broker can't do.
  @Suite(.serialized, KafkaBroker.needed) struct OnApacheKafka {
    private let outer = TopicRangeReaderTests()

    @Test func timesBoundWhatIsReadAndWhatIsNot() throws {
      let kafka = KafkaConfiguration(bootstrapServers: try KafkaBroker.shared().bootstrapServers)
      let topic = KafkaBroker.uniqueName("range")
      let admin = try KafkaAdmin(kafka)
      try admin.createTopic(topic, partitions: 3, properties: ["retention.ms": "-1"])
      try wait(for: topic, admin)
      try outer.write(0..<900, to: topic, kafka, partitions: 3)
      func read(_ range: TopicRange) throws -> (ranges: [PartitionRange], records: [Read]) {
        let reader = try TopicRangeReader(
          kafka, topic: topic, range: range, partitions: PartitionTable(), log: { _ in })
        return (reader.ranges, try reader.drain())
      }
      let since = base + 300_000
      let all = try read(TopicRange())
      #expect(all.records == outer.expected(0..<900, partitions: 3))
      let late = try read(TopicRange(since: .at(since)))
      #expect(late.records == outer.expected(300..<900, partitions: 3))
      #expect(late.ranges.map(\.unread) == [since - 1, since - 1, since - 1])
      let middle = try read(TopicRange(since: .at(since + 500), until: base + 600_000, warmUp: 100_000))
      #expect(middle.records == outer.expected(201..<600, partitions: 3))
      #expect(middle.ranges.map(\.unread) == Array(repeating: since + 500 - 100_000 - 1, count: 3))
      #expect(middle.ranges.map { Int($0.output) * 3 + Int($0.partition) }.allSatisfy { (301..<304).contains($0) })
      let never = try read(TopicRange(since: .at(base + 10_000_000)))
      #expect(never.records.isEmpty)
      let whole = try read(TopicRange(since: .at(base - 1)))
      #expect(whole.records.count == 900)
      #expect(whole.ranges.map(\.unread) == [.min, .min, .min])
    }

    @Test func propertiesOfTopicsCanBeAskedFor() throws {
      let kafka = KafkaConfiguration(bootstrapServers: try KafkaBroker.shared().bootstrapServers)
      let admin = try KafkaAdmin(kafka)
      let compacted = KafkaBroker.uniqueName("compacted")
      try admin.createTopic(compacted, partitions: 2, properties: ["cleanup.policy": "compact,delete"])
      try wait(for: compacted, admin)
      #expect(try admin.property("cleanup.policy", of: compacted)?.contains("compact") == true)
      #expect(try admin.property("no.such.property", of: compacted) == nil)
      #expect(try admin.partitionCount(of: compacted) == 2)
      #expect(throws: KafkaFailure.self) { try admin.partitionCount(of: KafkaBroker.uniqueName("missing")) }
    }

    /// A topic that was just made is not known to all of the broker at once.
    private func wait(for topic: String, _ admin: KafkaAdmin) throws {
      let deadline = Deadline(seconds: 20)
      while true {
        do throws(KafkaFailure) {
          if try admin.partitionCount(of: topic) > 0, try admin.property("cleanup.policy", of: topic) != nil { return }
        } catch {
          if error.disposition != .retry || deadline.isOver { throw error }
        }
      }
    }

    private var base: Int64 { TopicRangeReaderTests.base }
  }
}
