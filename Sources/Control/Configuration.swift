/// What the daemon serves, from where, to where. Read from a file and the environment by `load`; every key is explained in
/// `docs/configuration.md`, which is made from the same table that reads them.
public struct Configuration: Sendable, Equatable {
  /// How Kafka is reached.
  public struct Kafka: Sendable, Equatable {
    /// Brokers to begin with, `host:port,…`; empty where the broker is embedded.
    public var bootstrapServers = ""
    /// The consumer group, whose members share the partitions.
    public var groupID = ""
    /// Further properties of librdkafka.
    public var properties: [String: String] = [:]
  }

  /// Where records are read from.
  public struct Consumer: Sendable, Equatable {
    /// The topic of clicks.
    public var topic = ""
    /// How its records are written.
    public var format = RecordFormat.native
    /// Where a group without committed offsets begins.
    public var offsetReset = OffsetReset.latest
  }

  /// Where predictions go.
  public struct Publisher: Sendable, Equatable {
    /// The topic of predictions.
    public var topic = ""
    /// The topic of records that are not events; nil where they are only counted.
    public var deadLetterTopic: String?
  }

  /// How Redis is reached.
  public struct Redis: Sendable, Equatable {
    /// The server; nil where sessions are kept in memory.
    public var address: RedisAddress?
    /// Longest wait for a connection or an answer. Milliseconds.
    public var timeout: Int64 = 0
  }

  /// What is kept of a session.
  public struct State: Sendable, Equatable {
    /// Beginning of every key in Redis.
    public var prefix = ""
    /// A gap between two events of a session above this begins a new visit. Milliseconds.
    public var idleTimeout: Int64 = 0
    /// What is added to the idle timeout before Redis forgets a session. Milliseconds.
    public var maxLag: Int64 = 0
    /// Memory for sessions, of all workers together. Bytes.
    public var cacheBytes = 0
  }

  /// What a prediction holds.
  public struct Predictions: Sendable, Equatable {
    /// Number of items.
    public var topK = 0
    /// Items of the session that are left out.
    public var exclude = Exclusion.none
  }

  /// The model directory.
  public var model = ""
  /// How Kafka is reached.
  public var kafka = Kafka()
  /// Where records are read from.
  public var consumer = Consumer()
  /// Where predictions go.
  public var publisher = Publisher()
  /// How Redis is reached.
  public var redis = Redis()
  /// What is kept of a session.
  public var state = State()
  /// What a prediction holds.
  public var predictions = Predictions()

  /// Nothing but zeroes; the loader fills in defaults.
  init() {}
}

/// How the records of a topic are written.
public enum RecordFormat: String, Sendable, CaseIterable {
  /// One JSON object an event, with intentd's own names.
  case native
}

/// Where a consumer group without committed offsets begins.
public enum OffsetReset: String, Sendable, CaseIterable {
  /// With the oldest record that the broker has.
  case earliest
  /// With what arrives from now on.
  case latest
}

/// Items of a session that its predictions leave out.
public enum Exclusion: String, Sendable, CaseIterable {
  /// None of them.
  case none
  /// All that the session has seen.
  case seen
  /// The one that was clicked last.
  case last
}
