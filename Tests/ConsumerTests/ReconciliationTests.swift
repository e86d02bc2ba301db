import Consumer
import Events
import Kafka
import TestSupport
import Testing

/// What happens when the store knows less of a partition than the group has committed.
@Suite(.serialized, KafkaBroker.needed) struct ReconciliationTests {
  private static let start: EventTime = 1_700_000_000_000
  private static let minute: EventTime = 60_000

  /// A topic of one partition with a record each minute, the first 80 of 100 committed. Number 20 is nonsense, number 60 a tombstone.
  private func topic(committed count: Int = 80) throws -> Topic {
    let topic = try Topic.onApacheKafka(partitions: 1)
    var values: [String?] = (0..<100).map { "s i\($0)" }
    values[20] = "nonsense"
    values[60] = nil
    try topic.write(values, partitions: 1, from: Self.start, every: Self.minute)
    if count > 0 { try commit(count, of: topic) }
    return topic
  }

  private func commit(_ offset: Int, of topic: Topic) throws {
    let client = try GroupClient(topic.configuration, group: topic.group, topics: [], queues: 1, log: { _ in })
    let queue = GroupQueue(client, index: 0, partitions: PartitionTable())
    let slot = try queue.slot(TopicPartition(topic: topic.name, partition: 0))
    let deadline = Deadline(seconds: 20)
    while true {
      do throws(KafkaFailure) {
        try queue.send([PartitionOffset(partition: slot, next: Int64(offset))])
        if try queue.answer(milliseconds: 5_000) { return }
      } catch {
        if deadline.isOver { throw error }
      }
    }
  }

  /// Takes until a partition is told of, and answers with what a store would say.
  private func join(
    _ topic: Topic, offset: Int64, isTrusted: Bool, log: @escaping KafkaLog = { _ in },
    change: (inout KafkaSourceConfiguration) -> Void = { _ in }
  ) throws -> OneWorker {
    var source = try topic.source(PartitionTable(), log: log) {
      $0.rebuild.rewind = 10 * Self.minute
      $0.rebuild.rewindRecords = 5
      $0.rebuild.horizon = 30 * Self.minute
      change(&$0)
    }
    var batch = EventBatch()
    let deadline = Deadline(seconds: 30)
    while !deadline.isOver {
      batch.removeAll()
      _ = try source.take(into: &batch, milliseconds: 100)
      // Nothing of a partition before it was told of and reconciled.
      #expect(batch.events.count + batch.rejections.count == 0)
      let changes = source.source.takeChanges()
      if changes.assigned.isEmpty { continue }
      #expect(changes.assigned == [0] && changes.gone.isEmpty)
      for _ in 0..<3 { _ = try source.take(into: &batch, milliseconds: 100) }
      #expect(batch.events.count + batch.rejections.count == 0)
      while true {
        do throws(KafkaFailure) {
          try source.source.reconcile([PartitionMark(partition: 0, offset: offset, isTrusted: isTrusted)])
          return source
        } catch {
          if error.disposition != .retry || deadline.isOver { throw error }
        }
      }
    }
    throw KafkaFailure.timedOut(operation: "joining", detail: "no partition was assigned")
  }

  private struct Taken {
    var stateOnly: [Int64] = []
    var fresh: [Int64] = []
    var rejections = 0
    var tombstones = 0
  }

  /// Takes until the record at offset 99 came, committing after each batch of a few.
  private func drain(_ source: inout OneWorker, of topic: Topic, capacity: Int = 7) throws -> Taken {
    var taken = Taken()
    var batch = EventBatch(capacity: capacity)
    let deadline = Deadline(seconds: 30)
    while taken.fresh.last != 99 && !deadline.isOver {
      batch.removeAll()
      _ = try source.take(into: &batch, milliseconds: 100)
      for event in batch.events {
        if event.isStateOnly {
          taken.stateOnly.append(event.origin.offset)
        } else {
          taken.fresh.append(event.origin.offset)
        }
      }
      taken.rejections += batch.rejections.count
      taken.tombstones += batch.tombstones
      if !batch.isEmpty { #expect(try source.commit(except: [])) }
      if taken.fresh.isEmpty { #expect(try topic.committed(partitions: 1)[0] ?? 80 == 80) }
    }
    return taken
  }

  @Test func aStoreThatKnowsAllOrForgetsNothingNeedsNothing() throws {
    for offset: Int64 in [79, -1] {
      let topic = try topic()
      var source = try join(topic, offset: offset, isTrusted: true)
      let taken = try drain(&source, of: topic)
      #expect(taken.stateOnly.isEmpty)
      #expect(taken.fresh == Array(80..<100))
      #expect(source.counts.rebuilds == 0)
      source.close()
      #expect(try topic.committed(partitions: 1) == [100])
    }
  }

  @Test func aStoreThatMayHaveLostWritesIsToldTheLastMinutesAgain() throws {
    let topic = try topic()
    let said = Lines()
    var source = try join(topic, offset: 79, isTrusted: false, log: said.log)
    let taken = try drain(&source, of: topic)
    #expect(taken.stateOnly == Array(69..<80))
    #expect(taken.fresh == Array(80..<100))
    #expect(source.counts.rebuilds == 1)
    #expect(source.counts.stateOnly == 11)
    #expect(said.all.contains { $0.facility == "REBUILD" && $0.message.contains("from offset 69 to 80") })
    source.close()
    #expect(try topic.committed(partitions: 1) == [100])
  }

  @Test func howEverCloseTheirTimesAreSoManyRecordsAreToldAgain() throws {
    let topic = try topic()
    var source = try join(topic, offset: 79, isTrusted: false, change: { $0.rebuild.rewindRecords = 30 })
    let taken = try drain(&source, of: topic)
    #expect(taken.stateOnly == (50..<80).filter { $0 != 60 })
    #expect(taken.fresh == Array(80..<100))
    source.close()
  }

  @Test func aStoreThatKnowsNothingIsToldTheWholeHorizonAgainButNoDeadLetters() throws {
    let topic = try topic()
    var source = try join(topic, offset: -1, isTrusted: false)
    let taken = try drain(&source, of: topic)
    #expect(taken.stateOnly == (49..<80).filter { $0 != 60 })
    #expect(taken.fresh == Array(80..<100))
    #expect(taken.tombstones == 0)
    source.close()

    let long = try self.topic()
    var whole = try join(long, offset: -1, isTrusted: false, change: { $0.rebuild.horizon = 1_000 * Self.minute })
    let all = try drain(&whole, of: long)
    #expect(all.stateOnly == (0..<80).filter { $0 != 20 && $0 != 60 })
    #expect(all.rejections == 0 && all.tombstones == 0)
    whole.close()
  }

  @Test func withNothingCommittedThereIsNothingToRebuild() throws {
    let topic = try topic(committed: 0)
    var source = try join(topic, offset: -1, isTrusted: false)
    let taken = try drain(&source, of: topic)
    #expect(taken.stateOnly.isEmpty)
    #expect(taken.fresh.count == 98)
    #expect(taken.rejections == 1 && taken.tombstones == 1)
    source.close()
  }

  @Test func whatSomebodyAskedForIsRebuiltOnce() throws {
    let topic = try topic()
    var source = try join(
      topic, offset: 79, isTrusted: true,
      change: {
        $0.rebuild.asked = .time(Self.start + 70 * Self.minute - 1)
      })
    let taken = try drain(&source, of: topic)
    #expect(taken.stateOnly == Array(70..<80))
    try source.source.reconcile([PartitionMark(partition: 0, offset: 99, isTrusted: true)])
    #expect(source.counts.rebuilds == 1)
    source.close()

    let whole = try self.topic()
    var other = try join(whole, offset: 79, isTrusted: true, change: { $0.rebuild.asked = .earliest })
    #expect(try drain(&other, of: whole).stateOnly.first == 0)
    other.close()
  }

  @Test func aTopicThatWasMadeAnewIsAClearFailure() throws {
    let topic = try topic()
    let failure = #expect(throws: KafkaFailure.self) {
      let source = try join(topic, offset: 100, isTrusted: true)
      source.close()
    }
    #expect(failure?.disposition == .halt)
    #expect(failure?.description.contains("state.generation") == true)
    let beyond = try self.topic(committed: 0)
    try commit(5_000, of: beyond)
    let other = #expect(throws: KafkaFailure.self) {
      let source = try join(beyond, offset: 50, isTrusted: false)
      source.close()
    }
    guard case .recreated? = other else {
      Issue.record("\(String(describing: other))")
      return
    }
  }

  @Test func afterALossInTheMiddleWhatIsNotCommittedComesAgainAsItWas() throws {
    let topic = try topic()
    var source = try join(topic, offset: 79, isTrusted: true)
    var batch = EventBatch(capacity: 5)
    let deadline = Deadline(seconds: 20)
    while batch.events.isEmpty && !deadline.isOver {
      batch.removeAll()
      _ = try source.take(into: &batch, milliseconds: 100)
    }
    #expect(batch.events.map(\.origin.offset) == Array(80..<85))
    // The store was restarted: five minutes are lost, and what was just handed over.
    try source.source.reconcile([PartitionMark(partition: 0, offset: 79, isTrusted: false)])
    let taken = try drain(&source, of: topic)
    #expect(taken.stateOnly == Array(69..<80))
    #expect(taken.fresh == Array(80..<100))
    source.close()
  }

  @Test func aBrokerThatKnowsNoTimesIsReadFromItsOldestRecord() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 1)
    try topic.write((0..<100).map { "s i\($0)" }, partitions: 1)
    try commit(80, of: topic)
    let said = Lines()
    var source = try join(topic, offset: 79, isTrusted: false, log: said.log)
    let taken = try drain(&source, of: topic)
    #expect(taken.stateOnly == Array(0..<80))
    #expect(taken.fresh == Array(80..<100))
    #expect(said.all.contains { $0.message.contains("times can't be looked up") })
    source.close()
  }

  /// Takes until the record at `last` came.
  private func take(_ source: inout OneWorker, until last: Int64) throws -> Taken {
    var taken = Taken()
    var batch = EventBatch()
    let deadline = Deadline(seconds: 30)
    while taken.fresh.last != last && !deadline.isOver {
      batch.removeAll()
      _ = try source.take(into: &batch, milliseconds: 100)
      taken.stateOnly += batch.events.filter(\.isStateOnly).map(\.origin.offset)
      taken.fresh += batch.events.filter { !$0.isStateOnly }.map(\.origin.offset)
    }
    return taken
  }

  /// Five records in one transaction.
  private func transact(_ topic: Topic, commits: Bool) throws {
    let writer = try TransactionalProducer(
      topic.configuration, transactionalID: KafkaBroker.uniqueName("id"), log: { _ in })
    try writer.start { true }
    try writer.begin()
    let name = try writer.producer.topic(topic.name)
    for index in 0..<5 {
      let value = Array("s t\(index)".utf8)
      #expect(try writer.produce(to: name, key: value.span, value: value.span, headers: RecordHeaders()))
    }
    #expect(try writer.flush(milliseconds: 20_000))
    if commits {
      let isCommitted = try writer.commit(
        [], in: PartitionTable(), of: GroupMetadata(bytes: []), goOn: { true })
      #expect(isCommitted)
    } else {
      try writer.abort()
    }
  }

  /// The last offset before the committed one is a marker of a transaction, and before it may stand nothing but what was aborted.
  @Test(
    arguments: [
      (20, true, 20..<25), (20, false, 9..<20), (0, false, 0..<0),
    ] as [(Int, Bool, Range<Int64>)])
  func offsetsThatHoldNoRecordStallNothing(before: Int, commits: Bool, stateOnly: Range<Int64>) throws {
    let topic = try Topic.onApacheKafka(partitions: 1)
    try topic.write((0..<before).map { "s i\($0)" }, partitions: 1, from: Self.start, every: Self.minute)
    try transact(topic, commits: commits)
    // Five records and a marker.
    let end = before + 6
    try commit(end, of: topic)
    let said = Lines()
    let began = ContinuousClock.now
    var source = try join(topic, offset: Int64(end) - 1, isTrusted: false, log: said.log)
    print("Reconciled behind a marker in \((ContinuousClock.now - began) / .milliseconds(1)) ms")
    #expect(source.counts.rebuilds == 1)
    #expect(said.all.contains { $0.message.contains("is read again from its oldest record") } == (before == 0))
    try topic.write(["s new"], partitions: 1)
    let taken = try take(&source, until: Int64(end))
    #expect(taken.stateOnly == Array(stateOnly))
    #expect(taken.fresh == [Int64(end)])
    source.close()
  }

  /// Timestamps are what producers say: those that can't be are passed over when the time to go back from is looked for.
  @Test(arguments: [[EventTime.max], [EventTime.max - 1, -7], [-1, EventTime.max, 5]] as [[EventTime]])
  func timestampsThatCannotBeAreNoPlaceToGoBackFrom(times: [EventTime]) throws {
    let kafka = KafkaConfiguration(
      bootstrapServers: try KafkaBroker.shared().bootstrapServers, properties: ["session.timeout.ms": "6000"])
    let topic = Topic(configuration: kafka, name: KafkaBroker.uniqueName("clicks"))
    try KafkaAdmin(kafka).createTopic(
      topic.name, partitions: 1,
      properties: ["message.timestamp.after.max.ms": "\(Int64.max)", "retention.ms": "-1"])
    try topic.write((0..<20).map { "s i\($0)" }, partitions: 1, from: Self.start, every: Self.minute)
    for time in times { try topic.write(["s odd"], partitions: 1, from: time) }
    let end = 20 + times.count
    try commit(end, of: topic)
    var source = try join(topic, offset: Int64(end) - 1, isTrusted: false)
    try topic.write(["s new"], partitions: 1)
    let taken = try take(&source, until: Int64(end))
    #expect(taken.stateOnly == Array(9..<Int64(end)))
    #expect(taken.fresh == [Int64(end)])
    source.close()
  }
}
