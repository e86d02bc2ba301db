public import Events

/// What can go wrong between this process and Kafka, for reading, committing, publishing and administration alike.
public enum KafkaFailure: PortFailure, Equatable {
  /// The configuration sets a property that a guarantee rests on.
  case reservedProperty(name: String, why: String)
  /// librdkafka does not know a property or does not take its value.
  case invalidProperty(name: String, detail: String)
  /// librdkafka could not make a client of a valid configuration.
  case clientNotCreated(detail: String)
  /// No broker answers, or the connection to the one in charge broke.
  case unreachable(operation: String, code: String, detail: String)
  /// A broker did not answer in time.
  case timedOut(operation: String, detail: String)
  /// A topic or partition does not exist (yet).
  case topicMissing(operation: String, detail: String)
  /// Credentials or access rights do not suffice.
  case denied(operation: String, code: String, detail: String)
  /// The committed offset is no longer in the partition, and the configuration says not to guess another one.
  case offsetMissing(detail: String)
  /// The broker deleted records that were still to be read.
  case recordsDeleted(topic: String, partition: Int32, detail: String)
  /// The worker did not take records for longer than `max.poll.interval.ms`, so the group gave its partitions away.
  case membershipLost(detail: String)
  /// The group is being rebalanced, or this member's generation is over.
  case groupMoved(operation: String, code: String, detail: String)
  /// librdkafka declared the client unusable.
  case fatal(code: String, detail: String)
  /// A broker refused a request in a way that trying again does not change.
  case refused(operation: String, code: String, detail: String)
  /// A prediction can never be delivered.
  case predictionRefused(topic: String, origin: String, code: String)
  /// Records are still not acknowledged when the time to wait for them is over; they stay queued.
  case unacknowledged(records: Int, milliseconds: Int)
  /// The process asked to stop while an operation waited.
  case stopped(operation: String)
  /// More topics and partitions were assigned than ``Limits/partitions``.
  case tooManyPartitions(topic: String, partition: Int32)
  /// Another process has joined the group under this one's lasting name.
  case instanceFenced(detail: String)
  /// A partition ends before an offset that was already worked on: another topic of the same name.
  case recreated(TopicPartition, known: Int64, end: Int64)
  /// The offsets of a group can't be set while it has members.
  case groupInUse(group: String, detail: String)

  /// What the worker does about it.
  public var disposition: Disposition {
    switch self {
    case .unreachable, .timedOut, .topicMissing, .membershipLost, .groupMoved, .unacknowledged: .retry
    case .reservedProperty, .invalidProperty, .clientNotCreated, .denied, .offsetMissing, .recordsDeleted, .fatal,
      .refused, .predictionRefused, .stopped, .tooManyPartitions, .instanceFenced, .recreated, .groupInUse:
      .halt
    }
  }

  /// What happened, where, and what to do.
  public var description: String {
    switch self {
    case .reservedProperty(let name, let why):
      "Kafka property \(name) can't be set: \(why). Remove it from the configuration."
    case .invalidProperty(let name, let detail):
      "Kafka property \(name) is not valid: \(detail). Correct or remove it."
    case .clientNotCreated(let detail):
      "No Kafka client could be made of the configuration: \(detail). Correct the named setting."
    case .unreachable(let operation, let code, let detail):
      "Kafka is away while \(operation) (\(code): \(detail)). It is tried again; check bootstrap servers and network."
    case .timedOut(let operation, let detail):
      "Kafka did not answer in time while \(operation) (\(detail)). It is tried again; check the load of the brokers."
    case .topicMissing(let operation, let detail):
      "A Kafka topic is missing while \(operation) (\(detail)). Create the topic; it is looked for again."
    case .denied(let operation, let code, let detail):
      "Kafka denies access while \(operation) (\(code): \(detail)). Correct the credentials or the access rights."
    case .offsetMissing(let detail):
      "The offset to read from is not in the partition (\(detail)). Set an offset for the group (--from), "
        + "or consumer.offset_reset to earliest or latest."
    case .recordsDeleted(let topic, let partition, let detail):
      "Records of \(topic):\(partition) that were still to be read are gone (\(detail)). "
        + "The topic's retention deleted them; begin at a later time."
    case .membershipLost(let detail):
      "The group took this member's partitions away (\(detail)). It joins again and what was not committed is "
        + "handed over again; a batch must take less than max.poll.interval.ms."
    case .groupMoved(let operation, let code, let detail):
      "The consumer group moved on while \(operation) (\(code): \(detail)). What was not committed is handed over again."
    case .fatal(let code, let detail):
      "The Kafka client can't go on (\(code): \(detail)). Start the process again; nothing uncommitted is lost."
    case .refused(let operation, let code, let detail):
      "Kafka refused \(operation) (\(code): \(detail)). Trying again does not help; see the broker's log."
    case .predictionRefused(let topic, let origin, let code):
      "The prediction of record \(origin) can't be published to topic \(topic) (\(code)). Check that the topic exists, "
        + "may be written, and takes records of this size (max.message.bytes)."
    case .unacknowledged(let records, let milliseconds):
      "\(records) published records are not acknowledged after \(milliseconds) ms. They stay queued and are waited for "
        + "again; check the brokers and min.insync.replicas."
    case .stopped(let operation):
      "Stopped while \(operation). What was not committed is handed over again."
    case .tooManyPartitions(let topic, let partition):
      "Partition \(partition) of topic \(topic) is one more than the \(Limits.partitions) that one process may see. "
        + "Spread the partitions over more processes."
    case .instanceFenced(let detail):
      "Another process has joined the group with the same kafka.instance_id (\(detail)). Give each process its own, or end the other one."
    case .recreated(let place, let known, let end):
      "Topic \(place.topic) was deleted and made anew: offset \(known) of \(place) was worked on, but it ends at \(end). "
        + "Set another state.generation, which begins with empty sessions, and set the group's offsets (--from earliest)."
    case .groupInUse(let group, let detail):
      "The offsets of group \(group) can't be set while it has members (\(detail)). Stop all its daemons, or wait for the session "
        + "time-out of those that were killed, and start one of them with --from."
    }
  }

  /// The failure that librdkafka calls `code` (the name of its error, such as `_TRANSPORT`).
  init(code: String, operation: String, detail: String) {
    self =
      switch code {
      case "_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE", "_WAIT_COORD", "COORDINATOR_NOT_AVAILABLE",
        "NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS", "LEADER_NOT_AVAILABLE", "NOT_LEADER_FOR_PARTITION",
        "BROKER_NOT_AVAILABLE", "NETWORK_EXCEPTION", "_DESTROY_BROKER", "NOT_CONTROLLER", "_PREV_IN_PROGRESS",
        "KAFKA_STORAGE_ERROR", "NOT_ENOUGH_REPLICAS", "THROTTLING_QUOTA_EXCEEDED",
        "CONCURRENT_TRANSACTIONS":
        .unreachable(operation: operation, code: code, detail: detail)
      case "_TIMED_OUT", "REQUEST_TIMED_OUT", "_TIMED_OUT_QUEUE", "_MSG_TIMED_OUT":
        .timedOut(operation: operation, detail: detail)
      case "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION":
        .topicMissing(operation: operation, detail: detail)
      case "_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED", "TOPIC_AUTHORIZATION_FAILED",
        "GROUP_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "_SSL",
        "UNSUPPORTED_SASL_MECHANISM", "ILLEGAL_SASL_STATE":
        .denied(operation: operation, code: code, detail: detail)
      case "_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE", "_NO_OFFSET":
        .offsetMissing(detail: detail)
      case "_MAX_POLL_EXCEEDED":
        .membershipLost(detail: detail)
      case "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "REBALANCE_IN_PROGRESS", "_ASSIGNMENT_LOST",
        "_REVOKE_PARTITIONS":
        .groupMoved(operation: operation, code: code, detail: detail)
      case "FENCED_INSTANCE_ID":
        .instanceFenced(detail: detail)
      case "_FATAL", "_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH":
        .fatal(code: code, detail: detail)
      default:
        .refused(operation: operation, code: code, detail: detail)
      }
  }
}
