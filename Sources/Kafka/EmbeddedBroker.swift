private import CRdkafka

/// Kafka brokers inside this process: librdkafka's mock cluster, behind real sockets on the loopback.
///
/// For trying things out and for tests of faults. It keeps about 5 MB a partition and drops the oldest records silently,
/// knows transactions in name only and no CreateTopics; never a promise of exactly-once.
@safe public final class EmbeddedBroker {
  /// A kind of request that can be made to fail.
  public enum Request: Sendable {
    case produce
    case fetch
    case offsetCommit
    case heartbeat
    case initProducer
    case addPartitions
    case addOffsets
    case endTransaction
    case transactionOffsets

    fileprivate var key: Int16 {
      switch self {
      case .produce: 0
      case .fetch: 1
      case .offsetCommit: 8
      case .heartbeat: 12
      case .initProducer: 22
      case .addPartitions: 24
      case .addOffsets: 25
      case .endTransaction: 26
      case .transactionOffsets: 28
      }
    }
  }

  /// How a request fails.
  public enum Fault: Sendable {
    /// The connection breaks.
    case disconnect
    /// The partition is led by another broker. Worth a retry.
    case notLeader
    /// Too few replicas are in sync. Worth a retry.
    case notEnoughReplicas
    /// The broker ran out of time. Worth a retry.
    case timedOut
    /// The record is larger than the topic allows. Final.
    case tooLarge
    /// The client may not write to the topic. Final.
    case denied
    /// The group is being rebalanced.
    case rebalancing
    /// The member's generation is over.
    case staleGeneration
    /// The coordinator is still loading what it knows. Worth a retry.
    case coordinatorLoading
    /// Another producer has taken the transactional id over.
    case fenced

    fileprivate var code: rd_kafka_resp_err_t {
      switch self {
      case .disconnect: RD_KAFKA_RESP_ERR__TRANSPORT
      case .notLeader: RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
      case .notEnoughReplicas: RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS
      case .timedOut: RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT
      case .tooLarge: RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
      case .denied: RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
      case .rebalancing: RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS
      case .staleGeneration: RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION
      case .coordinatorLoading: RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
      case .fenced: RD_KAFKA_RESP_ERR_PRODUCER_FENCED
      }
    }
  }

  /// Where clients begin.
  public let bootstrapServers: String
  private let handle: ClientHandle
  private let cluster: OpaquePointer

  /// Starts `brokers` brokers on free ports.
  public init(brokers: Int = 1, log: @escaping KafkaLog = { _ in }) throws(KafkaFailure) {
    handle = unsafe try ClientHandle(.producer, properties: [("client.id", "brokers")], events: ClientEvents(log: log))
    guard let cluster = unsafe rd_kafka_mock_cluster_new(handle.pointer, Int32(brokers)) else {
      throw .clientNotCreated(detail: "the in-process brokers found no free port")
    }
    unsafe self.cluster = cluster
    bootstrapServers = unsafe String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
  }

  deinit {
    // Before the client that carries it, which goes with `handle`.
    unsafe rd_kafka_mock_cluster_destroy(cluster)
  }

  /// Makes a topic.
  public func createTopic(_ name: String, partitions: Int) throws(KafkaFailure) {
    let code = unsafe rd_kafka_mock_topic_create(cluster, name, Int32(partitions), 1)
    if code != RD_KAFKA_RESP_ERR_NO_ERROR {
      throw ClientHandle.failure(code.rawValue, while: "creating topic \(name) in the in-process broker")
    }
  }

  /// Lets the next requests of a kind fail, one for each of `faults`.
  public func fail(_ request: Request, _ faults: [Fault]) {
    let codes = faults.map(\.code)
    unsafe rd_kafka_mock_push_request_errors_array(cluster, request.key, codes.count, codes)
  }

  /// Breaks all connections and takes no new ones, or takes them again.
  public func setDown(_ isDown: Bool) {
    // -1 is all brokers.
    _ = unsafe isDown ? rd_kafka_mock_broker_set_down(cluster, -1) : rd_kafka_mock_broker_set_up(cluster, -1)
  }

  /// Lets every answer take this long.
  public func setRoundTrip(milliseconds: Int) {
    _ = unsafe rd_kafka_mock_broker_set_rtt(cluster, -1, Int32(clamping: milliseconds))
  }
}
