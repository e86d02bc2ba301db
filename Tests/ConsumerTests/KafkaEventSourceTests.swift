import Consumer
import Events
import Kafka
import TestSupport
import Testing

@Suite(.serialized) struct KafkaEventSourceTests {
  @Test func everyRecordIsHandedOverOnceAndInOrderBadOnesAndTombstonesMoveTheOffsetToo() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 2)
    var values: [String?] = (0..<1_000).map { "s\($0 % 7) i\($0)" }
    values[10] = "nonsense"
    values[11] = nil
    values[998] = nil
    values[999] = "nonsense"
    try topic.write(values, partitions: 2)

    let table = PartitionTable()
    var source = try topic.source(table)
    var rejections = 0
    var tombstones = 0
    var items: [String] = []
    var batch = EventBatch(capacity: 100)
    let deadline = Deadline(seconds: 30)
    while items.count + rejections + tombstones < 1_000 && !deadline.isOver {
      batch.removeAll()
      #expect(try source.take(into: &batch, milliseconds: 100) != .ended)
      #expect(batch.events.count + batch.rejections.count + batch.tombstones <= 200)
      for event in batch.events {
        items.append(batch.bytes.text(event.item))
        #expect(event.time > 1_600_000_000_000)
      }
      rejections += batch.rejections.count
      tombstones += batch.tombstones
      for rejection in batch.rejections { #expect(batch.bytes.text(rejection.payload) == "nonsense") }
      _ = try source.commit(except: [])
    }
    #expect(rejections == 2)
    #expect(tombstones == 2)
    let expected = (0..<998).filter { $0 != 10 && $0 != 11 }
    #expect(items.count == expected.count)
    for parity in 0..<2 {
      let partition = items.compactMap { Int($0.dropFirst()) }.filter { $0 % 2 == parity }
      #expect(partition == expected.filter { $0 % 2 == parity })
    }
    #expect(source.counts.records == 1_000)
    #expect(try topic.committed(partitions: 2) == [500, 500])
    source.close()
  }

  @Test func aRefusedCommitIsCountedAndMadeUpForByTheNextTake() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 1)
    try topic.write(["s a", "s b", "s c"], partitions: 1)
    let table = PartitionTable()
    var source = try topic.source(table)
    let items = try source.drain(3, table: table)
    #expect(items.map(\.item) == ["a", "b", "c"])
    broker.fail(.offsetCommit, [.rebalancing])
    #expect(try !source.commit(except: []))
    #expect(source.counts.refusedCommits == 1)
    #expect(try topic.committed(partitions: 1) == [nil])
    var batch = EventBatch()
    _ = try source.take(into: &batch, milliseconds: 0)
    #expect(try topic.committed(partitions: 1) == [3])
    source.close()
  }

  @Test func whatIsPendingAtARefusedCommitIsHandedOverAgain() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 1)
    try topic.write((0..<20).map { "s \($0)" }, partitions: 1)
    let table = PartitionTable()
    var source = try topic.source(table)
    var batch = EventBatch()
    let deadline = Deadline(seconds: 20)
    while batch.events.count < 20 && !deadline.isOver {
      _ = try source.take(into: &batch, milliseconds: 200)
    }
    try #require(batch.events.count == 20)
    #expect(try source.commit(except: batch.events[5...]))
    broker.fail(.offsetCommit, [.rebalancing])
    #expect(try !source.commit(except: batch.events[12...]))
    // What is not handed over again yet is not committed either.
    #expect(try source.commit(except: []))
    #expect(try topic.committed(partitions: 1) == [12])
    let again = try source.drain(8, table: table)
    #expect(again.map(\.offset) == Array(12..<20))
    #expect(try source.commit(except: []))
    #expect(try topic.committed(partitions: 1) == [20])
    source.close()
  }

  @Test func aStaleGenerationCommitsNothingAndItsRecordsComeAgain() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 1)
    try topic.write(["s a", "s b", "s c"], partitions: 1)
    let table = PartitionTable()
    var source = try topic.source(table)
    #expect(try source.drain(3, table: table).count == 3)
    broker.fail(.offsetCommit, [.staleGeneration])
    _ = try source.commit(except: [])
    #expect(source.counts.refusedCommits == 1)
    #expect(try topic.committed(partitions: 1) == [nil])
    // librdkafka before 2.10 loses the partition and reads it again; a newer one keeps it and goes on.
    try topic.write(["s d"], partitions: 1)
    var items: [String] = []
    let deadline = Deadline(seconds: 20)
    while items.last != "d" && !deadline.isOver {
      items += try source.drain(1, seconds: 0.2, table: table).map(\.item)
    }
    #expect(items == ["a", "b", "c", "d"] || items == ["d"])
    source.close()
  }

  @Test func brokersThatGoAwayAndComeBackLoseNothing() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 1)
    try topic.write((0..<10).map { "s \($0)" }, partitions: 1)
    let table = PartitionTable()
    let said = Lines()
    var source = try topic.source(table, log: said.log)
    var items = try source.drain(10, table: table)
    #expect(items.count == 10)
    broker.setDown(true)
    var batch = EventBatch()
    let deadline = Deadline(seconds: 10)
    while said.all.count(where: { $0.facility == "GROUP" }) == 0 && !deadline.isOver {
      _ = try source.take(into: &batch, milliseconds: 100)
    }
    #expect(said.all.contains { $0.facility == "GROUP" && $0.message.contains("Kafka is away") })
    broker.setDown(false)
    try topic.write((10..<20).map { "s \($0)" }, partitions: 1)
    let again = Deadline(seconds: 20)
    while items.count < 20 && !again.isOver {
      batch.removeAll()
      _ = try source.take(into: &batch, milliseconds: 100)
      items += batch.items(table)
    }
    #expect(items.map(\.item) == (0..<20).map { "\($0)" })
    source.close()
  }

  @Test func aBatchAllocatesNothingForItsRecords() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 1)
    try topic.write((0..<2_000).map { "session\($0) item\($0)" }, partitions: 1)
    let table = PartitionTable()
    var source = try topic.source(table)
    var batch = EventBatch(capacity: 200)
    let deadline = Deadline(seconds: 20)
    // The first batches fill the tables; then all records are in librdkafka's queue.
    while source.counts.records < 400 && !deadline.isOver {
      batch.removeAll()
      _ = try source.take(into: &batch, milliseconds: 100)
    }
    batch.removeAll()
    let counted = try allocations { _ = try source.take(into: &batch, milliseconds: 1_000) }
    #expect(batch.events.count == 200)
    if let counted { #expect(counted < 20, "for 200 records") }
    source.close()
  }
}
