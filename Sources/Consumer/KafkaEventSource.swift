public import Events
public import Kafka

/// Which records a source takes.
public struct KafkaSourceConfiguration: Sendable {
  /// The brokers.
  public var kafka: KafkaConfiguration
  /// The consumer group that spreads partitions over processes and keeps their offsets.
  public var group: String
  /// Topics to read.
  public var topics: [String]
  /// Where to begin in a partition for which the group has committed nothing. Default: the oldest record.
  public var offsetReset: KafkaConsumer.OffsetReset

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

/// What a source has seen since it began.
public struct KafkaSourceCounts: Sendable, Equatable {
  /// Records handed over: events, rejections and tombstones.
  public var records = 0
  /// Tombstones among them.
  public var tombstones = 0
  /// Rebalances that gave or took partitions.
  public var rebalances = 0
  /// Commits that the group refused because it had moved on; their records are handed over again, here or elsewhere.
  public var refusedCommits = 0
}

/// Events from Kafka, as a member of a consumer group. Belongs to one worker.
///
/// At least once: ``commit(except:)`` commits what ``take(into:milliseconds:)`` handed over, so a record whose batch was not
/// committed is handed over again. When the group wants partitions back, the batch at hand ends with
/// ``SourceState/yielding``, and they are given up after the next commit, or with the next take. Offsets of partitions that are gone are never committed: their new
/// owner has gone on from there, and an old offset would throw it back.
///
/// A commit that is under way while the group gets a new generation is refused, because the coordinator answers it after the
/// request to join. librdkafka before 2.10 then drops all its partitions and joins anew (its issue 4059), and the batch comes
/// again.
public struct KafkaEventSource<Decoder: RecordDecoder & ~Copyable>: EventSource, ~Copyable {
  /// What the source has seen.
  public private(set) var counts = KafkaSourceCounts()
  private let consumer: KafkaConsumer
  private var decoder: Decoder
  private var places = HandedOver()
  /// Partitions that the group wants back, until they are given up.
  private var revoking: [Int32] = []
  /// A failure that came in the middle of a batch, told with the next.
  private var deferred: KafkaFailure?
  private let log: KafkaLog
  private let goOn: () -> Bool

  /// Joins the group. `goOn` is asked several times a second while a commit waits; false ends the wait with
  /// ``KafkaFailure/stopped(operation:)``. It is the place for the worker's heartbeat.
  public init(
    _ configuration: KafkaSourceConfiguration, decoder: consuming Decoder, partitions: PartitionTable,
    log: @escaping KafkaLog, goOn: @escaping () -> Bool = { true }
  ) throws(KafkaFailure) {
    consumer = try KafkaConsumer(
      configuration.kafka, group: configuration.group, topics: configuration.topics,
      offsetReset: configuration.offsetReset, partitions: partitions, log: log)
    self.decoder = decoder
    self.log = log
    self.goOn = goOn
  }

  /// Slots of the partitions that are this member's.
  public var assigned: [Int32] { places.assigned }

  /// Fills an emptied `batch`: see ``EventSource/take(into:milliseconds:)``. Ends early when the group changes something.
  public mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(KafkaFailure) -> SourceState {
    // A commit that came in the middle of a rebalance is made up for before anything moves.
    try push()
    giveUpRevoked()
    rewind()
    if let failure = deferred {
      deferred = nil
      throw failure
    }
    // A consumer of one poll a record, on purpose: the batch call lingers for a full batch, and loses records in parallel
    // with a rebalance (librdkafka 2.0.2).
    var wait = milliseconds
    // Records that leave nothing in the batch (tombstones, items' updates) don't fill it, so they are counted.
    let end = counts.records + batch.capacity
    while !batch.isFull && counts.records < end {
      do throws(KafkaFailure) {
        guard try takeOne(into: &batch, milliseconds: wait) else { break }
      } catch {
        if counts.records == end - batch.capacity { throw error }
        deferred = error
        break
      }
      wait = 0
    }
    return revoking.isEmpty ? .open : .yielding
  }

  /// Commits everything handed over, but for `pending`, of the partitions that are still assigned: see
  /// ``EventSource/commit(except:)``. Without any pending event, gives up the partitions that the group wants back.
  ///
  /// A commit that the group refuses because it is moving is counted, answered with false, and tried again with the next take:
  /// that is no failure. Partitions with pending events are then read again from the first of these.
  public mutating func commit(except pending: ArraySlice<Event>) throws(KafkaFailure) -> Bool {
    places.finish(except: pending)
    guard try push() else {
      places.takeBack()
      rewind()
      return false
    }
    if pending.isEmpty { giveUpRevoked() }
    return true
  }

  /// Leaves the group at once. Commits nothing.
  public consuming func close() { consumer.close() }

  /// Commits what is done; false where the group refused it.
  @discardableResult private mutating func push() throws(KafkaFailure) -> Bool {
    let offsets = places.uncommitted()
    if offsets.isEmpty { return true }
    do throws(KafkaFailure) {
      try consumer.commit(offsets, goOn: goOn)
    } catch .groupMoved(_, let code, let detail) {
      counts.refusedCommits += 1
      log(KafkaLogLine(level: .warning, facility: "COMMIT", message: "Offsets not committed (\(code): \(detail))"))
      return false
    }
    places.committed(offsets)
    return true
  }

  /// Takes one record into the batch; false where there is none, or where the group changed something.
  private mutating func takeOne(into batch: inout EventBatch, milliseconds: Int) throws(KafkaFailure) -> Bool {
    let consumer = self.consumer
    let came = try consumer.poll(milliseconds: milliseconds) { value, key, place in
      // A straggler of a partition that is gone: its new owner has it. Or one that comes again after the rewind.
      guard places.note(place.origin.partition, offset: place.origin.offset) else { return }
      counts.records += 1
      if place.isTombstone {
        batch.tombstones += 1
        counts.tombstones += 1
      } else {
        decoder.decode(value, key: key, origin: place.origin, recordTime: place.time, into: &batch)
      }
    }
    // What can't be rewound yet is tried again with the next batch.
    if came { return places.rewinds.isEmpty }
    let changes = try consumer.takeRebalances()
    for change in changes { apply(change) }
    return false
  }

  private mutating func apply(_ change: Rebalance) {
    counts.rebalances += 1
    switch change {
    case .assigned(let slots): places.assign(slots)
    case .lost(let slots): places.forget(slots)
    case .revoking(let slots): revoking += slots
    }
  }

  private mutating func rewind() {
    if places.rewinds.isEmpty { return }
    places.rewound(except: consumer.seek(places.rewinds, milliseconds: 1_000))
  }

  private mutating func giveUpRevoked() {
    if revoking.isEmpty { return }
    places.forget(revoking)
    revoking.removeAll()
    consumer.giveUp()
  }
}
