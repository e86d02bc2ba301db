import Consumer
import Events
import Kafka
import TestSupport
import Testing

@Suite(.serialized) struct TopicRangeSourceTests {
  private func source(_ topic: Topic, _ range: TopicRange = TopicRange(), limit: Int? = nil, patience: Int = 60_000)
    throws
    -> TopicRangeSource<WordsDecoder>
  {
    let reader = try TopicRangeReader(
      topic.configuration, topic: topic.name, range: range, partitions: PartitionTable(), log: { _ in })
    return TopicRangeSource(reader, decoder: WordsDecoder(), limit: limit, patience: patience)
  }

  /// All items to the end.
  private func drain(_ source: inout TopicRangeSource<WordsDecoder>, capacity: Int = 256) throws -> [String] {
    var batch = EventBatch(capacity: capacity)
    var items: [String] = []
    let deadline = Deadline(seconds: 30)
    while !deadline.isOver {
      batch.removeAll()
      let state = try source.take(into: &batch, milliseconds: 100)
      for event in batch.events { items.append((event.isStateOnly ? "*" : "") + batch.bytes.text(event.item)) }
      if state == .ended { return items }
    }
    throw KafkaFailure.timedOut(operation: "draining a source", detail: "\(items.count) items came")
  }

  @Test func recordsOfAllKindsAreCounted() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 2)
    let values = (0..<600).map { $0 % 100 == 5 ? nil : $0 % 100 == 50 ? "nonsense" : "s\($0 % 9) i\($0)" }
    try topic.write(values, partitions: 2)
    for capacity in [1, 7, 256] {
      var source = try source(topic)
      let items = try drain(&source, capacity: capacity)
      let expected = (0..<600).filter { $0 % 100 != 5 && $0 % 100 != 50 }.map { "i\($0)" }
      #expect(Set(items) == Set(expected) && items.count == expected.count)
      #expect(source.counts.records == 600)
      #expect(source.counts.events == 588)
      #expect(source.counts.tombstones == 6)
      #expect(source.counts.rejections == [.malformed: 6])
      #expect(source.unreadTime(of: 0) == .min && source.unreadTime(of: 1) == .min)
    }
  }

  @Test func theOrderIsTheSameEveryTime() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 4)
    try topic.write((0..<400).map { "s i\($0)" }, partitions: 4)
    var first = try source(topic)
    let expected = try drain(&first)
    for capacity in [1, 33] {
      var again = try source(topic)
      #expect(try drain(&again, capacity: capacity) == expected)
    }
  }

  @Test func aLimitCutsIt() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 1)
    try topic.write((0..<50).map { "s i\($0)" }, partitions: 1)
    var source = try source(topic, limit: 20)
    #expect(try drain(&source).count == 20)
    #expect(source.counts.records == 20)
  }

  @Test func itGivesUpWhenNothingComes() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 1)
    try topic.write(["s a"], partitions: 1)
    var source = try source(topic, patience: 500)
    broker.setDown(true)
    #expect(throws: KafkaFailure.self) {
      let deadline = Deadline(seconds: 30)
      var batch = EventBatch()
      while !deadline.isOver {
        batch.removeAll()
        if try source.take(into: &batch, milliseconds: 100) == .ended { return }
      }
    }
  }

  @Test(KafkaBroker.needed) func theWarmUpIsForStateAlone() throws {
    let topic = try Topic.onApacheKafka(partitions: 1)
    try topic.write((0..<5).map { "s a\($0)" }, partitions: 1)
    var first = try source(topic)
    var batch = EventBatch()
    while try first.take(into: &batch, milliseconds: 100) == .open {}
    let time = try #require(batch.events.last?.time) + 50
    while try now(after: time, topic) {}
    try topic.write((0..<5).map { "s b\($0)" }, partitions: 1)
    var warm = try source(topic, TopicRange(since: .at(time), warmUp: 3_600_000))
    #expect(try drain(&warm) == ["*a0", "*a1", "*a2", "*a3", "*a4", "b0", "b1", "b2", "b3", "b4"])
    #expect(warm.counts.warmUp == 5 && warm.counts.events == 5)
    #expect(warm.unreadTime(of: 0) == .min)
    var cold = try source(topic, TopicRange(since: .at(time)))
    #expect(try drain(&cold) == ["b0", "b1", "b2", "b3", "b4"])
    #expect(cold.unreadTime(of: 0) == time - 1 + Limits.futureMilliseconds)
  }

  /// True until records written now have a timestamp after `time`.
  private func now(after time: EventTime, _ topic: Topic) throws -> Bool {
    try topic.write([nil], partitions: 1)
    var source = try source(topic, TopicRange(since: .at(time + 1)))
    _ = try drain(&source)
    return source.counts.records == 0
  }
}
