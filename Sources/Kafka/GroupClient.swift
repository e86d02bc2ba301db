private import CRdkafka
import Events

/// A topic and one of its partitions.
public struct TopicPartition: Sendable, Hashable, CustomStringConvertible {
  /// Name of the topic.
  public var topic: String
  /// Number of the partition.
  public var partition: Int32

  /// Partition `partition` of `topic`.
  public init(topic: String, partition: Int32) {
    self.topic = topic
    self.partition = partition
  }

  /// `topic:partition`.
  public var description: String { "\(topic):\(partition)" }
}

/// What the group wants of a member. Nothing goes on until the member has answered.
public enum GroupChange: Sendable, Equatable {
  /// These partitions are to be read from now on: answered by ``GroupClient/assign(_:)``.
  case assigned([TopicPartition])
  /// These partitions are wanted back, or belong to somebody else already (`isLost`: nothing of them may be committed any more):
  /// answered by ``GroupClient/unassign(_:)``.
  case revoked([TopicPartition], isLost: Bool)
  /// A record that came by the main queue, where none should come: its partition has to be read again from this offset.
  case straggler(TopicPartition, offset: Int64)
}

/// How a group spreads partitions over its members.
public enum GroupAssignor: String, Sendable, CaseIterable {
  /// Members keep what they have; only partitions that move stop.
  case cooperativeSticky = "cooperative-sticky"
  /// Ranges of partitions; every rebalance stops all of them.
  case range
}

/// A member of a consumer group whose records come by several queues, one for each of its workers.
///
/// librdkafka's client is thread-safe. Of this object one thread, the group thread, calls all but ``wake()``, ``wake(queue:)`` and what
/// ``GroupQueue`` calls; the rebalance callback runs inside its ``poll(milliseconds:)``.
@safe public final class GroupClient: @unchecked Sendable {
  /// Number of queues for workers.
  public let queueCount: Int
  let handle: ClientHandle
  private let events: GroupEvents
  /// True for a member of a group that shares cooperatively.
  private let isCooperativeMember: Bool
  /// librdkafka's main queue, kept to interrupt the poll; nil once closed.
  private var main: OpaquePointer?
  private var queues: [OpaquePointer] = unsafe []
  private var answers: [OpaquePointer] = unsafe []

  /// Joins `group` and subscribes to `topics`; without any it joins nothing. `instanceID` is the member's lasting name; nil where it has
  /// none.
  public init(
    _ configuration: KafkaConfiguration, group: String, topics: [String], assignor: GroupAssignor = .cooperativeSticky,
    instanceID: String? = nil, offsetReset: KafkaConsumer.OffsetReset = .earliest, queues count: Int,
    log: @escaping KafkaLog
  ) throws(KafkaFailure) {
    var fixed = [
      "group.id": group, "auto.offset.reset": offsetReset.rawValue, "enable.auto.commit": "false",
      "enable.auto.offset.store": "false", "enable.partition.eof": "false", "isolation.level": "read_committed",
      "partition.assignment.strategy": assignor.rawValue, "allow.auto.create.topics": "false",
    ]
    if let instanceID { fixed["group.instance.id"] = instanceID }
    let properties = try configuration.properties(defaults: [:], fixed: fixed)
    let events = GroupEvents(log: log)
    handle = unsafe try ClientHandle(.consumer, properties: properties, events: events) {
      unsafe rd_kafka_conf_set_rebalance_cb($0, onRebalance)
    }
    self.events = events
    isCooperativeMember = assignor == .cooperativeSticky && !topics.isEmpty
    queueCount = count
    unsafe rd_kafka_poll_set_consumer(handle.pointer)
    unsafe main = rd_kafka_queue_get_consumer(handle.pointer)
    for _ in 0..<count {
      unsafe queues.append(rd_kafka_queue_new(handle.pointer))
      unsafe answers.append(rd_kafka_queue_new(handle.pointer))
    }
    if topics.isEmpty { return }
    var list = PartitionList()
    for topic in topics { list.add(topic: topic) }
    let code = unsafe rd_kafka_subscribe(
      handle.pointer, list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self))
    if code != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw ClientHandle.failure(code.rawValue, while: "subscribing to \(topics.joined(separator: ", "))")
    }
  }

  deinit {
    close()
    while let queue = unsafe queues.popLast() { unsafe rd_kafka_queue_destroy(queue) }
    while let queue = unsafe answers.popLast() { unsafe rd_kafka_queue_destroy(queue) }
  }

  /// The queue of records of a worker (`rd_kafka_queue_t`).
  func queue(_ index: Int) -> OpaquePointer { unsafe queues[index] }

  /// The queue of answers to a worker's commits (`rd_kafka_queue_t`).
  func answers(_ index: Int) -> OpaquePointer { unsafe answers[index] }

  /// The partitions of `topic`, asked of a broker.
  func partitions(of topic: String, milliseconds: Int) throws(KafkaFailure) -> [TopicPartition] {
    let opened = unsafe rd_kafka_topic_new(handle.pointer, topic, nil)
    defer { if let opened = unsafe opened { unsafe rd_kafka_topic_destroy(opened) } }
    var metadata: UnsafePointer<rd_kafka_metadata>?
    let code = unsafe rd_kafka_metadata(handle.pointer, 0, opened, &metadata, Int32(clamping: milliseconds))
    let operation = "asking for the partitions of topic \(topic)"
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let found = unsafe metadata else {
      throw ClientHandle.failure(code.rawValue, while: operation)
    }
    defer { unsafe rd_kafka_metadata_destroy(found) }
    let description = unsafe found.pointee.topics[0]
    if unsafe description.err != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw unsafe ClientHandle.failure(description.err.rawValue, while: operation)
    }
    return unsafe (0..<Int(description.partition_cnt)).map {
      TopicPartition(topic: topic, partition: unsafe description.partitions[$0].id)
    }
  }

  /// Waits at most `milliseconds` for changes and errors; returns early after ``wake()``.
  public func poll(milliseconds: Int) throws(KafkaFailure) -> [GroupChange] {
    if events.changes.isEmpty,
      let message = unsafe rd_kafka_consumer_poll(handle.pointer, Int32(clamping: milliseconds))
    {
      defer { unsafe rd_kafka_message_destroy(message) }
      let code = unsafe message.pointee.err
      if code == RD_KAFKA_RESP_ERR__FATAL { throw handle.fatalFailure() }
      if code != RD_KAFKA_RESP_ERR_NO_ERROR {
        throw unsafe ClientHandle.failure(
          code.rawValue, while: "reading", detail: String(cString: rd_kafka_message_errstr(message)))
      }
      let place = unsafe TopicPartition(
        topic: String(cString: rd_kafka_topic_name(message.pointee.rkt)), partition: message.pointee.partition)
      events.changes.append(.straggler(place, offset: unsafe message.pointee.offset))
    }
    if events.changes.isEmpty, let failure = events.takeFailure() { throw failure }
    defer { events.changes.removeAll() }
    return events.changes
  }

  /// Ends a ``poll(milliseconds:)`` that waits. Any thread may call it, but not during ``close()``.
  public func wake() { if let main = unsafe main { unsafe rd_kafka_queue_yield(main) } }

  /// Ends a worker's wait for a record. Any thread may call it.
  public func wake(queue index: Int) { unsafe rd_kafka_queue_yield(queues[index]) }

  /// True where the partitions that are wanted back belong to somebody else already.
  public var isLost: Bool { unsafe rd_kafka_assignment_lost(handle.pointer) != 0 }

  /// Lets records of `partition` come by a worker's queue, from its next assignment on.
  public func forward(_ partition: TopicPartition, to index: Int) {
    guard let queue = unsafe rd_kafka_queue_get_partition(handle.pointer, partition.topic, partition.partition) else {
      return
    }
    unsafe rd_kafka_queue_forward(queue, queues[index])
    unsafe rd_kafka_queue_destroy(queue)
  }

  /// Begins to read `partitions`, at their committed offsets.
  public func assign(_ partitions: [TopicPartition]) {
    let list = Self.list(partitions)
    let pointer = unsafe list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self)
    if isCooperative {
      unsafe note(rd_kafka_incremental_assign(handle.pointer, pointer), "assigning \(partitions.count) partitions")
    } else {
      let code = unsafe rd_kafka_assign(handle.pointer, pointer)
      if code != RD_KAFKA_RESP_ERR_NO_ERROR {
        note(ClientHandle.failure(code.rawValue, while: "assigning \(partitions.count) partitions"))
      }
    }
    // Keeps the list until here.
    withExtendedLifetime(list.count) {}
  }

  /// Ends reading `partitions`, so that the group can go on.
  public func unassign(_ partitions: [TopicPartition]) {
    if isCooperative {
      let list = Self.list(partitions)
      let pointer = unsafe list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self)
      unsafe note(rd_kafka_incremental_unassign(handle.pointer, pointer), "giving up \(partitions.count) partitions")
      withExtendedLifetime(list.count) {}
    } else {
      let code = unsafe rd_kafka_assign(handle.pointer, nil)
      if code != RD_KAFKA_RESP_ERR_NO_ERROR {
        note(ClientHandle.failure(code.rawValue, while: "giving up \(partitions.count) partitions"))
      }
    }
  }

  /// Stops fetching `partitions`, or goes on. Workers must not take records meanwhile.
  public func setPaused(_ isPaused: Bool, _ partitions: [TopicPartition]) {
    guard !partitions.isEmpty else { return }
    let list = Self.list(partitions)
    let pointer = unsafe list.pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self)
    _ =
      unsafe isPaused
      ? rd_kafka_pause_partitions(handle.pointer, pointer) : rd_kafka_resume_partitions(handle.pointer, pointer)
    withExtendedLifetime(list.count) {}
  }

  /// Leaves the group. Commits nothing. A member with a lasting name stays in it until the session time-out.
  public func close() {
    guard let main = unsafe main else { return }
    // A revocation during the close is answered in the callback itself: nobody polls any more.
    events.isClosing = true
    unsafe rd_kafka_queue_destroy(main)
    unsafe self.main = nil
    _ = unsafe rd_kafka_consumer_close(handle.pointer)
    // Before 2.2 librdkafka aborts when it destroys a member of a cooperative group that was told how the group shares and not yet what
    // its share is (issue 4312 there). A daemon that is asked to end at such a moment ends with the process, a moment later.
    handle.isAbandoned = isCooperativeMember && !events.hasBeenAssigned && rd_kafka_version() < 0x0202_0000
  }

  private var isCooperative: Bool {
    guard let protocolName = unsafe rd_kafka_rebalance_protocol(handle.pointer) else { return false }
    return unsafe String(cString: protocolName) == "COOPERATIVE"
  }

  private func note(_ error: OpaquePointer?, _ operation: String) {
    guard let error = unsafe error else { return }
    let failure = unsafe ClientHandle.failure(
      rd_kafka_error_code(error).rawValue, while: operation, detail: String(cString: rd_kafka_error_string(error)))
    unsafe rd_kafka_error_destroy(error)
    note(failure)
  }

  private func note(_ failure: KafkaFailure) {
    events.log(KafkaLogLine(level: .warning, facility: "REBALANCE", message: failure.description))
  }

  private static func list(_ partitions: [TopicPartition]) -> PartitionList {
    var list = PartitionList()
    for partition in partitions { list.add(topic: partition.topic, partition: partition.partition) }
    return list
  }
}

/// What the rebalance callback leaves for the group thread; both run on it.
private final class GroupEvents: ClientEvents {
  var changes: [GroupChange] = []
  var isClosing = false
  /// True since the group gave this member its first share, be it empty.
  var hasBeenAssigned = false
}

/// Runs inside ``GroupClient/poll(milliseconds:)`` or ``GroupClient/close()``. librdkafka may be answered after the callback, and is:
/// workers finish, and are parked, first.
private func onRebalance(
  _ client: OpaquePointer?, _ code: rd_kafka_resp_err_t,
  _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?, _ context: UnsafeMutableRawPointer?
) {
  guard let client = unsafe client, let partitions = unsafe partitions, let context = unsafe context else { return }
  let events = unsafe Unmanaged<GroupEvents>.fromOpaque(context).takeUnretainedValue()
  let list = unsafe PartitionList(copying: partitions)
  let names = (0..<list.count).map { index in
    let entry = list.entry(index)
    return TopicPartition(topic: entry.topic, partition: entry.partition)
  }
  if code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS { events.hasBeenAssigned = true }
  if events.isClosing {
    // Unanswered, the close would wait for ever.
    let isAssignment = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS
    if unsafe rd_kafka_rebalance_protocol(client).map({ unsafe String(cString: $0) }) == "COOPERATIVE" {
      let error =
        unsafe isAssignment
        ? rd_kafka_incremental_assign(client, partitions) : rd_kafka_incremental_unassign(client, partitions)
      if let error = unsafe error { unsafe rd_kafka_error_destroy(error) }
    } else {
      unsafe rd_kafka_assign(client, isAssignment ? partitions : nil)
    }
    return
  }
  if code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
    events.changes.append(.assigned(names))
  } else {
    events.changes.append(.revoked(names, isLost: unsafe rd_kafka_assignment_lost(client) != 0))
  }
  // Ends the poll that this runs in.
  unsafe rd_kafka_yield(client)
}
