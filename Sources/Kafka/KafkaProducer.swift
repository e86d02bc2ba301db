private import CRdkafka
import Events

/// A record that was not delivered and never will be.
public struct DeliveryFailure: Sendable, Equatable {
  /// What the record was marked with when it was produced.
  public var mark: Int
  /// Its topic.
  public var topic: String
  /// Name of the error, such as `MSG_SIZE_TOO_LARGE`.
  public var code: String
  /// The record's headers.
  public var headers: [KafkaRecord.Header]
  /// Its key; empty where there is none.
  public var key: [UInt8]
  /// Its value; empty where there is none.
  public var value: [UInt8]

  /// The value of the header called `name`.
  public func header(_ name: String) -> [UInt8]? { headers.first { $0.name == name }?.value }

  /// True where a broker refused this very record, or the batch that it came with: too large, invalid, or against a policy.
  public var isOfRecord: Bool { DeliveryFailure.isOfRecord(code) }

  /// True for such a code.
  public static func isOfRecord(_ code: String) -> Bool {
    ["MSG_SIZE_TOO_LARGE", "INVALID_MSG_SIZE", "INVALID_RECORD", "INVALID_TIMESTAMP", "POLICY_VIOLATION"].contains(code)
  }

  /// True where the topic is missing, or may not be written.
  public var isOfTopic: Bool {
    ["UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION", "TOPIC_AUTHORIZATION_FAILED", "TOPIC_EXCEPTION"]
      .contains(code)
  }
}

/// How records are compressed on their way and at the brokers.
public enum KafkaCompression: String, Sendable, CaseIterable {
  /// Not at all.
  case none
  /// Quickly.
  case lz4
  /// Well, and still quickly.
  case zstd
  /// As quickly as lz4, somewhat less well.
  case snappy
  /// As well as zstd, at several times its cost.
  case gzip
}

/// An idempotent producer. Belongs to the thread that polls it.
///
/// Records stay queued, in order, until all in-sync replicas have them, however long brokers are away
/// (`message.timeout.ms=0`). The queue is bounded; a full one says so.
///
/// With a `transactional.id` it takes records within transactions only, which its owner, a ``TransactionalProducer``, begins and ends.
@safe public final class KafkaProducer {
  /// A topic that this producer writes to.
  public struct Topic: Sendable, BitwiseCopyable {
    let index: Int
  }

  private(set) var handle: ClientHandle
  private let properties: [(String, String)]
  private let events: ProducerEvents
  private var topics: [OpaquePointer] = unsafe []
  private var topicNames: [String] = []
  private var arguments = unsafe [rd_kafka_vu_t](repeating: rd_kafka_vu_t(), count: 8)

  /// A producer. `queueRecords` and `queueBytes` bound what waits for acknowledgement.
  public convenience init(
    _ configuration: KafkaConfiguration, compression: KafkaCompression = .lz4, queueRecords: Int = 100_000,
    queueBytes: Int = 64 << 20, log: @escaping KafkaLog
  ) throws(KafkaFailure) {
    try self.init(
      configuration, transactionalID: nil, compression: compression, queueRecords: queueRecords, queueBytes: queueBytes,
      log: log)
  }

  init(
    _ configuration: KafkaConfiguration, transactionalID: String?, compression: KafkaCompression, queueRecords: Int,
    queueBytes: Int, log: @escaping KafkaLog
  ) throws(KafkaFailure) {
    var defaults = [
      "linger.ms": "1", "partitioner": "murmur2_random", "queue.buffering.max.messages": String(queueRecords),
      "queue.buffering.max.kbytes": String(max(1, queueBytes >> 10)),
    ]
    var fixed = [
      "enable.idempotence": "true", "acks": "all", "message.timeout.ms": "0", "delivery.report.only.error": "false",
      "allow.auto.create.topics": "false", "compression.type": compression.rawValue,
    ]
    if let transactionalID {
      // Half of librdkafka's default: so long may records stay invisible that a killed process leaves in the middle.
      defaults["transaction.timeout.ms"] = "30000"
      fixed["transactional.id"] = transactionalID
    }
    properties = try configuration.properties(defaults: defaults, fixed: fixed)
    events = ProducerEvents(log: log)
    handle = try KafkaProducer.client(properties, events)
  }

  deinit { closeTopics() }

  private static func client(_ properties: [(String, String)], _ events: ProducerEvents) throws(KafkaFailure)
    -> ClientHandle
  {
    unsafe try ClientHandle(.producer, properties: properties, events: events) {
      unsafe rd_kafka_conf_set_dr_msg_cb($0, onDelivery)
    }
  }

  /// Throws the client away with all that is queued or on its way, and makes a new one with the same topics.
  func renew() throws(KafkaFailure) {
    closeTopics()
    handle = try KafkaProducer.client(properties, events)
    events.failure = nil
    let names = topicNames
    topicNames = []
    for name in names { _ = try topic(name) }
  }

  private func closeTopics() {
    while let topic = unsafe topics.popLast() { unsafe rd_kafka_topic_destroy(topic) }
  }

  /// Records that all in-sync replicas have.
  public var acknowledged: Int { events.acknowledged }

  /// Records that are queued or on their way.
  public var pending: Int { unsafe Int(rd_kafka_outq_len(handle.pointer)) }

  /// The topic called `name`, to be produced to.
  public func topic(_ name: String) throws(KafkaFailure) -> Topic {
    guard let topic = unsafe rd_kafka_topic_new(handle.pointer, name, nil) else {
      throw ClientHandle.failure(rd_kafka_last_error().rawValue, while: "opening topic \(name) for writing")
    }
    unsafe topics.append(topic)
    topicNames.append(name)
    return unsafe Topic(index: topics.count - 1)
  }

  /// Queues a record; false where the queue is full (poll and try again). Without `hasValue` it is a tombstone, without `hasKey`
  /// any partition will do. `mark` comes back in a ``DeliveryFailure``. Everything is copied before this returns.
  public func produce(
    to topic: Topic, key: Span<UInt8>, hasKey: Bool = true, value: Span<UInt8>, hasValue: Bool = true,
    headers: RecordHeaders = RecordHeaders(), partition: Int32? = nil, timestamp: Int64? = nil, mark: Int = 0
  ) throws(KafkaFailure) -> Bool {
    guard let list = unsafe rd_kafka_headers_new(headers.entries.count) else { return false }
    unsafe Self.fill(list, headers)
    let code = unsafe key.withUnsafeBytes { key in
      unsafe value.withUnsafeBytes { value in
        unsafe enqueue(
          topic, key: hasKey ? key : UnsafeRawBufferPointer(start: nil, count: 0), value, hasValue: hasValue, list,
          partition: partition ?? RD_KAFKA_PARTITION_UA, timestamp: timestamp ?? 0, mark: mark)
      }
    }
    if code == RD_KAFKA_RESP_ERR_NO_ERROR.rawValue { return true }
    unsafe rd_kafka_headers_destroy(list)
    if code == RD_KAFKA_RESP_ERR__QUEUE_FULL.rawValue { return false }
    let name = unsafe String(cString: rd_kafka_topic_name(topics[topic.index]))
    throw ClientHandle.failure(code, while: "publishing to topic \(name)")
  }

  /// Serves delivery reports for at most `milliseconds`.
  public func poll(milliseconds: Int) throws(KafkaFailure) {
    _ = unsafe rd_kafka_poll(handle.pointer, Int32(clamping: milliseconds))
    if let failure = events.takeFailure() { throw failure }
  }

  /// Sends without lingering and waits at most `milliseconds` until nothing is pending; false where something still is.
  public func flush(milliseconds: Int) throws(KafkaFailure) -> Bool {
    let code = unsafe rd_kafka_flush(handle.pointer, Int32(clamping: milliseconds))
    if let failure = events.takeFailure() { throw failure }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
  }

  /// The records that can't be delivered since the last call.
  public func takeFailures() -> [DeliveryFailure] {
    if events.failures.isEmpty { return [] }
    defer { events.failures.removeAll() }
    return events.failures
  }

  /// Produces; 0 where librdkafka took the record and its headers.
  private func enqueue(
    _ topic: Topic, key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, hasValue: Bool,
    _ headers: OpaquePointer, partition: Int32, timestamp: Int64, mark: Int
  ) -> Int32 {
    // An empty value is not a missing one.
    let emptyValue: StaticString = ""
    let valueStart = unsafe hasValue ? value.baseAddress ?? UnsafeRawPointer(emptyValue.utf8Start) : nil
    unsafe arguments[0].vtype = RD_KAFKA_VTYPE_RKT
    unsafe arguments[0].u.rkt = topics[topic.index]
    unsafe arguments[1].vtype = RD_KAFKA_VTYPE_KEY
    unsafe arguments[1].u.mem.ptr = UnsafeMutableRawPointer(mutating: key.baseAddress)
    unsafe arguments[1].u.mem.size = key.count
    unsafe arguments[2].vtype = RD_KAFKA_VTYPE_VALUE
    unsafe arguments[2].u.mem.ptr = UnsafeMutableRawPointer(mutating: valueStart)
    unsafe arguments[2].u.mem.size = hasValue ? value.count : 0
    unsafe arguments[3].vtype = RD_KAFKA_VTYPE_HEADERS
    unsafe arguments[3].u.headers = headers
    unsafe arguments[4].vtype = RD_KAFKA_VTYPE_OPAQUE
    unsafe arguments[4].u.ptr = UnsafeMutableRawPointer(bitPattern: mark)
    unsafe arguments[5].vtype = RD_KAFKA_VTYPE_PARTITION
    unsafe arguments[5].u.i32 = partition
    unsafe arguments[6].vtype = RD_KAFKA_VTYPE_TIMESTAMP
    unsafe arguments[6].u.i64 = timestamp
    unsafe arguments[7].vtype = RD_KAFKA_VTYPE_MSGFLAGS
    unsafe arguments[7].u.i = RD_KAFKA_MSG_F_COPY
    guard let error = unsafe rd_kafka_produceva(handle.pointer, arguments, arguments.count) else { return 0 }
    defer { unsafe rd_kafka_error_destroy(error) }
    return unsafe rd_kafka_error_code(error).rawValue
  }

  private static func fill(_ list: OpaquePointer, _ headers: RecordHeaders) {
    let bytes = headers.bytes.span
    unsafe bytes.withUnsafeBytes { bytes in
      for (name, value) in headers.entries {
        let start = bytes.baseAddress
        unsafe rd_kafka_header_add(
          list, start?.advanced(by: Int(name.start)).assumingMemoryBound(to: CChar.self), Int(name.count),
          start?.advanced(by: Int(value.start)), Int(value.count))
      }
    }
  }
}

/// What the delivery callback counts; it runs on the polling thread.
private final class ProducerEvents: ClientEvents {
  var acknowledged = 0
  var failures: [DeliveryFailure] = []
}

private func onDelivery(
  _ client: OpaquePointer?, _ message: UnsafePointer<rd_kafka_message_t>?, _ context: UnsafeMutableRawPointer?
) {
  guard let message = unsafe message, let context = unsafe context else { return }
  let events = unsafe Unmanaged<ProducerEvents>.fromOpaque(context).takeUnretainedValue()
  let code = unsafe message.pointee.err
  if code == RD_KAFKA_RESP_ERR_NO_ERROR {
    events.acknowledged += 1
    return
  }
  // What an aborted transaction leaves behind did not fail.
  if code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT { return }
  events.failures.append(
    unsafe DeliveryFailure(
      mark: Int(bitPattern: message.pointee._private), topic: String(cString: rd_kafka_topic_name(message.pointee.rkt)),
      code: ClientHandle.name(code.rawValue), headers: KafkaRecord.headers(of: message),
      key: bytes(message.pointee.key, message.pointee.key_len),
      value: bytes(message.pointee.payload, message.pointee.len)))
}

private func bytes(_ start: UnsafeRawPointer?, _ count: Int) -> [UInt8] {
  unsafe Array(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
}
