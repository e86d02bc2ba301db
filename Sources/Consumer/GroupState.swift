import Kafka

/// What a worker is told of its partitions.
enum SeatNews: Sendable {
  /// It reads this one from now on; the number is the assignment's.
  case assigned(TopicPartition, epoch: UInt64)
  /// It no longer reads this one.
  case gone(TopicPartition)
  /// It must read this one again from an offset.
  case readAgain(TopicPartition, Int64)
}

/// What the group thread and the workers share, under one lock. Knows no thread and no client.
struct GroupState: Sendable {
  /// One worker's place in the group.
  struct Seat: Sendable {
    /// Partitions that it holds, each with the number of its assignment.
    var partitions: [TopicPartition: UInt64] = [:]
    /// Those that the group wants back and it has not released yet.
    var revoking: Set<TopicPartition> = []
    /// What it has not been told yet.
    var news: [SeatNews] = []
    /// Those that are not fetched now.
    var paused: [TopicPartition] = []
    /// True where it wants to take records of paused partitions.
    var wantsResume = false
    /// True while it is in the consuming region.
    var isConsuming = false
    /// True once it has ended.
    var isRetired = false
  }

  /// Partitions on their way back to the group.
  struct Revocation: Sendable {
    var partitions: [TopicPartition]
    var isLost: Bool
    var deadline: ContinuousClock.Instant
  }

  var seats: [Seat]
  var isGateClosed = false
  var isClosed = false
  var revocation: Revocation?
  /// Why nothing can go on.
  private(set) var failure: KafkaFailure?
  /// True where nothing can go on but a new member of the same name could.
  private(set) var mayJoinAgain = false
  /// When partitions were lost last: the group had not heard of this member for the session time-out.
  private(set) var lastLoss: ContinuousClock.Instant?
  /// Partitions whose state was rebuilt because somebody asked for it.
  var rebuilt: Set<TopicPartition> = []
  private var epoch: UInt64 = 0
  private var lastTrouble: (failure: KafkaFailure, time: ContinuousClock.Instant)?

  init(workers: Int) { seats = Array(repeating: Seat(), count: workers) }

  /// Gives each of `partitions` to the worker that holds the fewest.
  mutating func assign(_ partitions: [TopicPartition]) -> [(TopicPartition, worker: Int)] {
    var given: [(TopicPartition, worker: Int)] = []
    for partition in partitions.sorted(by: { ($0.topic, $0.partition) < ($1.topic, $1.partition) }) {
      let present = seats.indices.filter { !seats[$0].isRetired }
      let worker = present.min { seats[$0].partitions.count < seats[$1].partitions.count } ?? 0
      epoch += 1
      seats[worker].partitions[partition] = epoch
      seats[worker].news.append(.assigned(partition, epoch: epoch))
      given.append((partition, worker))
    }
    return given
  }

  /// Marks `partitions` as wanted back and returns the workers that hold some of them. What is lost is nobody's at once.
  mutating func beginRevocation(
    _ partitions: [TopicPartition], isLost: Bool, deadline: ContinuousClock.Instant
  ) -> [Int] {
    revocation = Revocation(partitions: partitions, isLost: isLost, deadline: deadline)
    if isLost { lastLoss = .now }
    var owners: [Int] = []
    for worker in seats.indices {
      let held = partitions.filter { seats[worker].partitions[$0] != nil }
      if held.isEmpty { continue }
      owners.append(worker)
      if isLost {
        for partition in held { drop(partition, of: worker) }
      } else if !seats[worker].isRetired {
        seats[worker].revoking.formUnion(held)
      }
    }
    return owners
  }

  /// Notes that what is being given up belongs to somebody else already. A loss that comes while partitions are on their way back has no
  /// revocation of its own.
  mutating func noteLoss() {
    guard revocation?.isLost == false else { return }
    revocation?.isLost = true
    lastLoss = .now
  }

  /// Workers that have not released what the group wants back.
  var unreleased: [Int] { seats.indices.filter { !seats[$0].revoking.isEmpty } }

  /// Notes that a worker has released what the group wants back; true where nobody else has to.
  mutating func release(_ worker: Int) -> Bool {
    guard !seats[worker].revoking.isEmpty else { return false }
    seats[worker].revoking = []
    return unreleased.isEmpty
  }

  /// Ends the epochs of the partitions that the group wants back, and returns those of them that are paused.
  mutating func endRevocation() -> [TopicPartition] {
    guard let ended = revocation else { return [] }
    revocation = nil
    var paused: [TopicPartition] = []
    for worker in seats.indices {
      seats[worker].revoking = []
      for partition in ended.partitions {
        if seats[worker].partitions[partition] != nil { drop(partition, of: worker) }
        guard let index = seats[worker].paused.firstIndex(of: partition) else { continue }
        paused.append(seats[worker].paused.remove(at: index))
      }
      if seats[worker].paused.isEmpty { seats[worker].wantsResume = false }
    }
    return paused
  }

  /// What a worker finds that wants to take records; nil where it has to wait.
  mutating func enter(_ worker: Int) throws(KafkaFailure) -> ConsumerGroup.Entry? {
    if let failure { throw failure }
    let isYielding = !seats[worker].revoking.isEmpty
    if !seats[worker].news.isEmpty || isYielding {
      defer { seats[worker].news.removeAll() }
      return ConsumerGroup.Entry(news: seats[worker].news, isYielding: isYielding)
    }
    if !seats[worker].paused.isEmpty {
      seats[worker].wantsResume = true
      return nil
    }
    if isGateClosed || isClosed { return nil }
    seats[worker].isConsuming = true
    return ConsumerGroup.Entry(isInside: true)
  }

  /// The worker that holds a partition.
  func owner(of partition: TopicPartition) -> Int? {
    seats.indices.first { seats[$0].partitions[partition] != nil }
  }

  /// Notes why nothing can go on; true the first time. Fenced within a minute after the session timed out, a member with a lasting name
  /// was most likely fenced by its own attempt to join again (seen with librdkafka 2.0.2 after a broker that hung): a new one may join.
  mutating func fail(_ why: KafkaFailure) -> Bool {
    if failure != nil { return false }
    failure = why
    if case .instanceFenced = why, let lastLoss { mayJoinAgain = ContinuousClock.now - lastLoss < .seconds(60) }
    return true
  }

  /// Ends everything: the group is being left.
  mutating func close() {
    isClosed = true
    revocation = nil
    for worker in seats.indices {
      seats[worker].revoking = []
      for partition in seats[worker].partitions.keys { drop(partition, of: worker) }
    }
  }

  /// False for a trouble that was said within the last ten seconds.
  mutating func isNews(_ trouble: KafkaFailure) -> Bool {
    if let lastTrouble, lastTrouble.failure == trouble, ContinuousClock.now - lastTrouble.time < .seconds(10) {
      return false
    }
    lastTrouble = (trouble, .now)
    return true
  }

  private mutating func drop(_ partition: TopicPartition, of worker: Int) {
    seats[worker].partitions[partition] = nil
    seats[worker].news.append(.gone(partition))
  }
}
