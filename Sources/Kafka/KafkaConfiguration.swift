/// How to reach Kafka: what all clients of this process share.
public struct KafkaConfiguration: Sendable, Equatable {
  /// Brokers to begin with, `host:port` separated by commas; the rest of the cluster is learnt from them.
  public var bootstrapServers: String
  /// Name of this process in the brokers' logs and quotas. Default `intentd`.
  public var clientID: String
  /// Properties that go to librdkafka as they are (`security.protocol`, `sasl.*`, `ssl.*`, `socket.*`,
  /// `session.timeout.ms`, …). Those that a guarantee rests on are refused.
  public var properties: [String: String]

  /// The way to the brokers at `bootstrapServers`.
  public init(bootstrapServers: String, clientID: String = "intentd", properties: [String: String] = [:]) {
    self.bootstrapServers = bootstrapServers
    self.clientID = clientID
    self.properties = properties
  }

  /// Properties that may not be set, and why.
  public static let reservedProperties: [String: String] = [
    "enable.auto.commit": "an offset is committed only when its prediction is stored and acknowledged",
    "enable.auto.offset.store": "an offset is committed only when its prediction is stored and acknowledged",
    "auto.commit.interval.ms": "an offset is committed only when its prediction is stored and acknowledged",
    "offset.store.method": "offsets are kept by the group's coordinator",
    "enable.partition.eof": "the end of a partition is not an event",
    "acks": "a prediction counts as published when all in-sync replicas have it",
    "request.required.acks": "a prediction counts as published when all in-sync replicas have it",
    "enable.idempotence": "without it a retried record could be doubled or overtaken",
    "enable.gapless.guarantee": "a dead letter that is refused must not stop the predictions behind it",
    "message.timeout.ms": "a prediction is never given up while brokers are away",
    "delivery.timeout.ms": "a prediction is never given up while brokers are away",
    "message.send.max.retries": "a prediction is never given up while brokers are away",
    "retries": "a prediction is never given up while brokers are away",
    "max.in.flight": "idempotent producing sets it",
    "max.in.flight.requests.per.connection": "idempotent producing sets it",
    "transactional.id": "it is made of the instance's name, so that a zombie is fenced",
    "compression.type": "it has a setting of its own, publisher.compression",
    "compression.codec": "it has a setting of its own, publisher.compression",
    "isolation.level": "records of an aborted transaction are not events",
    "partition.assignment.strategy": "it has a setting of its own, kafka.assignor",
    "group.instance.id": "it has a setting of its own, kafka.instance_id",
    "group.id": "it has a setting of its own",
    "client.id": "it has a setting of its own",
    "bootstrap.servers": "it has a setting of its own",
    "metadata.broker.list": "it is another name of bootstrap.servers, which has a setting of its own",
    "auto.offset.reset": "it has a setting of its own",
    "delivery.report.only.error": "offsets are committed by counting acknowledgements",
    "allow.auto.create.topics": "a misspelt topic must be an error, not a new topic",
    "test.mock.num.brokers": "the in-process broker has a setting of its own",
    "consume.callback.max.messages": "records are taken one by one",
  ]

  /// The first reserved property that is set, as a failure.
  public func check() throws(KafkaFailure) {
    for name in properties.keys.sorted() {
      if let why = Self.reservedProperties[name] { throw .reservedProperty(name: name, why: why) }
    }
  }

  /// All properties of a client, in a fixed order: defaults of the role, then what the user passes through, then what the
  /// role insists on.
  func properties(defaults: [String: String], fixed: [String: String]) throws(KafkaFailure) -> [(String, String)] {
    try check()
    var all = defaults.merging(properties) { $1 }.merging(fixed) { $1 }
    all["bootstrap.servers"] = bootstrapServers
    all["client.id"] = clientID
    return all.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
