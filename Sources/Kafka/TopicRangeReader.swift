private import CRdkafka
public import Events

/// Reads a part of a topic that is fixed when it begins, outside of any group: it joins none, commits nothing, and asks for nobody's
/// offsets. Belongs to one thread.
///
/// Records of all partitions come merged by their timestamps (equal ones by partition), each partition's own order kept. That is a function of
/// what the partitions hold, not of how fast they were fetched. Records of aborted and of open transactions do not come.
@safe public final class TopicRangeReader {
  /// What is read, one entry a partition.
  public let ranges: [PartitionRange]
  /// True where ``headers`` are to be filled.
  public var copiesHeaders = false
  /// Headers of the record at hand; none where they are not asked for.
  public private(set) var headers = RecordHeaderView()
  private let handle: ClientHandle
  private let events: ClientEvents
  private let topic: OpaquePointer
  /// The next record of each partition (`rd_kafka_message_t`), once it is there.
  private var heads: [UnsafeMutableRawPointer?]
  /// Partitions with more to come whose next record is not there yet.
  private var hungry: [Int32] = []
  private var order = MergeOrder()
  private var isRunning: [Bool]

  /// Memory for records that were fetched ahead, of all partitions together. Kilobytes.
  private static let aheadKilobytes = 64 << 10

  /// Fixes what `range` is of `topic` and begins to fetch it. Partitions get slots in `partitions`.
  public init(
    _ configuration: KafkaConfiguration, topic name: String, range: TopicRange, partitions: PartitionTable,
    log: @escaping KafkaLog, milliseconds: Int = 10_000
  ) throws(KafkaFailure) {
    // How many partitions there are decides how much each may fetch ahead.
    let count = try KafkaAdmin(configuration, milliseconds: milliseconds, log: log).partitionCount(of: name)
    let properties = try configuration.properties(
      defaults: ["queued.max.messages.kbytes": String(max(1024, Self.aheadKilobytes / max(count, 1)))],
      fixed: [
        "enable.auto.commit": "false", "enable.auto.offset.store": "false", "enable.partition.eof": "true",
        "isolation.level": "read_committed", "auto.offset.reset": "error", "allow.auto.create.topics": "false",
      ])
    let events = ClientEvents(log: log)
    let handle = unsafe try ClientHandle(.consumer, properties: properties, events: events)
    let bounds = TopicBounds(handle: handle, topic: name, count: count, milliseconds: Int32(clamping: milliseconds))
    let ranges = try bounds.ranges(of: range, partitions)
    guard let topic = unsafe rd_kafka_topic_new(handle.pointer, name, nil) else {
      throw ClientHandle.failure(rd_kafka_last_error().rawValue, while: "opening topic \(name) for reading")
    }
    self.handle = handle
    self.events = events
    self.ranges = ranges
    unsafe self.topic = topic
    unsafe heads = Array(repeating: nil, count: ranges.count)
    isRunning = Array(repeating: false, count: ranges.count)
    for index in ranges.indices where !ranges[index].offsets.isEmpty {
      let range = ranges[index]
      guard unsafe rd_kafka_consume_start(topic, range.partition, range.offsets.lowerBound) == 0 else {
        throw ClientHandle.failure(
          rd_kafka_last_error().rawValue, while: "beginning to read \(name):\(range.partition)")
      }
      isRunning[index] = true
      hungry.append(Int32(index))
    }
  }

  deinit {
    for index in ranges.indices {
      if let head = unsafe heads[index] { unsafe Self.destroy(head) }
      stop(index)
    }
    unsafe rd_kafka_topic_destroy(topic)
  }

  /// Offsets that are read; some may hold no record.
  public var offsetCount: Int64 { ranges.reduce(0) { $0 + Int64($1.offsets.count) } }

  /// Waits at most `milliseconds` until the next record is known and hands its value and key to `body`; the spans end with the call.
  /// Fails with ``KafkaFailure/recordsDeleted(topic:partition:detail:)`` where the broker deleted what is still to be read.
  public func next(
    milliseconds: Int, _ body: (_ value: Span<UInt8>, _ key: Span<UInt8>, _ place: RangePlace) -> Void
  ) throws(KafkaFailure) -> RangeStep {
    guard try feed(milliseconds: milliseconds) else { return .waiting }
    guard let first = order.pop(), let head = unsafe heads[Int(first.index)] else { return .ended }
    let index = Int(first.index)
    defer {
      unsafe Self.destroy(head)
      unsafe heads[index] = nil
      hungry.append(first.index)
    }
    let message = unsafe head.assumingMemoryBound(to: rd_kafka_message_t.self)
    let place = unsafe RangePlace(
      origin: Origin(partition: ranges[index].slot, offset: message.pointee.offset), range: index,
      time: first.time < 0 ? nil : first.time, isTombstone: message.pointee.payload == nil)
    if copiesHeaders { unsafe headers.copy(headersOf: message) }
    let value = unsafe UnsafeRawBufferPointer(start: message.pointee.payload, count: message.pointee.len)
    let key = unsafe UnsafeRawBufferPointer(start: message.pointee.key, count: message.pointee.key_len)
    unsafe body(value.bindMemory(to: UInt8.self).span, key.bindMemory(to: UInt8.self).span, place)
    return .record
  }

  /// Gets the next record of every partition that has one; false where some did not come in time. Only then is it known which
  /// record is the first of all.
  private func feed(milliseconds: Int) throws(KafkaFailure) -> Bool {
    if hungry.isEmpty { return true }
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    // Serves the callbacks that tell of the client's own failures.
    _ = unsafe rd_kafka_poll(handle.pointer, 0)
    if let failure = events.takeFailure() { throw failure }
    while let index = hungry.last {
      let left = max(0, Int((deadline - ContinuousClock.now) / .milliseconds(1)))
      guard try feed(Int(index), milliseconds: left) else { return false }
      hungry.removeLast()
    }
    return true
  }

  /// Gets the next record of one partition, or finds that there is none; false where neither is known in time.
  private func feed(_ index: Int, milliseconds: Int) throws(KafkaFailure) -> Bool {
    let range = ranges[index]
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    while true {
      let left = max(0, Int((deadline - ContinuousClock.now) / .milliseconds(1)))
      guard let message = unsafe rd_kafka_consume(topic, range.partition, Int32(clamping: left)) else { return false }
      let code = unsafe message.pointee.err
      let offset = unsafe message.pointee.offset
      if code == RD_KAFKA_RESP_ERR_NO_ERROR, offset < range.offsets.upperBound {
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let time = unsafe rd_kafka_message_timestamp(message, &type)
        unsafe heads[index] = UnsafeMutableRawPointer(message)
        order.push(type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : time, Int32(index))
        return true
      }
      // Nil for a record, which then lies behind the range.
      let detail = unsafe rd_kafka_message_errstr(message).map { unsafe String(cString: $0) } ?? ""
      unsafe rd_kafka_message_destroy(message)
      switch code {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        stop(index)
        return true
      // Its offset is where the reading stands: behind markers of transactions, too, which are no records.
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        guard offset >= range.offsets.upperBound else { continue }
        stop(index)
        return true
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        let name = unsafe String(cString: rd_kafka_topic_name(topic))
        throw .recordsDeleted(topic: name, partition: range.partition, detail: detail)
      default:
        throw ClientHandle.failure(code.rawValue, while: "reading partition \(range.partition)", detail: detail)
      }
    }
  }

  private func stop(_ index: Int) {
    guard isRunning[index] else { return }
    isRunning[index] = false
    _ = unsafe rd_kafka_consume_stop(topic, ranges[index].partition)
  }

  private static func destroy(_ head: UnsafeMutableRawPointer) {
    unsafe rd_kafka_message_destroy(head.assumingMemoryBound(to: rd_kafka_message_t.self))
  }
}

/// Asks the brokers where a range begins and ends.
@safe private struct TopicBounds {
  let handle: ClientHandle
  let topic: String
  let count: Int
  let milliseconds: Int32

  /// The range in offsets. The ends are asked for first, so that nothing moves them.
  func ranges(of range: TopicRange, _ partitions: PartitionTable) throws(KafkaFailure) -> [PartitionRange] {
    var marks: [(low: Int64, high: Int64)] = []
    for partition in 0..<Int32(count) { marks.append(try watermarks(partition)) }
    var outputs = marks.map(\.low)
    var starts = outputs
    if case .at(let time) = range.since {
      outputs = try offsets(at: time, marks)
      starts = range.warmUp > 0 ? try offsets(at: range.begin(time), marks) : outputs
    }
    let ends = if let until = range.until { try offsets(at: until, marks) } else { marks.map(\.high) }
    var ranges: [PartitionRange] = []
    for partition in 0..<count {
      guard let slot = partitions.slot(topic: topic, partition: Int32(partition)) else {
        throw .tooManyPartitions(topic: topic, partition: Int32(partition))
      }
      let start = starts[partition]
      // Before the first record with a timestamp of at least T, all have smaller ones. Of records that were deleted nothing is known.
      var unread: EventTime?
      if start == 0 {
        unread = .min
      } else if start > marks[partition].low, case .at(let time) = range.since {
        unread = max(range.begin(time), .min + 1) - 1
      }
      ranges.append(
        PartitionRange(
          slot: slot, partition: Int32(partition), offsets: start..<max(start, ends[partition]),
          output: outputs[partition], unread: unread))
    }
    return ranges
  }

  /// The first offset and the one behind the last that readers of committed records see.
  private func watermarks(_ partition: Int32) throws(KafkaFailure) -> (low: Int64, high: Int64) {
    var low: Int64 = 0
    var high: Int64 = 0
    let code = unsafe rd_kafka_query_watermark_offsets(handle.pointer, topic, partition, &low, &high, milliseconds)
    if code != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw ClientHandle.failure(code.rawValue, while: "asking for the ends of \(topic):\(partition)")
    }
    return (low, high)
  }

  /// For each partition the first offset with a timestamp of `time` or later; its end where there is none.
  private func offsets(at time: EventTime, _ marks: [(low: Int64, high: Int64)]) throws(KafkaFailure) -> [Int64] {
    let operation = "looking for the records of a time in topic \(topic)"
    var list = PartitionList()
    for partition in marks.indices { list.add(topic: topic, partition: Int32(partition), offset: max(0, time)) }
    let code = unsafe rd_kafka_offsets_for_times(
      handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self), milliseconds)
    if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw ClientHandle.failure(code.rawValue, while: operation) }
    var offsets = marks.map(\.high)
    for index in 0..<list.count {
      let entry = list.entry(index)
      if entry.error != 0 { throw ClientHandle.failure(entry.error, while: operation) }
      let mark = marks[Int(entry.partition)]
      if entry.offset >= 0 { offsets[Int(entry.partition)] = min(max(entry.offset, mark.low), mark.high) }
    }
    return offsets
  }
}

/// Heads of partitions, the least time first; equal ones by partition. A binary heap.
struct MergeOrder {
  private var entries: [(time: Int64, index: Int32)] = []

  /// Adds a head.
  mutating func push(_ time: Int64, _ index: Int32) {
    var place = entries.count
    entries.append((time, index))
    while place > 0, entries[place] < entries[(place - 1) / 2] {
      entries.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// Takes the first head.
  mutating func pop() -> (time: Int64, index: Int32)? {
    guard let first = entries.first, let last = entries.popLast() else { return nil }
    if entries.isEmpty { return first }
    entries[0] = last
    var place = 0
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2] where child < entries.count && entries[child] < entries[least] {
        least = child
      }
      if least == place { return first }
      entries.swapAt(place, least)
      place = least
    }
  }
}
