private import CRdkafka
public import Events

/// Where a record stands and what is known of it besides its bytes.
public struct RecordPlace: Sendable, BitwiseCopyable {
  /// Partition and offset.
  public var origin: Origin
  /// The record's Kafka timestamp; nil where it has none.
  public var time: EventTime?
  /// True for a record without a value.
  public var isTombstone: Bool
}

/// A change of what the group assigns to a consumer; partitions are slots of its table.
public enum Rebalance: Sendable, Equatable {
  /// These partitions were added; their records come from now on.
  case assigned([Int32])
  /// These partitions are to be given up: finish their records, commit, then call ``KafkaConsumer/giveUp()``.
  case revoking([Int32])
  /// These partitions already belong to another member. Nothing of them may be committed.
  case lost([Int32])
}

/// A member of a consumer group: records in, offsets back. Belongs to the thread that polls it.
///
/// What is assigned, how far records were handed over and what may be committed is its owner's business; this type carries
/// it to librdkafka and back.
@safe public final class KafkaConsumer {
  /// Where to begin in a partition for which the group has committed nothing.
  public enum OffsetReset: String, Sendable, CaseIterable {
    /// At the oldest record that is still there.
    case earliest
    /// Behind the newest record.
    case latest
    /// Nowhere: it is a failure.
    case error
  }

  /// Slots of the partitions that this consumer has seen.
  public let partitions: PartitionTable
  private let handle: ClientHandle
  private let events: ConsumerEvents
  /// Takes the answers to commits.
  private let answers: OpaquePointer
  /// Slots by librdkafka's topic handle, so that a record costs no look-up by name; forgotten at each rebalance.
  private var slots: [TopicSlots] = []
  private var isClosed = false

  private struct TopicSlots {
    let topic: Int
    var slots: [Int32]
  }

  /// Joins `group` and subscribes to `topics`; without any it joins nothing and can only ask for committed offsets.
  public convenience init(
    _ configuration: KafkaConfiguration, group: String, topics: [String], offsetReset: OffsetReset = .earliest,
    partitions: PartitionTable, log: @escaping KafkaLog
  ) throws(KafkaFailure) {
    try self.init(configuration, group: group, offsetReset: offsetReset, partitions: partitions, log: log)
    if topics.isEmpty { return }
    var list = PartitionList()
    for topic in topics { list.add(topic: topic) }
    let code = unsafe rd_kafka_subscribe(
      handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self))
    if code != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw ClientHandle.failure(code.rawValue, while: "subscribing to \(topics.joined(separator: ", "))")
    }
  }

  /// Reads all partitions of `topic` from their beginning, outside of any group.
  convenience init(
    _ configuration: KafkaConfiguration, readingAllOf topic: String, log: @escaping KafkaLog
  ) throws(KafkaFailure) {
    try self.init(
      configuration, group: "intentd-reader", offsetReset: .earliest, partitions: PartitionTable(), log: log)
    let opened = unsafe rd_kafka_topic_new(handle.pointer, topic, nil)
    defer { if let opened = unsafe opened { unsafe rd_kafka_topic_destroy(opened) } }
    var metadata: UnsafePointer<rd_kafka_metadata>?
    let code = unsafe rd_kafka_metadata(handle.pointer, 0, opened, &metadata, 10_000)
    let operation = "asking for the partitions of topic \(topic)"
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let found = unsafe metadata else {
      throw ClientHandle.failure(code.rawValue, while: operation)
    }
    defer { unsafe rd_kafka_metadata_destroy(found) }
    let description = unsafe found.pointee.topics[0]
    if unsafe description.err != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw unsafe ClientHandle.failure(description.err.rawValue, while: operation)
    }
    var list = PartitionList()
    for index in unsafe 0..<Int(description.partition_cnt) {
      list.add(
        topic: topic, partition: unsafe description.partitions[index].id, offset: Int64(RD_KAFKA_OFFSET_BEGINNING))
    }
    unsafe rd_kafka_assign(
      handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self))
  }

  /// Reads one partition from `offset` on, outside of any group.
  convenience init(
    _ configuration: KafkaConfiguration, reading place: TopicPartition, from offset: Int64, log: @escaping KafkaLog
  ) throws(KafkaFailure) {
    try self.init(
      configuration, group: "intentd-reader", offsetReset: .earliest, partitions: PartitionTable(), log: log)
    var list = PartitionList()
    list.add(topic: place.topic, partition: place.partition, offset: offset)
    unsafe rd_kafka_assign(
      handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self))
  }

  private init(
    _ configuration: KafkaConfiguration, group: String, offsetReset: OffsetReset, partitions: PartitionTable,
    log: @escaping KafkaLog
  ) throws(KafkaFailure) {
    let properties = try configuration.properties(
      defaults: [:],
      fixed: [
        "group.id": group, "auto.offset.reset": offsetReset.rawValue, "enable.auto.commit": "false",
        "enable.auto.offset.store": "false", "enable.partition.eof": "false", "isolation.level": "read_committed",
        "partition.assignment.strategy": "cooperative-sticky", "allow.auto.create.topics": "false",
      ])
    let events = ConsumerEvents(partitions: partitions, log: log)
    handle = unsafe try ClientHandle(.consumer, properties: properties, events: events) {
      unsafe rd_kafka_conf_set_rebalance_cb($0, onRebalance)
    }
    self.events = events
    self.partitions = partitions
    unsafe answers = rd_kafka_queue_new(handle.pointer)
    // From here on the main queue is served by polling the consumer, on the one thread that this object belongs to.
    unsafe rd_kafka_poll_set_consumer(handle.pointer)
  }

  deinit {
    close()
    unsafe rd_kafka_queue_destroy(answers)
  }

  /// Waits at most `milliseconds` for a record and hands its value and key to `body`; false where none came.
  /// Returns early on a rebalance, which ``takeRebalances()`` then tells. The spans end with the call.
  public func poll(
    milliseconds: Int, _ body: (_ value: Span<UInt8>, _ key: Span<UInt8>, _ place: RecordPlace) -> Void
  ) throws(KafkaFailure) -> Bool {
    guard let message = unsafe rd_kafka_consumer_poll(handle.pointer, Int32(clamping: milliseconds)) else {
      if let failure = events.takeFailure() { throw failure }
      return false
    }
    defer { unsafe rd_kafka_message_destroy(message) }
    let code = unsafe message.pointee.err
    if code != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw unsafe ClientHandle.failure(
        code.rawValue, while: "reading", detail: String(cString: rd_kafka_message_errstr(message)))
    }
    let slot = unsafe try slot(topic: message.pointee.rkt, partition: message.pointee.partition)
    var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
    let time = unsafe rd_kafka_message_timestamp(message, &type)
    let place = unsafe RecordPlace(
      origin: Origin(partition: slot, offset: message.pointee.offset),
      time: type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || time < 0 ? nil : time,
      isTombstone: message.pointee.payload == nil)
    let value = unsafe UnsafeRawBufferPointer(start: message.pointee.payload, count: message.pointee.len)
    let key = unsafe UnsafeRawBufferPointer(start: message.pointee.key, count: message.pointee.key_len)
    unsafe body(value.bindMemory(to: UInt8.self).span, key.bindMemory(to: UInt8.self).span, place)
    return true
  }

  /// Waits at most `milliseconds` for a record and copies all of it. Allocates: for tools and tests.
  public func next(milliseconds: Int) throws(KafkaFailure) -> KafkaRecord? {
    guard let message = unsafe rd_kafka_consumer_poll(handle.pointer, Int32(clamping: milliseconds)) else {
      if let failure = events.takeFailure() { throw failure }
      return nil
    }
    defer { unsafe rd_kafka_message_destroy(message) }
    let code = unsafe message.pointee.err
    if code != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw unsafe ClientHandle.failure(
        code.rawValue, while: "reading", detail: String(cString: rd_kafka_message_errstr(message)))
    }
    return unsafe KafkaRecord(copying: message)
  }

  /// What the group changed since the last call, oldest first.
  public func takeRebalances() throws(KafkaFailure) -> [Rebalance] {
    if events.rebalances.isEmpty && events.overflow == nil { return [] }
    slots.removeAll(keepingCapacity: true)
    if let overflow = events.overflow {
      events.overflow = nil
      throw overflow
    }
    defer { events.rebalances.removeAll() }
    return events.rebalances
  }

  /// Gives up the partitions of ``Rebalance/revoking(_:)``, so that the group can give them to another member.
  public func giveUp() {
    guard events.isRevoking else { return }
    events.isRevoking = false
    let list = PartitionList(taking: &events.revoking)
    unsafe unassign(handle.pointer, list)
  }

  /// Commits `offsets` and returns when the group's coordinator has them. `goOn` is asked several times a second while it
  /// waits. Refused for a member whose generation is over: ``KafkaFailure/groupMoved(operation:code:detail:)``.
  public func commit(_ offsets: [PartitionOffset], goOn: () -> Bool = { true }) throws(KafkaFailure) {
    guard !offsets.isEmpty else { return }
    var list = PartitionList()
    for offset in offsets {
      let name = partitions.names[Int(offset.partition)]
      list.add(topic: name.topic, partition: name.partition, offset: offset.next)
    }
    let code = unsafe rd_kafka_commit_queue(
      handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self), answers, nil, nil)
    let operation = "committing offsets"
    if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw ClientHandle.failure(code.rawValue, while: operation) }
    while true {
      if let answer = unsafe rd_kafka_queue_poll(answers, 100) {
        defer { unsafe rd_kafka_event_destroy(answer) }
        guard unsafe rd_kafka_event_type(answer) == RD_KAFKA_EVENT_OFFSET_COMMIT else { continue }
        unsafe try Self.check(answer)
        return
      }
      if !goOn() { throw .stopped(operation: operation) }
    }
  }

  /// Reads on from `offsets`, backwards or forwards, and waits at most `milliseconds` for it; returns those where it could not
  /// be done.
  public func seek(_ offsets: [PartitionOffset], milliseconds: Int) -> [PartitionOffset] {
    guard !offsets.isEmpty else { return [] }
    var list = PartitionList()
    for offset in offsets {
      let name = partitions.names[Int(offset.partition)]
      list.add(topic: name.topic, partition: name.partition, offset: offset.next)
    }
    if let error = unsafe rd_kafka_seek_partitions(
      handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self),
      Int32(clamping: milliseconds))
    {
      unsafe rd_kafka_error_destroy(error)
    }
    return offsets.indices.filter { list.entry($0).error != 0 }.map { offsets[$0] }
  }

  /// The offset that the group has committed for each of `slots`; nil where there is none.
  public func committed(_ slots: [Int32], milliseconds: Int) throws(KafkaFailure) -> [Int64?] {
    var list = PartitionList()
    for slot in slots {
      let name = partitions.names[Int(slot)]
      list.add(topic: name.topic, partition: name.partition)
    }
    let code = unsafe rd_kafka_committed(
      handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self),
      Int32(clamping: milliseconds))
    if code != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw ClientHandle.failure(code.rawValue, while: "asking for committed offsets")
    }
    return (0..<list.count).map { list.entry($0).offset }.map { $0 < 0 ? nil : $0 }
  }

  /// Leaves the group, so that its partitions go to other members at once. Commits nothing.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    // A revocation during the close is answered in the callback itself: nobody polls any more.
    events.isClosing = true
    giveUp()
    _ = unsafe rd_kafka_consumer_close(handle.pointer)
  }

  private static func check(_ answer: OpaquePointer) throws(KafkaFailure) {
    let operation = "committing offsets"
    if let list = unsafe rd_kafka_event_topic_partition_list(answer) {
      let copy = unsafe PartitionList(copying: list)
      for index in 0..<copy.count {
        let entry = copy.entry(index)
        if entry.error != 0 {
          throw ClientHandle.failure(entry.error, while: "\(operation) of \(entry.topic):\(entry.partition)")
        }
      }
    }
    let code = unsafe rd_kafka_event_error(answer)
    if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw ClientHandle.failure(code.rawValue, while: operation) }
  }

  private func slot(topic: OpaquePointer?, partition: Int32) throws(KafkaFailure) -> Int32 {
    let key = Int(bitPattern: topic)
    let index = Int(partition)
    if let known = slots.firstIndex(where: { $0.topic == key }), index < slots[known].slots.count,
      slots[known].slots[index] >= 0
    {
      return slots[known].slots[index]
    }
    let name = unsafe String(cString: rd_kafka_topic_name(topic))
    guard let slot = partitions.slot(topic: name, partition: partition) else {
      throw .tooManyPartitions(topic: name, partition: partition)
    }
    let place = slots.firstIndex { $0.topic == key } ?? slots.count
    if place == slots.count { slots.append(TopicSlots(topic: key, slots: [])) }
    while slots[place].slots.count <= index { slots[place].slots.append(-1) }
    slots[place].slots[index] = slot
    return slot
  }
}

/// What the rebalance callback leaves for the consumer; both run on the polling thread.
private final class ConsumerEvents: ClientEvents {
  let partitions: PartitionTable
  var rebalances: [Rebalance] = []
  var overflow: KafkaFailure?
  /// What the group wants back, and whether it does.
  var revoking = PartitionList()
  var isRevoking = false
  var isClosing = false

  init(partitions: PartitionTable, log: @escaping KafkaLog) {
    self.partitions = partitions
    super.init(log: log)
  }

  func note(_ list: borrowing PartitionList, as kind: ([Int32]) -> Rebalance) {
    do throws(KafkaFailure) {
      rebalances.append(kind(try list.slots(in: partitions)))
    } catch {
      overflow = error
    }
  }
}

extension PartitionList {
  /// The list of `other`, which is empty then.
  fileprivate init(taking other: inout PartitionList) {
    var taken = PartitionList()
    swap(&taken, &other)
    self = taken
  }
}

private func unassign(_ client: OpaquePointer, _ list: borrowing PartitionList) {
  if let error = unsafe rd_kafka_incremental_unassign(
    client, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self))
  {
    unsafe rd_kafka_error_destroy(error)
  }
}

/// Runs inside ``KafkaConsumer/poll(milliseconds:_:)`` or ``KafkaConsumer/close()``.
///
/// librdkafka hands over nothing of partitions until they are assigned, and the group does not go on until those that it wants back
/// are unassigned; the latter may happen after the callback, and does: the worker finishes and commits first.
private func onRebalance(
  _ client: OpaquePointer?, _ code: rd_kafka_resp_err_t,
  _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?, _ context: UnsafeMutableRawPointer?
) {
  guard let client = unsafe client, let partitions = unsafe partitions, let context = unsafe context else { return }
  let events = unsafe Unmanaged<ConsumerEvents>.fromOpaque(context).takeUnretainedValue()
  let list = unsafe PartitionList(copying: partitions)
  if code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
    if let error = unsafe rd_kafka_incremental_assign(client, partitions) {
      unsafe rd_kafka_error_destroy(error)
    }
    events.note(list, as: Rebalance.assigned)
  } else if unsafe events.isClosing || rd_kafka_assignment_lost(client) != 0 {
    unsafe unassign(client, list)
    events.note(list, as: Rebalance.lost)
  } else {
    events.note(list, as: Rebalance.revoking)
    events.revoking = list
    events.isRevoking = true
  }
  // Ends the poll that this runs in, so that the worker sees the change before the next record.
  unsafe rd_kafka_yield(client)
}
