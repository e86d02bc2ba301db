import Consumer
import Events
import Foundation
import Kafka
import Platform
import Synchronization
import TestSupport
import Testing

/// Several workers a member, several members a group, on Apache Kafka.
@Suite(.serialized, KafkaBroker.needed) struct ManyWorkersTests {
  @Test func everyWorkerReadsItsShareEachPartitionInOrder() throws {
    let topic = try Topic.onApacheKafka(partitions: 7)
    try topic.write((0..<7_000).map { "s i\($0)" }, partitions: 7)
    let found = Found()
    let crew = try Crew(topic.source(), workers: 3, found)
    #expect(found.wait(for: 7_000, seconds: 30))
    #expect(crew.member.group.holdings.map(\.count).sorted() == [2, 2, 3])
    crew.finish()
    #expect(found.total == 7_000)
    for partition in 0..<7 { #expect(found.offsets(of: Int32(partition)) == Array(0..<1_000)) }
    #expect(try topic.committed(partitions: 7) == [Int64?](repeating: 1_000, count: 7))
  }

  @Test(arguments: [GroupAssignor.cooperativeSticky, .range])
  func membersComeAndGoAndNothingIsLost(_ assignor: GroupAssignor) throws {
    let topic = try Topic.onApacheKafka(partitions: 6)
    let found = Found()
    let change: (inout KafkaSourceConfiguration) -> Void = { $0.assignor = assignor }
    let writer = try Writer(topic, partitions: 6)
    var crews = [try Crew(topic.source(change), workers: 2, found)]
    #expect(found.wait(for: 500, seconds: 30))
    crews.append(try Crew(topic.source(change), workers: 3, found))
    #expect(crews[1].waitForShare(3, seconds: 30), "\(crews.map { $0.member.group.holdings })")
    #expect(crews[0].waitForShare(3, seconds: 30))
    crews.append(try Crew(topic.source(change), workers: 1, found))
    #expect(crews[2].waitForShare(2, seconds: 30))
    var refused = crews[1].refusedCommits
    crews.remove(at: 1).finish()
    #expect(crews[0].waitForShare(3, seconds: 30))
    refused += crews[0].refusedCommits
    crews.remove(at: 0).finish()
    #expect(crews[0].waitForShare(6, seconds: 30))
    let written = try writer.finish()
    #expect(found.wait(for: written, seconds: 30), "\(found.total) of \(written)")
    refused += crews[0].refusedCommits
    crews.remove(at: 0).finish()
    #expect(found.different == written)
    let committed = try topic.committed(partitions: 6).reduce(0) { $0 + ($1 ?? 0) }
    #expect(committed == Int64(written))
    print(
      "members come and go (\(assignor.rawValue)): \(written) records, \(found.total - written) twice, \(refused) commits refused"
    )
  }

  @Test func aWorkerThatIsStuckHoldsUpNeitherTheGroupNorItsNeighbours() throws {
    let topic = try Topic.onApacheKafka(partitions: 4)
    try topic.write((0..<400).map { "s i\($0)" }, partitions: 4)
    let said = Lines()
    let member = try Member(topic.source(), workers: 2, log: said.log)
    let tables = [PartitionTable(), PartitionTable()]
    var stuck = member.source(0, tables[0])
    var batch = EventBatch()
    let deadline = Deadline(seconds: 30)
    while batch.isEmpty && !deadline.isOver {
      batch.removeAll()
      _ = try stuck.take(into: &batch, milliseconds: 100)
    }
    let held = stuck.assigned
    #expect(held.count == 2)
    // From here on worker 0 does nothing, as if Redis were away: another member comes and gets its half.
    let found = Found()
    let other = try Crew(topic.source(), workers: 1, found)
    let start = ContinuousClock.now
    #expect(other.waitForShare(2, seconds: 30))
    // Rebalance, and the patience of two fifths of the session time-out.
    #expect(ContinuousClock.now - start < .seconds(12))
    let left = member.group.holdings[0]
    #expect(found.wait(for: 1, seconds: 20))
    // Late: what is gone is not committed, what was kept is.
    #expect(try stuck.commit(except: []))
    var committed = try topic.committed(partitions: 4)
    for slot in held {
      let place = tables[0].names[Int(slot)]
      let isKept = left.contains { $0.partition == place.partition }
      if isKept { #expect((committed[Int(place.partition)] ?? 0) > 0) }
    }
    other.finish()
    committed = try topic.committed(partitions: 4)
    let gone = held.map { tables[0].names[Int($0)].partition }.filter { number in
      !left.contains { $0.partition == number }
    }
    for number in gone where found.offsets(of: number).count == 100 { #expect(committed[Int(number)] == 100) }
    if !gone.isEmpty { #expect(said.all.contains { $0.facility == "REVOKE" }) }
    _ = try stuck.take(into: &batch, milliseconds: 0)
    let changes = stuck.takeChanges()
    for number in gone { #expect(changes.gone.contains { tables[0].names[Int($0)].partition == number }) }
    _ = consume stuck
    member.leave()
  }

  @Test func pausedPartitionsComeAgainFromWhereTheyStopped() throws {
    let topic = try Topic.onApacheKafka(partitions: 2)
    try topic.write((0..<100).map { "s i\($0)" }, partitions: 2)
    let table = PartitionTable()
    let watched = Lines()
    var source = try topic.source(table, log: watched.log)
    var items = try source.drain(100, capacity: 30, table: table)
    // The worker waits for a server for more than ten seconds.
    let deadline = Deadline(seconds: 25)
    while !source.member.group.isPaused(0) && !deadline.isOver {
      source.member.group.beat(0, .waiting)
      pause(milliseconds: 100)
    }
    #expect(source.member.group.isPaused(0))
    try topic.write((100..<200).map { "s i\($0)" }, partitions: 2)
    items += try source.drain(100, table: table)
    #expect(!source.member.group.isPaused(0))
    #expect(items.count == 200)
    #expect(Set(items).count == 200)
    source.close()
  }

  @Test func aMemberWithALastingNameKeepsItsPlaceAndASecondOneFencesIt() throws {
    let topic = try Topic.onApacheKafka(partitions: 2)
    try topic.write((0..<10).map { "s i\($0)" }, partitions: 2)
    let found = Found()
    let first = try Crew(topic.source { $0.instanceID = "one" }, workers: 1, found)
    #expect(found.wait(for: 10, seconds: 30))
    first.finish()
    // Back within the session time-out: no other member, no wait for it.
    let start = ContinuousClock.now
    try topic.write((10..<20).map { "s i\($0)" }, partitions: 2)
    let second = try Crew(topic.source { $0.instanceID = "one" }, workers: 1, found)
    #expect(found.wait(for: 20, seconds: 30))
    #expect(ContinuousClock.now - start < .seconds(5))
    let third = try Crew(topic.source { $0.instanceID = "one" }, workers: 1, found)
    let failure = second.waitForFailure(seconds: 30)
    guard case .instanceFenced? = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
    #expect("\(failure!)".contains("kafka.instance_id"))
    third.finish()
    second.finish()
  }
}

/// What all workers of a test handed over and committed, or handed over again.
final class Found: Sendable {
  private let items = Mutex<(all: [HandedItem], different: Set<HandedItem>)>(([], []))

  func add(_ more: [HandedItem]) {
    items.withLock { items in
      items.all += more
      items.different.formUnion(more)
    }
  }

  var total: Int { items.withLock { $0.all.count } }
  var different: Int { items.withLock { $0.different.count } }

  func offsets(of partition: Int32) -> [Int64] {
    items.withLock { $0.all.filter { $0.partition == partition }.map(\.offset) }
  }

  /// Waits until so many different records came.
  func wait(for count: Int, seconds: Double) -> Bool {
    let deadline = Deadline(seconds: seconds)
    while different < count && !deadline.isOver { pause(milliseconds: 10) }
    return different >= count
  }
}

/// A member whose workers run on threads of their own, as the daemon's do: take, work, commit.
final class Crew: Sendable {
  private struct State {
    var failure: KafkaFailure?
    var refusedCommits = 0
  }

  let member: Member
  private let state = Mutex(State())
  private let stopping = Atomic(false)
  private let threads = Mutex<[WorkerThread]>([])

  init(_ configuration: KafkaSourceConfiguration, workers: Int, _ found: Found) throws {
    member = try Member(configuration, workers: workers)
    let started = try (0..<workers).map { worker in
      try WorkerThread(name: "worker-\(worker)") { [self] in work(worker, found) }
    }
    threads.withLock { $0 = started }
  }

  var refusedCommits: Int { state.withLock { $0.refusedCommits } }

  /// Ends the workers after their last commit, then leaves the group.
  func finish() {
    stopping.store(true, ordering: .releasing)
    let running = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in running { thread.join() }
    member.leave()
  }

  func waitForShare(_ partitions: Int, seconds: Double) -> Bool {
    let deadline = Deadline(seconds: seconds)
    while !deadline.isOver {
      if member.group.holdings.map(\.count).reduce(0, +) == partitions { return true }
      pause(milliseconds: 10)
    }
    return false
  }

  func waitForFailure(seconds: Double) -> KafkaFailure? {
    let deadline = Deadline(seconds: seconds)
    while !deadline.isOver {
      if let failure = state.withLock({ $0.failure }) { return failure }
      pause(milliseconds: 10)
    }
    return nil
  }

  private func work(_ worker: Int, _ found: Found) {
    let table = PartitionTable()
    var source = member.source(worker, table)
    var batch = EventBatch()
    do throws(KafkaFailure) {
      while !stopping.load(ordering: .acquiring) {
        batch.removeAll()
        let isYielding = try source.take(into: &batch, milliseconds: 50) == .yielding
        found.add(batch.items(table))
        if !batch.isEmpty || isYielding {
          if try !source.commit(except: []) { pause(milliseconds: 10) }
        }
        state.withLock { $0.refusedCommits = max($0.refusedCommits, source.counts.refusedCommits) }
      }
      _ = try source.commit(except: [])
    } catch {
      state.withLock { $0.failure = error }
    }
  }
}

/// Writes records to a topic on a thread of its own until it is told to finish.
final class Writer: Sendable {
  private let stopping = Atomic(false)
  private let result = Mutex<Result<Int, any Error>>(.success(0))
  private let thread = Mutex<WorkerThread?>(nil)

  init(_ topic: Topic, partitions: Int) throws {
    let started = try WorkerThread(name: "writer") { [self] in
      var written = 0
      do {
        while !stopping.load(ordering: .acquiring) {
          try topic.write((written..<written + 120).map { "s i\($0)" }, partitions: partitions)
          written += 120
          pause(milliseconds: 30)
        }
        result.withLock { $0 = .success(written) }
      } catch {
        result.withLock { $0 = .failure(error) }
      }
    }
    thread.withLock { $0 = started }
  }

  /// Ends it and returns how many records it wrote.
  func finish() throws -> Int {
    stopping.store(true, ordering: .releasing)
    thread.withLock { $0 }?.join()
    return try result.withLock { $0 }.get()
  }
}

func pause(milliseconds: Int) { usleep(UInt32(milliseconds) * 1000) }
