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

/// How far the broker says that a partition reaches.
public struct OffsetRange: Sendable, Equatable {
  /// The oldest offset that is still there.
  public var first: Int64
  /// One after the newest offset.
  public var end: Int64
}

/// One worker's records of a group member, and the way back for its offsets. Belongs to the worker.
@safe public final class GroupQueue {
  /// Slots of the partitions that this worker has seen.
  public let partitions: PartitionTable
  private let client: GroupClient
  private let queue: OpaquePointer
  private let answers: OpaquePointer
  /// Slots by librdkafka's topic handle, so that a record costs no look-up by name; forgotten at each rebalance.
  private var slots: [TopicSlots] = []
  /// Number of the last commit that was sent; its answer carries it.
  private var commits = 0

  private struct TopicSlots {
    let topic: Int
    var slots: [Int32]
  }

  /// True where ``headers`` are to be filled.
  public var copiesHeaders = false
  /// Headers of the record at hand; none where they are not asked for.
  public private(set) var headers = RecordHeaderView()

  /// The queue `index` of `client`.
  public init(_ client: GroupClient, index: Int, partitions: PartitionTable) {
    self.client = client
    self.partitions = partitions
    unsafe queue = client.queue(index)
    unsafe answers = client.answers(index)
  }

  /// Waits at most `milliseconds` for a record and hands its value and key to `body`; false where none came. The spans end with
  /// the call.
  public func poll(
    milliseconds: Int, _ body: (_ value: Span<UInt8>, _ key: Span<UInt8>, _ place: RecordPlace) -> Void
  ) throws(KafkaFailure) -> Bool {
    // One record a call, on purpose: the batch call lingers for a full batch, and loses records in parallel with a rebalance or a
    // seek (librdkafka 2.0.2).
    guard let message = unsafe rd_kafka_consume_queue(queue, Int32(clamping: milliseconds)) else { return false }
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
    if copiesHeaders { unsafe headers.copy(headersOf: message) }
    let value = unsafe UnsafeRawBufferPointer(start: message.pointee.payload, count: message.pointee.len)
    let key = unsafe UnsafeRawBufferPointer(start: message.pointee.key, count: message.pointee.key_len)
    unsafe body(value.bindMemory(to: UInt8.self).span, key.bindMemory(to: UInt8.self).span, place)
    return true
  }

  /// Forgets librdkafka's topic handles, which a rebalance may end.
  public func forgetTopics() { slots.removeAll(keepingCapacity: true) }

  /// The slot of a partition.
  public func slot(_ place: TopicPartition) throws(KafkaFailure) -> Int32 {
    guard let slot = partitions.slot(topic: place.topic, partition: place.partition) else {
      throw .tooManyPartitions(topic: place.topic, partition: place.partition)
    }
    return slot
  }

  /// The partition of a slot.
  public func place(_ slot: Int32) -> TopicPartition {
    let name = partitions.names[Int(slot)]
    return TopicPartition(topic: name.topic, partition: name.partition)
  }

  /// Hands `offsets` to librdkafka, which sends them to the group's coordinator; does not wait. ``answer(milliseconds:)`` tells how
  /// it went.
  public func send(_ offsets: [PartitionOffset]) throws(KafkaFailure) {
    let list = list(offsets)
    commits += 1
    let code = unsafe rd_kafka_commit_queue(
      client.handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self), answers, nil,
      UnsafeMutableRawPointer(bitPattern: commits))
    withExtendedLifetime(list.count) {}
    if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw ClientHandle.failure(code.rawValue, while: "committing offsets") }
  }

  /// Waits at most `milliseconds` for the answer to the last ``send(_:)``; false where none came yet. Refused for a member whose
  /// generation is over: ``KafkaFailure/groupMoved(operation:code:detail:)``.
  public func answer(milliseconds: Int) throws(KafkaFailure) -> Bool {
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    while true {
      let left = max(0, Int((deadline - .now) / .milliseconds(1)))
      guard let answer = unsafe rd_kafka_queue_poll(answers, Int32(clamping: left)) else { return false }
      defer { unsafe rd_kafka_event_destroy(answer) }
      // Answers to earlier ones, which nobody waits for any more, are passed over.
      guard unsafe rd_kafka_event_type(answer) == RD_KAFKA_EVENT_OFFSET_COMMIT,
        unsafe Int(bitPattern: rd_kafka_event_opaque(answer)) == commits
      else { continue }
      unsafe try Self.check(answer)
      return true
    }
  }

  /// Reads on from `offsets`, backwards or forwards, and waits at most `milliseconds` for it; returns those where it could not
  /// be done.
  public func seek(_ offsets: [PartitionOffset], milliseconds: Int) -> [PartitionOffset] {
    guard !offsets.isEmpty else { return [] }
    let list = list(offsets)
    if let error = unsafe rd_kafka_seek_partitions(
      client.handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self),
      Int32(clamping: milliseconds))
    {
      unsafe rd_kafka_error_destroy(error)
    }
    return offsets.indices.filter { list.entry($0).error != 0 }.map { offsets[$0] }
  }

  /// The offset that the group has committed for each of `slots`; nil where there is none.
  public func committed(_ slots: [Int32], milliseconds: Int) throws(KafkaFailure) -> [Int64?] {
    let list = list(slots.map { PartitionOffset(partition: $0, next: Int64(RD_KAFKA_OFFSET_INVALID)) })
    let code = unsafe rd_kafka_committed(
      client.handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self),
      Int32(clamping: milliseconds))
    let operation = "asking for committed offsets"
    if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw ClientHandle.failure(code.rawValue, while: operation) }
    return try (0..<list.count).map { index throws(KafkaFailure) in
      let entry = list.entry(index)
      if entry.error != 0 { throw ClientHandle.failure(entry.error, while: operation) }
      return entry.offset < 0 ? nil : entry.offset
    }
  }

  /// How far the partition of `slot` reaches, asked of its broker.
  public func range(of slot: Int32, milliseconds: Int) throws(KafkaFailure) -> OffsetRange {
    let name = partitions.names[Int(slot)]
    var range = OffsetRange(first: 0, end: 0)
    let code = unsafe rd_kafka_query_watermark_offsets(
      client.handle.pointer, name.topic, name.partition, &range.first, &range.end, Int32(clamping: milliseconds))
    if code != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw ClientHandle.failure(code.rawValue, while: "asking for the end of \(name.topic):\(name.partition)")
    }
    return range
  }

  /// The first offset of the partition of `slot` whose record is of `time` or later; nil where the broker names none.
  public func offset(of slot: Int32, at time: EventTime, milliseconds: Int) throws(KafkaFailure) -> Int64? {
    let list = list([PartitionOffset(partition: slot, next: max(0, time))])
    let code = unsafe rd_kafka_offsets_for_times(
      client.handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self),
      Int32(clamping: milliseconds))
    let entry = list.entry(0)
    let error = code == RD_KAFKA_RESP_ERR_NO_ERROR ? entry.error : code.rawValue
    if error != 0 {
      throw ClientHandle.failure(error, while: "looking for a time in \(entry.topic):\(entry.partition)")
    }
    return entry.offset < 0 ? nil : entry.offset
  }

  /// The member as the group knows it now, for offsets that a transaction carries; nil where there is no such thing.
  public func metadata() -> GroupMetadata? {
    guard let member = unsafe rd_kafka_consumer_group_metadata(client.handle.pointer) else { return nil }
    defer { unsafe rd_kafka_consumer_group_metadata_destroy(member) }
    var bytes: UnsafeMutableRawPointer?
    var count = 0
    if let error = unsafe rd_kafka_consumer_group_metadata_write(member, &bytes, &count) {
      unsafe rd_kafka_error_destroy(error)
      return nil
    }
    defer { unsafe rd_kafka_mem_free(client.handle.pointer, bytes) }
    return GroupMetadata(bytes: unsafe Array(UnsafeRawBufferPointer(start: bytes, count: count)))
  }

  private func list(_ offsets: [PartitionOffset]) -> PartitionList {
    var list = PartitionList()
    for offset in offsets {
      let name = partitions.names[Int(offset.partition)]
      list.add(topic: name.topic, partition: name.partition, offset: offset.next)
    }
    return list
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
    let slot = try slot(TopicPartition(topic: unsafe String(cString: rd_kafka_topic_name(topic)), partition: partition))
    let place = slots.firstIndex { $0.topic == key } ?? slots.count
    if place == slots.count { slots.append(TopicSlots(topic: key, slots: [])) }
    while slots[place].slots.count <= index { slots[place].slots.append(-1) }
    slots[place].slots[index] = slot
    return slot
  }
}
