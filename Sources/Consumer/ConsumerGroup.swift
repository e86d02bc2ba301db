private import Dispatch
private import Events
public import Kafka
private import Synchronization

/// How this process takes part in a consumer group, and which records it takes.
public struct KafkaSourceConfiguration: Sendable {
  /// The brokers.
  public var kafka: KafkaConfiguration
  /// The consumer group that spreads partitions over processes and keeps their offsets.
  public var group: String
  /// Topics to read.
  public var topics: [String]
  /// Where to begin in a partition for which the group has committed nothing. Default: the oldest record.
  public var offsetReset: KafkaConsumer.OffsetReset
  /// How the group spreads partitions over its members; the same for all of them.
  public var assignor = GroupAssignor.cooperativeSticky
  /// This process's lasting name in the group; nil where it has none.
  public var instanceID: String?
  /// How far partitions are read again where the store may lack records.
  public var rebuild = RebuildOptions()

  /// Records of `topics`, shared with the other members of `group`.
  public init(
    kafka: KafkaConfiguration, group: String, topics: [String], offsetReset: KafkaConsumer.OffsetReset = .earliest
  ) {
    self.kafka = kafka
    self.group = group
    self.topics = topics
    self.offsetReset = offsetReset
  }
}

/// One member of a consumer group, and the workers that share its partitions.
///
/// Its group thread (whoever calls ``run()``) alone polls librdkafka's main queue and answers rebalances; it never waits for more
/// than a worker's take, so that no outage of a server costs the membership. Workers take records of their own queues between
/// ``enter(_:milliseconds:)`` and ``leave(_:_:)``, the consuming region; partitions are assigned, given up, paused and resumed only while
/// nobody is inside. A worker that waits for a server is outside, and hinders nobody.
///
/// Each assignment of a partition is an epoch. Offsets are handed to librdkafka under the lock that ends an epoch, and only where theirs
/// is the current one.
public final class ConsumerGroup: Sendable {
  /// Number of workers.
  public let workers: Int
  let configuration: KafkaSourceConfiguration
  let client: GroupClient
  let log: KafkaLog
  private let state: Mutex<GroupState>
  private let pulses: [WorkerPulse]
  private let gates: [DispatchSemaphore]
  private let left = DispatchSemaphore(value: 0)
  private let stopping = Atomic(false)
  private let patience: Duration

  /// Joins the group. Nothing is read until ``run()`` and the workers' sources do.
  public init(_ configuration: KafkaSourceConfiguration, workers: Int, log: @escaping KafkaLog) throws(KafkaFailure) {
    self.configuration = configuration
    self.workers = workers
    self.log = log
    client = try GroupClient(
      configuration.kafka, group: configuration.group, topics: configuration.topics, assignor: configuration.assignor,
      instanceID: configuration.instanceID, offsetReset: configuration.offsetReset, queues: workers, log: log)
    state = Mutex(GroupState(workers: workers))
    pulses = (0..<workers).map { _ in WorkerPulse() }
    gates = (0..<workers).map { _ in DispatchSemaphore(value: 0) }
    // A rebalance lasts as long as its slowest member; the coordinator gives up members that are silent for the session time-out.
    let session = configuration.kafka.properties["session.timeout.ms"].flatMap { Int($0) } ?? 45_000
    patience = .milliseconds(session * 2 / 5)
  }

  /// The group thread's life: serves the group until ``stop()``, then leaves it.
  public func run() {
    var watch = GroupWatch(workers: workers)
    while !stopping.load(ordering: .acquiring) {
      serve(milliseconds: state.withLock { $0.revocation == nil } ? 200 : 50)
      watch.look(at: pulses, log: log) { setPaused($0, worker: $1) }
      resumeWhoWants()
    }
    state.withLock { $0.close() }
    client.close()
  }

  /// Ends ``run()``. Workers should have ended before: what they have not committed by then comes again.
  public func stop() {
    stopping.store(true, ordering: .releasing)
    wakeGroupThread()
  }

  /// True where this member can't go on but a new one of the same name could: it fenced itself after its session had timed out. A member
  /// that is fenced out of a living session has a rival, and should end.
  public var mayJoinAgain: Bool { state.withLock { $0.mayJoinAgain } }

  /// Shows that a worker is alive, and what it does. To be called where it may stay for long.
  public func beat(_ worker: Int, _ activity: WorkerActivity) { pulses[worker].beat(activity) }

  /// The partitions that each worker holds. Any thread may ask.
  public var holdings: [[TopicPartition]] {
    state.withLock { state in
      state.seats.map { seat in
        seat.partitions.keys.sorted { ($0.topic, $0.partition) < ($1.topic, $1.partition) }
      }
    }
  }

  /// Stops fetching the partitions of a worker until it takes records again. Belongs to the group thread.
  func setPaused(_ isPaused: Bool, worker: Int) {
    let partitions = state.withLock { state in
      isPaused ? Array(state.seats[worker].partitions.keys) : state.seats[worker].paused
    }
    guard !partitions.isEmpty, isPaused == state.withLock({ $0.seats[worker].paused.isEmpty }) else { return }
    withWorkersParked { client.setPaused(isPaused, partitions) }
    state.withLock { state in
      state.seats[worker].paused = isPaused ? partitions : []
      state.seats[worker].wantsResume = false
    }
    let verb = isPaused ? "stops fetching" : "fetches again"
    log(
      KafkaLogLine(
        level: .notice, facility: "PAUSE", message: "worker \(worker) \(verb) \(partitions.count) partitions"))
    gates[worker].signal()
  }

  /// True while nothing is fetched for a worker.
  public func isPaused(_ worker: Int) -> Bool { state.withLock { !$0.seats[worker].paused.isEmpty } }

  /// Polls librdkafka once and does what it asks for. Belongs to the group thread.
  private func serve(milliseconds: Int) {
    do throws(KafkaFailure) {
      for change in try client.poll(milliseconds: milliseconds) { apply(change) }
    } catch {
      if error.disposition == .halt {
        let isNews = state.withLock { $0.fail(error) }
        if isNews { for index in 0..<workers { wake(index) } }
        _ = left.wait(timeout: .now() + .milliseconds(100))
      } else {
        // Nothing to do about it but to wait, which librdkafka does.
        let isNews = state.withLock { $0.isNews(error) }
        if isNews { log(KafkaLogLine(level: .warning, facility: "GROUP", message: error.description)) }
      }
    }
    finishRevocation()
  }

  private func apply(_ change: GroupChange) {
    switch change {
    case .assigned(let partitions):
      withWorkersParked {
        for (partition, worker) in state.withLock({ $0.assign(partitions) }) {
          client.forward(partition, to: worker)
        }
        client.assign(partitions)
      }
    case .revoked(let partitions, let isLost):
      let deadline = ContinuousClock.now + (isLost ? .zero : patience)
      let owners = state.withLock { $0.beginRevocation(partitions, isLost: isLost, deadline: deadline) }
      for worker in owners { wake(worker) }
    case .straggler(let partition, let offset):
      log(KafkaLogLine(level: .warning, facility: "STRAGGLER", message: "\(partition) is read again from \(offset)"))
      state.withLock { state in
        guard let worker = state.owner(of: partition) else { return }
        state.seats[worker].news.append(.readAgain(partition, offset))
      }
    }
  }

  /// Gives the partitions up that the group wants back, once their workers are done with them, or are out of time.
  private func finishRevocation() {
    guard let revocation = state.withLock({ $0.revocation }) else { return }
    let late = state.withLock { $0.unreleased }
    let isLost = revocation.isLost || client.isLost
    guard late.isEmpty || isLost || ContinuousClock.now >= revocation.deadline else { return }
    if isLost {
      state.withLock { $0.noteLoss() }
    } else {
      for worker in late {
        log(
          KafkaLogLine(
            level: .warning, facility: "REVOKE",
            message:
              "worker \(worker) is not done in time (\(pulses[worker].doing.words)); what it has not committed of its "
              + "revoked partitions comes again at their new owner"))
      }
    }
    let paused = state.withLock { $0.endRevocation() }
    withWorkersParked {
      client.setPaused(false, paused)
      client.unassign(revocation.partitions)
    }
  }

  private func resumeWhoWants() {
    for worker in 0..<workers where state.withLock({ $0.seats[worker].wantsResume }) {
      setPaused(false, worker: worker)
    }
  }

  /// Runs `body` while no worker is in the consuming region. Waits for no more than the end of their takes.
  private func withWorkersParked(_ body: () -> Void) {
    state.withLock { $0.isGateClosed = true }
    while true {
      let inside = state.withLock { state in state.seats.indices.filter { state.seats[$0].isConsuming } }
      if inside.isEmpty { break }
      for worker in inside { client.wake(queue: worker) }
      _ = left.wait(timeout: .now() + .milliseconds(20))
    }
    body()
    state.withLock { $0.isGateClosed = false }
    for gate in gates { gate.signal() }
  }

  private func wake(_ worker: Int) {
    client.wake(queue: worker)
    gates[worker].signal()
  }

  private func wakeGroupThread() {
    left.signal()
    // Under the lock, as the queue goes when the group is left.
    state.withLock { if !$0.isClosed { client.wake() } }
  }
}

/// What workers' sources call.
extension ConsumerGroup {
  /// What a worker finds when it wants to take records.
  struct Entry {
    /// What changed of its partitions, oldest first.
    var news: [SeatNews] = []
    /// True where the group wants partitions of it back.
    var isYielding = false
    /// True where it is in the consuming region now, until it calls ``ConsumerGroup/leave(_:_:)``.
    var isInside = false
  }

  /// Waits at most `milliseconds` to be let into the consuming region. Returns earlier, outside, where there is news.
  func enter(_ worker: Int, milliseconds: Int) throws(KafkaFailure) -> Entry {
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    while true {
      let found = try state.withLock { state throws(KafkaFailure) in try state.enter(worker) }
      if let found { return found }
      if state.withLock({ $0.seats[worker].wantsResume }) { wakeGroupThread() }
      let rest = Int((deadline - .now) / .milliseconds(1))
      if rest <= 0 { return Entry() }
      _ = gates[worker].wait(timeout: .now() + .milliseconds(rest))
    }
  }

  /// Leaves the consuming region; true where the group wants partitions of this worker back.
  func leave(_ worker: Int) -> Bool {
    let (isAwaited, isYielding) = state.withLock { state in
      state.seats[worker].isConsuming = false
      return (state.isGateClosed, !state.seats[worker].revoking.isEmpty)
    }
    if isAwaited { left.signal() }
    return isYielding
  }

  /// Gives up the partitions of a worker that the group wants back.
  func release(_ worker: Int) {
    let isLast = state.withLock { $0.release(worker) }
    if isLast { wakeGroupThread() }
  }

  /// Says that a worker has ended.
  func retire(_ worker: Int) {
    beat(worker, .resting)
    state.withLock { $0.seats[worker].isRetired = true }
    release(worker)
  }

  /// Sends those of `offsets` whose partitions still belong to the assignments `epochs`, and returns them.
  func commit(
    _ offsets: [PartitionOffset], epochs: [UInt64], of worker: Int, by queue: GroupQueue
  ) throws(KafkaFailure) -> [PartitionOffset] {
    try state.withLock { state throws(KafkaFailure) in
      var current: [PartitionOffset] = []
      for (offset, epoch) in zip(offsets, epochs)
      where state.seats[worker].partitions[queue.place(offset.partition)] == epoch {
        current.append(offset)
      }
      // Handed to librdkafka before the lock is free: whatever ends the epoch comes after it in the same queue.
      if !current.isEmpty { try queue.send(current) }
      return current
    }
  }

  /// True where all `partitions` still belong to the assignments `epochs`.
  func isCurrent(_ partitions: [TopicPartition], epochs: [UInt64], of worker: Int) -> Bool {
    state.withLock { state in
      zip(partitions, epochs).allSatisfy { state.seats[worker].partitions[$0] == $1 }
    }
  }

  /// True once for each partition of this process: whether its state is to be rebuilt because somebody asked for it.
  func isRebuildDue(_ partition: TopicPartition) -> Bool {
    configuration.rebuild.asked != nil && state.withLock { !$0.rebuilt.contains(partition) }
  }

  /// Notes that what ``isRebuildDue(_:)`` asked for is under way.
  func noteRebuild(_ partition: TopicPartition) { state.withLock { _ = $0.rebuilt.insert(partition) } }
}
