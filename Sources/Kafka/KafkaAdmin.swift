private import CRdkafka
import Events

/// Asks about topics. Makes and removes them, too, for the demo and for tests: a daemon in production is given its topics.
@safe public final class KafkaAdmin {
  private let handle: ClientHandle
  private let answers: OpaquePointer
  private let milliseconds: Int32

  /// An administrator that waits at most `milliseconds` for each request.
  public init(
    _ configuration: KafkaConfiguration, milliseconds: Int = 30_000, log: @escaping KafkaLog = { _ in }
  ) throws(KafkaFailure) {
    let properties = try configuration.properties(defaults: [:], fixed: [:])
    handle = unsafe try ClientHandle(.producer, properties: properties, events: ClientEvents(log: log))
    unsafe answers = rd_kafka_queue_new(handle.pointer)
    self.milliseconds = Int32(clamping: milliseconds)
  }

  deinit { unsafe rd_kafka_queue_destroy(answers) }

  /// Makes a topic with `properties` such as `retention.ms`.
  public func createTopic(
    _ name: String, partitions: Int, replication: Int = 1, properties: [String: String] = [:]
  ) throws(KafkaFailure) {
    let operation = "creating topic \(name)"
    var text = [CChar](repeating: 0, count: 256)
    var topic = unsafe rd_kafka_NewTopic_new(name, Int32(partitions), Int32(replication), &text, text.count)
    guard unsafe topic != nil else {
      let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw .refused(operation: operation, code: "_INVALID_ARG", detail: words)
    }
    defer { unsafe rd_kafka_NewTopic_destroy(topic) }
    for (key, value) in properties { _ = unsafe rd_kafka_NewTopic_set_config(topic, key, value) }
    let options = unsafe options(RD_KAFKA_ADMIN_OP_CREATETOPICS)
    unsafe rd_kafka_CreateTopics(handle.pointer, &topic, 1, options, answers)
    unsafe rd_kafka_AdminOptions_destroy(options)
    let answer = unsafe try self.answer(to: operation)
    defer { unsafe rd_kafka_event_destroy(answer) }
    var count = 0
    let results = unsafe rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer), &count)
    if count > 0, let result = unsafe results?[0] { unsafe try Self.check(result, operation) }
  }

  /// Removes a topic and all that it holds.
  public func deleteTopic(_ name: String) throws(KafkaFailure) {
    let operation = "deleting topic \(name)"
    var topic = unsafe rd_kafka_DeleteTopic_new(name)
    defer { unsafe rd_kafka_DeleteTopic_destroy(topic) }
    let options = unsafe options(RD_KAFKA_ADMIN_OP_DELETETOPICS)
    unsafe rd_kafka_DeleteTopics(handle.pointer, &topic, 1, options, answers)
    unsafe rd_kafka_AdminOptions_destroy(options)
    let answer = unsafe try self.answer(to: operation)
    defer { unsafe rd_kafka_event_destroy(answer) }
    var count = 0
    let results = unsafe rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(answer), &count)
    if count > 0, let result = unsafe results?[0] { unsafe try Self.check(result, operation) }
  }

  /// Number of partitions of a topic.
  public func partitionCount(of topic: String) throws(KafkaFailure) -> Int {
    let operation = "asking for the partitions of topic \(topic)"
    let opened = unsafe rd_kafka_topic_new(handle.pointer, topic, nil)
    defer { if let opened = unsafe opened { unsafe rd_kafka_topic_destroy(opened) } }
    var metadata: UnsafePointer<rd_kafka_metadata>?
    let code = unsafe rd_kafka_metadata(handle.pointer, 0, opened, &metadata, milliseconds)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let found = unsafe metadata else {
      throw ClientHandle.failure(code.rawValue, while: operation)
    }
    defer { unsafe rd_kafka_metadata_destroy(found) }
    let description = unsafe found.pointee.topics[0]
    if unsafe description.err != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw unsafe ClientHandle.failure(description.err.rawValue, while: operation)
    }
    return unsafe Int(description.partition_cnt)
  }

  /// The value of a topic's property, such as `cleanup.policy`; nil where it has none.
  public func property(_ name: String, of topic: String) throws(KafkaFailure) -> String? {
    let operation = "asking for \(name) of topic \(topic)"
    var resource = unsafe rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic)
    defer { unsafe rd_kafka_ConfigResource_destroy(resource) }
    let options = unsafe options(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS)
    unsafe rd_kafka_DescribeConfigs(handle.pointer, &resource, 1, options, answers)
    unsafe rd_kafka_AdminOptions_destroy(options)
    let answer = unsafe try self.answer(to: operation)
    defer { unsafe rd_kafka_event_destroy(answer) }
    var count = 0
    let found = unsafe rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(answer), &count)
    guard count > 0, let topic = unsafe found?[0] else { return nil }
    let code = unsafe rd_kafka_ConfigResource_error(topic)
    if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw ClientHandle.failure(code.rawValue, while: operation) }
    var entries = 0
    let properties = unsafe rd_kafka_ConfigResource_configs(topic, &entries)
    for index in 0..<entries {
      guard let entry = unsafe properties?[index], let entryName = unsafe rd_kafka_ConfigEntry_name(entry),
        unsafe String(cString: entryName) == name
      else { continue }
      return unsafe rd_kafka_ConfigEntry_value(entry).map { unsafe String(cString: $0) }
    }
    return nil
  }

  private func options(_ operation: rd_kafka_admin_op_t) -> OpaquePointer? {
    let options = unsafe rd_kafka_AdminOptions_new(handle.pointer, operation)
    // The request, and how long the broker waits until the change has reached all brokers.
    unsafe rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, nil, 0)
    unsafe rd_kafka_AdminOptions_set_operation_timeout(options, milliseconds, nil, 0)
    return unsafe options
  }

  /// Waits for the answer; the caller destroys it.
  private func answer(to operation: String) throws(KafkaFailure) -> OpaquePointer {
    // Somewhat longer than librdkafka's own time-out, which it answers to.
    guard let answer = unsafe rd_kafka_queue_poll(answers, milliseconds + 5_000) else {
      throw .timedOut(operation: operation, detail: "no answer")
    }
    let code = unsafe rd_kafka_event_error(answer)
    if code == RD_KAFKA_RESP_ERR_NO_ERROR { return unsafe answer }
    let words = unsafe String(cString: rd_kafka_event_error_string(answer))
    unsafe rd_kafka_event_destroy(answer)
    throw ClientHandle.failure(code.rawValue, while: operation, detail: words)
  }

  private static func check(_ result: OpaquePointer, _ operation: String) throws(KafkaFailure) {
    let code = unsafe rd_kafka_topic_result_error(result)
    if code == RD_KAFKA_RESP_ERR_NO_ERROR { return }
    let words = unsafe rd_kafka_topic_result_error_string(result).map { unsafe String(cString: $0) }
    throw ClientHandle.failure(code.rawValue, while: operation, detail: words)
  }
}
