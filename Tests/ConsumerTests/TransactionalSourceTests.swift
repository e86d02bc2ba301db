import Consumer
import Events
import Kafka
import TestSupport
import Testing

/// Offsets that a transaction carries: what the source says to it, and what it does when the transaction fails.
@Suite(.serialized, KafkaBroker.needed) struct TransactionalSourceTests {
  @Test func offsetsAndMemberGoToTheTransaction() throws {
    let topic = try Topic.onApacheKafka(partitions: 1)
    try topic.write((0..<10).map { "s i\($0)" }, partitions: 1)
    let table = PartitionTable()
    let transactions = Transactions()
    let member = try Member(topic.source(), workers: 1)
    var source = OneWorker(member: member, source: member.source(0, table, transactions: transactions))
    #expect(try source.drain(10, table: table).count == 10)
    #expect(try source.commit(except: []))
    #expect(transactions.commits.map(\.offsets) == [[10]])
    #expect(transactions.commits[0].member.bytes.count > 20)
    // Nothing new, no transaction.
    #expect(try source.commit(except: []))
    #expect(transactions.commits.count == 1)
    #expect(try topic.committed(partitions: 1) == [nil])
    source.close()
  }

  @Test func anAbortedTransactionTakesAllBackToTheLastCommit() throws {
    let topic = try Topic.onApacheKafka(partitions: 1)
    try topic.write((0..<30).map { "s i\($0)" }, partitions: 1)
    let table = PartitionTable()
    let transactions = Transactions()
    let member = try Member(topic.source(), workers: 1)
    var source = OneWorker(member: member, source: member.source(0, table, transactions: transactions))
    #expect(try source.drain(10, capacity: 10, table: table).count == 10)
    #expect(try source.commit(except: []))
    let second = try source.drain(10, capacity: 10, table: table)
    #expect(second.map(\.offset) == Array(10..<20))
    transactions.answer = false
    #expect(try !source.commit(except: []))
    transactions.answer = true
    let again = try source.drain(20, capacity: 20, table: table)
    #expect(again.map(\.offset) == Array(10..<30))
    #expect(try source.commit(except: []))
    #expect(transactions.commits.map(\.offsets) == [[10], [20], [30]])
    source.close()
  }

  @Test func aPartitionThatIsGoneAbortsTheTransaction() throws {
    let topic = try Topic.onApacheKafka(partitions: 2)
    try topic.write((0..<40).map { "s i\($0)" }, partitions: 2)
    let table = PartitionTable()
    let transactions = Transactions()
    let member = try Member(topic.source(), workers: 1)
    var source = OneWorker(member: member, source: member.source(0, table, transactions: transactions))
    #expect(try source.drain(40, table: table).count == 40)
    // The worker is too slow for the group, which gives one partition to somebody else.
    let found = Found()
    let other = try Crew(topic.source(), workers: 1, found)
    #expect(other.waitForShare(1, seconds: 30))
    #expect(found.wait(for: 20, seconds: 20))
    #expect(try !source.commit(except: []))
    #expect(transactions.commits.isEmpty)
    #expect(transactions.aborts == 1)
    // What it kept comes again, and is committed.
    let again = try source.drain(20, table: table)
    #expect(again.count == 20)
    #expect(Set(again.map(\.partition)).count == 1)
    #expect(try source.commit(except: []))
    #expect(transactions.commits.map(\.offsets) == [[20]])
    source.close()
    other.finish()
  }
}

/// Notes what it is asked for.
private final class Transactions: OffsetTransactions {
  var commits: [(offsets: [Int64], member: GroupMetadata)] = []
  var aborts = 0
  var answer = true

  func commit(
    _ offsets: [PartitionOffset], in partitions: PartitionTable, of member: GroupMetadata, goOn: () -> Bool
  ) throws(KafkaFailure) -> Bool {
    commits.append((offsets.map(\.next), member))
    return answer
  }

  func abort() throws(KafkaFailure) { aborts += 1 }
}
