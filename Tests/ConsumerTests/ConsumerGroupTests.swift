import Consumer
import Events
import Kafka
import TestSupport
import Testing

@Suite(.serialized, KafkaBroker.needed) struct ConsumerGroupTests {
  @Test func tenThousandRecordsComeOnceARestartGoesOnFromTheCommit() throws {
    let topic = try Topic.onApacheKafka(partitions: 4)
    try topic.write((0..<10_000).map { "s\($0 % 97) i\($0)" }, partitions: 4)
    let table = PartitionTable()
    var source = try topic.source(table)
    let items = try source.drain(10_000, table: table) { source throws(KafkaFailure) in
      _ = try source.commit(except: [])
    }
    #expect(items.count == 10_000)
    #expect(Set(items).count == 10_000)
    #expect(source.assigned.count == 4)
    for partition in 0..<4 {
      let offsets = items.filter { $0.partition == partition }.map(\.offset)
      #expect(offsets == Array(0..<2_500))
    }
    source.close()
    #expect(try topic.committed(partitions: 4) == [2_500, 2_500, 2_500, 2_500])

    try topic.write(["s more"], partitions: 4)
    let newTable = PartitionTable()
    var restarted = try topic.source(newTable)
    let more = try restarted.drain(1, table: newTable) + restarted.drain(1, seconds: 1, table: newTable)
    #expect(more == [HandedItem(partition: 0, offset: 2_500, item: "more")])
    restarted.close()
  }

  @Test func whatWasNotCommittedIsHandedOverAgain() throws {
    let topic = try Topic.onApacheKafka(partitions: 1)
    try topic.write((0..<300).map { "s i\($0)" }, partitions: 1)
    let table = PartitionTable()
    var source = try topic.source(table)
    var batches = 0
    let first = try source.drain(300, capacity: 100, table: table) { source throws(KafkaFailure) in
      batches += 1
      if batches == 1 { _ = try source.commit(except: []) }
    }
    #expect(first.count == 300)
    source.close()
    let committed = try #require(try topic.committed(partitions: 1)[0])
    #expect(committed > 0 && committed <= 100)

    let newTable = PartitionTable()
    var restarted = try topic.source(newTable)
    let again = try restarted.drain(300 - Int(committed), table: newTable)
    #expect(again.map(\.offset) == Array(committed..<300))
    restarted.close()
  }

  @Test func aSecondMemberGetsItsShareAndNothingIsLost() throws {
    let topic = try Topic.onApacheKafka(partitions: 4)
    try topic.write((0..<400).map { "s i\($0)" }, partitions: 4)
    let table = PartitionTable()
    let otherTable = PartitionTable()
    var source = try topic.source(table)
    var items = try source.drain(400, table: table) { source throws(KafkaFailure) in _ = try source.commit(except: []) }
    #expect(items.count == 400)

    var other = try topic.source(otherTable)
    let deadline = Deadline(seconds: 30)
    var written = 400
    while !(source.assigned.count == 2 && other.assigned.count == 2) && !deadline.isOver {
      try topic.write((written..<written + 40).map { "s i\($0)" }, partitions: 4)
      written += 40
      items += try source.drain(1, seconds: 0.2, table: table) { source throws(KafkaFailure) in
        _ = try source.commit(except: [])
      }
      items += try other.drain(1, seconds: 0.2, table: otherTable) { source throws(KafkaFailure) in
        _ = try source.commit(except: [])
      }
    }
    #expect(source.assigned.count == 2)
    #expect(other.assigned.count == 2)
    while Set(items).count < written && !deadline.isOver {
      items += try source.drain(1, seconds: 0.2, table: table) { source throws(KafkaFailure) in
        _ = try source.commit(except: [])
      }
      items += try other.drain(1, seconds: 0.2, table: otherTable) { source throws(KafkaFailure) in
        _ = try source.commit(except: [])
      }
    }
    #expect(Set(items).count == written)
    // Only a commit that ran into the change of generations lets records come again.
    if source.counts.refusedCommits + other.counts.refusedCommits == 0 { #expect(items.count == written) }
    source.close()
    other.close()
  }

  @Test func aPartitionThatWasGivenUpIsNotCommittedLater() throws {
    let topic = try Topic.onApacheKafka(partitions: 2)
    try topic.write((0..<200).map { "s i\($0)" }, partitions: 2)
    let table = PartitionTable()
    let otherTable = PartitionTable()
    var source = try topic.source(table)
    // Handed over, never committed: this worker is slow.
    let slow = try source.drain(200, table: table)
    #expect(slow.count == 200)

    // The other member takes one partition over, reads it again from its beginning, and commits its end.
    var other = try topic.source(otherTable)
    var taken: [HandedItem] = []
    let deadline = Deadline(seconds: 30)
    while taken.count < 100 && !deadline.isOver {
      _ = try source.drain(1, seconds: 0.2, table: table)
      taken += try other.drain(1, seconds: 0.2, table: otherTable)
    }
    try #require(taken.count == 100)
    let partition = taken[0].partition
    #expect(taken.map(\.offset) == Array(0..<100))
    try topic.write((0..<20).map { "s new\($0)" }, partitions: 2)
    taken += try other.drain(10, table: otherTable)
    _ = try other.commit(except: [])
    #expect(try topic.committed(partitions: 2)[Int(partition)] == 110)

    // The slow worker's commit covers the partition that it kept, and leaves the other one alone.
    _ = try source.commit(except: [])
    let committed = try topic.committed(partitions: 2)
    #expect(committed[Int(partition)] == 110)
    #expect((committed[1 - Int(partition)] ?? 0) >= 100)
    #expect(source.assigned.count == 1)
    source.close()
    other.close()
  }

  @Test func aMemberThatLeavesHandsItsPartitionsOverAtOnce() throws {
    let topic = try Topic.onApacheKafka(partitions: 1)
    try topic.write(["s a"], partitions: 1)
    let table = PartitionTable()
    var source = try topic.source(table)
    _ = try source.drain(1, table: table)
    source.close()
    let start = ContinuousClock.now
    let newTable = PartitionTable()
    var next = try topic.source(newTable)
    #expect(try next.drain(1, table: newTable).count == 1)
    // Well under the session time-out, after which the group would have noticed by itself.
    #expect(ContinuousClock.now - start < .seconds(5))
    next.close()
  }

  @Test func whereToBeginWithoutACommitIsASetting() throws {
    let topic = try Topic.onApacheKafka(partitions: 1)
    try topic.write(["s old"], partitions: 1)
    let table = PartitionTable()
    var latest = try topic.source(table, reset: .latest)
    #expect(try latest.drain(1, seconds: 3, table: table).isEmpty)
    try topic.write(["s new"], partitions: 1)
    #expect(try latest.drain(1, table: table).map(\.item) == ["new"])
    latest.close()

    var strict = try topic.source(table, reset: .error)
    var told: KafkaFailure?
    do {
      _ = try strict.drain(1, seconds: 10, table: table)
    } catch let failure as KafkaFailure {
      told = failure
    }
    guard case .offsetMissing? = told else {
      Issue.record("\(String(describing: told))")
      return
    }
    strict.close()
  }
}
