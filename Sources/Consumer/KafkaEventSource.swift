public import Events
private import Glibc
public import Kafka

/// What a source has seen since it began.
public struct KafkaSourceCounts: Sendable, Equatable {
  /// Records handed over: events, rejections and tombstones.
  public var records = 0
  /// Tombstones among them.
  public var tombstones = 0
  /// Partitions that were given and taken.
  public var rebalances = 0
  /// Commits that the group refused because it had moved on; their records are handed over again, here or elsewhere.
  public var refusedCommits = 0
  /// Records that were handed over to rebuild state alone.
  public var stateOnly = 0
  /// Partitions that were read again from before, to rebuild state.
  public var rebuilds = 0
}

/// Events from Kafka for one worker of a ``ConsumerGroup``. Belongs to that worker.
///
/// At least once: ``commit(except:)`` commits what ``take(into:milliseconds:)`` handed over, so a record whose batch was not
/// committed is handed over again. When the group wants partitions back, the batch at hand ends with
/// ``SourceState/yielding``, and they are given up after the next commit, or with the next take. Offsets of partitions that are gone
/// are never committed: their new owner has gone on from there, and an old offset would throw it back.
///
/// With `transactions` the offsets are committed by whoever publishes the predictions, together with them. The group's metadata is
/// captured before the first record after a commit is taken; where one of the assignments handed over since has ended, the
/// transaction is aborted, because the broker checks member and generation, not who owns a partition.
///
/// A commit that is under way while the group gets a new generation is refused, because the coordinator answers it after the
/// request to join. librdkafka before 2.10 then drops all its partitions and joins anew (its issue 4059), and the batch comes
/// again.
public struct KafkaEventSource<Decoder: RecordDecoder & ~Copyable>: EventSource, ~Copyable {
  /// What the source has seen.
  public internal(set) var counts = KafkaSourceCounts()
  let group: ConsumerGroup
  let worker: Int
  let queue: GroupQueue
  let transactions: (any OffsetTransactions)?
  var places = HandedOver()
  /// Partitions that were told of as assigned and not reconciled yet: nothing is handed over before.
  var awaiting: Set<Int32> = []
  var decoder: Decoder
  /// What changed since the last ``takeChanges()``.
  private var changes = PartitionChanges()
  /// The member as it was before the first record after the last commit.
  private var member: GroupMetadata?
  /// True where the transaction at hand holds something of a partition that is gone.
  private var isTainted = false
  /// True once the worker was told that the group wants partitions back.
  private var hasYielded = false
  /// A partition that sent a record from before what was handed over; nil for none.
  private var suspect: Int32?
  /// A failure that came in the middle of a batch, told with the next.
  private var deferred: KafkaFailure?
  private let goOn: () -> Bool

  /// The source of worker number `worker` of `group`. `goOn` is asked several times a second while a commit waits; false ends the wait
  /// with ``KafkaFailure/stopped(operation:)``.
  public init(
    _ group: ConsumerGroup, worker: Int, decoder: consuming Decoder, partitions: PartitionTable,
    transactions: (any OffsetTransactions)? = nil, goOn: @escaping () -> Bool = { true }
  ) {
    self.group = group
    self.worker = worker
    self.transactions = transactions
    self.goOn = goOn
    queue = GroupQueue(group.client, index: worker, partitions: partitions)
    queue.copiesHeaders = decoder.wantsHeaders
    self.decoder = decoder
  }

  deinit { group.retire(worker) }

  /// Slots of the partitions that are this worker's.
  public var assigned: [Int32] { places.assigned }

  /// What changed since the last call: see ``EventSource/takeChanges()``.
  public mutating func takeChanges() -> PartitionChanges {
    if changes.isEmpty { return changes }
    defer { changes = PartitionChanges() }
    awaiting.formUnion(changes.assigned)
    return changes
  }

  /// Fills an emptied `batch`: see ``EventSource/take(into:milliseconds:)``. Ends early when the group changes something.
  public mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(KafkaFailure) -> SourceState {
    group.beat(worker, .taking)
    // Whoever takes also looks for requests to stop, between two takes.
    let milliseconds = min(milliseconds, 250)
    // A commit that came in the middle of a rebalance is made up for before anything moves.
    if transactions == nil { try push() }
    if hasYielded { giveUp() }
    if let failure = deferred {
      deferred = nil
      throw failure
    }
    if isTainted { return .yielding }
    let entry = try group.enter(worker, milliseconds: milliseconds)
    for news in entry.news { try apply(news) }
    if entry.isYielding { hasYielded = true }
    guard entry.isInside else { return entry.isYielding || isTainted ? .yielding : .open }
    var failure: KafkaFailure?
    do throws(KafkaFailure) { try fill(&batch, milliseconds: milliseconds) } catch { failure = error }
    hasYielded = group.leave(worker)
    group.beat(worker, .working)
    if failure == nil { failure = checkSuspect() }
    if let failure {
      if batch.hasNothing { throw failure }
      deferred = failure
    }
    return hasYielded ? .yielding : .open
  }

  /// Commits everything handed over, but for `pending`, of the partitions that are still assigned: see
  /// ``EventSource/commit(except:)``. Without any pending event, gives up the partitions that the group wants back.
  ///
  /// A commit that the group refuses because it is moving is counted and answered with false; that is no failure. Partitions
  /// with pending events are then read again from the first of these, and the rest is committed with the next take; with
  /// transactions all partitions are read again from their committed offsets.
  public mutating func commit(except pending: ArraySlice<Event>) throws(KafkaFailure) -> Bool {
    group.beat(worker, .committing)
    places.finish(except: pending)
    if let transactions {
      guard try commit(by: transactions) else {
        places.takeBackAll()
        return false
      }
    } else {
      guard try push() else {
        places.takeBack()
        return false
      }
    }
    if pending.isEmpty && hasYielded { giveUp() }
    return true
  }

  /// Whether a partition that sent an old record has begun anew under its old name: then nothing that is known of it holds any more.
  private mutating func checkSuspect() -> KafkaFailure? {
    guard let slot = suspect else { return nil }
    suspect = nil
    do throws(KafkaFailure) {
      let range = try queue.range(of: slot, milliseconds: group.configuration.rebuild.patience)
      let next = places.next(slot)
      return range.end < next ? .recreated(queue.place(slot), known: next - 1, end: range.end) : nil
    } catch {
      // The next such record asks again.
      return error.disposition == .retry ? nil : error
    }
  }

  private mutating func giveUp() {
    hasYielded = false
    group.release(worker)
  }

  /// Commits what is done; false where the group refused it.
  @discardableResult private mutating func push() throws(KafkaFailure) -> Bool {
    let offsets = places.uncommitted()
    if offsets.isEmpty { return true }
    do throws(KafkaFailure) {
      let sent = try group.commit(
        offsets, epochs: offsets.map { places.epoch(of: $0.partition) }, of: worker, by: queue)
      if sent.isEmpty { return true }
      try awaitAnswer()
      places.committed(sent)
      return true
    } catch .groupMoved(_, let code, let detail) {
      refuse("\(code): \(detail)")
      return false
    }
  }

  /// Waits for the coordinator's answer to the last commit. A coordinator that is away may never give it: then it is sent again.
  private func awaitAnswer() throws(KafkaFailure) {
    let operation = "committing offsets"
    let seconds = 10
    let deadline = ContinuousClock.now + .seconds(seconds)
    while try !queue.answer(milliseconds: 100) {
      group.beat(worker, .committing)
      if !goOn() { throw .stopped(operation: operation) }
      if ContinuousClock.now >= deadline {
        throw .timedOut(operation: operation, detail: "no answer of the group's coordinator in \(seconds) s")
      }
    }
  }

  /// Commits what is done together with the predictions; false where nothing of it counts.
  private mutating func commit(by transactions: any OffsetTransactions) throws(KafkaFailure) -> Bool {
    let open = places.open
    let isCurrent = group.isCurrent(
      open.map { queue.place($0) }, epochs: open.map { places.epoch(of: $0) }, of: worker)
    guard !isTainted && isCurrent else {
      try abort(transactions)
      refuse("partitions went to another member")
      return false
    }
    let offsets = places.uncommitted()
    if offsets.isEmpty { return true }
    guard let member else {
      throw .refused(operation: "committing offsets", code: "_STATE", detail: "no group metadata")
    }
    let (group, worker, goOn) = (group, worker, goOn)
    let isCommitted = try transactions.commit(offsets, in: queue.partitions, of: member) {
      group.beat(worker, .committing)
      return goOn()
    }
    guard isCommitted else {
      self.member = nil
      refuse("the transaction was aborted")
      return false
    }
    places.committed(offsets)
    // Pending records were taken as the same member, and are committed as that.
    if places.open.isEmpty { self.member = nil }
    return true
  }

  /// Ends the transaction at hand, if there is one, without effect.
  mutating func abort(_ transactions: any OffsetTransactions) throws(KafkaFailure) {
    try transactions.abort()
    isTainted = false
    member = nil
  }

  private mutating func refuse(_ why: String) {
    counts.refusedCommits += 1
    group.log(
      KafkaLogLine(level: .warning, facility: "COMMIT", message: "worker \(worker): offsets not committed (\(why))"))
  }

  /// Takes records into the batch, inside the consuming region.
  private mutating func fill(_ batch: inout EventBatch, milliseconds: Int) throws(KafkaFailure) {
    if !awaiting.isEmpty {
      // Whoever was told of a partition has to say first what is known of it.
      usleep(UInt32(clamping: min(milliseconds, 20) * 1000))
      return
    }
    if !places.rewinds.isEmpty { places.rewound(except: queue.seek(places.rewinds, milliseconds: 1_000)) }
    if transactions != nil && places.open.isEmpty { member = queue.metadata() }
    // What can't be rewound yet is tried again soon.
    var wait = places.rewinds.isEmpty ? milliseconds : min(milliseconds, 20)
    // Records that leave nothing in the batch (tombstones, items' updates) don't fill it, so they are counted.
    let end = counts.records + batch.capacity
    while !batch.isFull && counts.records < end {
      guard try takeOne(into: &batch, milliseconds: wait) else { return }
      wait = 0
    }
  }

  /// Takes one record into the batch; false where there is none.
  private mutating func takeOne(into batch: inout EventBatch, milliseconds: Int) throws(KafkaFailure) -> Bool {
    let queue = self.queue
    return try queue.poll(milliseconds: milliseconds) { value, key, place in
      let verdict = places.note(place.origin.partition, offset: place.origin.offset)
      // One of a partition that is gone: its new owner has it. Or one that comes again.
      if verdict == .refused { return }
      if verdict == .behind {
        suspect = place.origin.partition
        return
      }
      if places.endsRebuild(place.origin.partition, offset: place.origin.offset) {
        group.noteRebuild(queue.place(place.origin.partition))
      }
      counts.records += 1
      if place.isTombstone {
        if verdict == .fresh {
          batch.tombstones += 1
          counts.tombstones += 1
        }
        return
      }
      let (events, rejections) = (batch.events.count, batch.rejections.count)
      decoder.decode(
        value, key: key, headers: queue.headers, origin: place.origin, recordTime: place.time, into: &batch)
      if verdict == .stateOnly {
        batch.keepStateOnly(events: events, rejections: rejections)
        counts.stateOnly += 1
      } else if batch.events.count == events && batch.rejections.count == rejections {
        batch.ignored += 1
      }
    }
  }

  private mutating func apply(_ news: SeatNews) throws(KafkaFailure) {
    queue.forgetTopics()
    switch news {
    case .assigned(let place, let epoch):
      counts.rebalances += 1
      let slot = try queue.slot(place)
      places.begin(slot, epoch: epoch)
      if !changes.assigned.contains(slot) { changes.assigned.append(slot) }
    case .gone(let place):
      counts.rebalances += 1
      let slot = try queue.slot(place)
      if places.end(slot) && transactions != nil { isTainted = true }
      awaiting.remove(slot)
      changes.assigned.removeAll { $0 == slot }
      if !changes.gone.contains(slot) { changes.gone.append(slot) }
    case .readAgain(let place, let offset):
      places.readAgain(try queue.slot(place), from: offset)
    }
  }
}
