private import CRdkafka
public import Events

/// A plain consumer for tools and tests: reads topics record by record, or asks what a group has committed. Belongs to the thread that
/// polls it. The daemon's records come by ``GroupQueue``.
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
  private let events: ClientEvents
  private var isClosed = false
  /// True once a partition that is read alone was read to its end: behind the last record, and behind what is none.
  private(set) var isAtEnd = false

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
    _ configuration: KafkaConfiguration, readingAllOf topic: String, isolation: TopicReader.Isolation,
    log: @escaping KafkaLog
  ) throws(KafkaFailure) {
    try self.init(
      configuration, group: "intentd-reader", offsetReset: .earliest, partitions: PartitionTable(),
      isolation: isolation, log: log)
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

  /// Reads one partition from `offset` on, outside of any group, and tells when it is ``isAtEnd``.
  convenience init(
    _ configuration: KafkaConfiguration, reading place: TopicPartition, from offset: Int64, log: @escaping KafkaLog
  ) throws(KafkaFailure) {
    try self.init(
      configuration, group: "intentd-reader", offsetReset: .earliest, partitions: PartitionTable(), tellsEnd: true,
      log: log)
    var list = PartitionList()
    list.add(topic: place.topic, partition: place.partition, offset: offset)
    unsafe rd_kafka_assign(
      handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self))
  }

  private init(
    _ configuration: KafkaConfiguration, group: String, offsetReset: OffsetReset, partitions: PartitionTable,
    isolation: TopicReader.Isolation = .committed, tellsEnd: Bool = false, log: @escaping KafkaLog
  ) throws(KafkaFailure) {
    let properties = try configuration.properties(
      defaults: [:],
      fixed: [
        "group.id": group, "auto.offset.reset": offsetReset.rawValue, "enable.auto.commit": "false",
        "enable.auto.offset.store": "false", "enable.partition.eof": "\(tellsEnd)",
        "isolation.level": isolation.rawValue,
        "partition.assignment.strategy": "cooperative-sticky", "allow.auto.create.topics": "false",
      ])
    let events = ClientEvents(log: log)
    handle = unsafe try ClientHandle(.consumer, properties: properties, events: events)
    self.events = events
    self.partitions = partitions
    // From here on the main queue is served by polling the consumer, on the one thread that this object belongs to.
    unsafe rd_kafka_poll_set_consumer(handle.pointer)
  }

  deinit { close() }

  /// Waits at most `milliseconds` for a record and copies all of it. Allocates: for tools and tests.
  public func next(milliseconds: Int) throws(KafkaFailure) -> KafkaRecord? {
    guard let message = unsafe rd_kafka_consumer_poll(handle.pointer, Int32(clamping: milliseconds)) else {
      if let failure = events.takeFailure() { throw failure }
      return nil
    }
    defer { unsafe rd_kafka_message_destroy(message) }
    let code = unsafe message.pointee.err
    if code == RD_KAFKA_RESP_ERR__PARTITION_EOF {
      isAtEnd = true
      return nil
    }
    if code != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw unsafe ClientHandle.failure(
        code.rawValue, while: "reading", detail: String(cString: rd_kafka_message_errstr(message)))
    }
    return unsafe KafkaRecord(copying: message)
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

  /// Leaves the group, if it joined one. Commits nothing.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    _ = unsafe rd_kafka_consumer_close(handle.pointer)
  }
}
