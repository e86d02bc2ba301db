/// What the daemon serves, from where, to where. Read from a file and the environment by `load`; every key is explained in
/// `docs/configuration.md`, which is made from the same table that reads them.
public struct Configuration: Sendable, Equatable {
  /// How Kafka is reached.
  public struct Kafka: Sendable, Equatable {
    /// Brokers to begin with, `host:port,…`; empty where the broker is embedded.
    public var bootstrapServers = ""
    /// The consumer group, whose members share the partitions.
    public var groupID = ""
    /// This daemon's lasting name in the group; nil where it has none.
    public var instanceID: String?
    /// How the group spreads partitions over its members.
    public var assignor = Assignor.cooperativeSticky
    /// Further properties of librdkafka.
    public var properties: [String: String] = [:]
  }

  /// Where records are read from.
  public struct Consumer: Sendable, Equatable {
    /// The topic of clicks.
    public var topic = ""
    /// How its records are written.
    public var format = RecordFormat.native
    /// Where a record keeps what an event needs (`session`, `item`, `time`, `user`, `type`), in place of the format's own paths.
    public var fields: [String: String] = [:]
    /// What the records are wrapped in.
    public var envelope = Envelope.none
    /// Which field a session is known by.
    public var sessionKey = SessionKey.session
    /// Event types that are clicks; empty for all. Commas between.
    public var eventTypes: [String] = []
    /// Event types that are passed over without being rejected.
    public var ignoredTypes: [String] = []
    /// Where a group without committed offsets begins.
    public var offsetReset = OffsetReset.latest
  }

  /// Where predictions go.
  public struct Publisher: Sendable, Equatable {
    /// The topic of predictions.
    public var topic = ""
    /// The topic of records that are not events; nil where they are only counted.
    public var deadLetterTopic: String?
    /// What is guaranteed of a click's prediction.
    public var delivery = Delivery.atLeastOnce
    /// Which predictions are published, where several clicks of a session are worked on together.
    public var publish = Publish.every
    /// How predictions are compressed.
    public var compression = Compression.lz4
    /// Longest time between two commits while there is work. Milliseconds.
    public var commitInterval: Int64 = 0
  }

  /// How Redis is reached.
  public struct Redis: Sendable, Equatable {
    /// The server; nil where sessions are kept in memory.
    public var address: RedisAddress?
    /// The user, where the address has none.
    var user: String?
    /// The password, where the address has none.
    var password: String?
    /// Longest wait for a connection or an answer. Milliseconds.
    public var timeout: Int64 = 0
  }

  /// What is kept of a session.
  public struct State: Sendable, Equatable {
    /// Beginning of every key in Redis.
    public var prefix = ""
    /// Part of every key after the prefix; another one begins with empty sessions.
    public var generation: String?
    /// How far the topic is read again where Redis may have lost writes. Milliseconds.
    public var rewind: Int64 = 0
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

  /// How the process logs.
  public struct Logging: Sendable, Equatable {
    /// Least level that is logged.
    public var level = Log.Level.info
    /// How a line is written.
    public var format = LogFormat.auto
  }

  /// The model directory.
  public var model = ""
  /// Longest time to finish, once asked to end. Milliseconds.
  public var drainTimeout: Int64 = 0
  /// Number of workers; nil for one a core.
  public var workers: Int?
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
  /// How the process logs.
  public var log = Logging()

  /// Nothing but zeroes; the loader fills in defaults.
  init() {}
}

/// How the records of a topic are written.
public enum RecordFormat: String, Sendable, CaseIterable {
  /// One JSON object an event, with intentd's own names.
  case native
  /// Interactions of Metarank.
  case metarank
  /// `track` calls of Segment and RudderStack.
  case segment
  /// Rows of Google Analytics 4.
  case ga4
}

/// What records are wrapped in.
public enum Envelope: String, Sendable, CaseIterable {
  /// Nothing: the record is the event.
  case none
  /// CloudEvents over Kafka, structured or binary.
  case cloudevents
}

/// Which field a session is known by.
public enum SessionKey: String, Sendable, CaseIterable {
  /// The session id.
  case session
  /// The user id; visits are cut where the user was idle.
  case user
}

/// How a group spreads partitions over its members.
public enum Assignor: String, Sendable, CaseIterable {
  /// Members keep what they have; only partitions that move stop.
  case cooperativeSticky = "cooperative-sticky"
  /// Ranges of partitions; every rebalance stops all of them.
  case range
}

/// What is guaranteed of a click's prediction.
public enum Delivery: String, Sendable, CaseIterable {
  /// It is published; after a failure maybe twice, the same.
  case atLeastOnce = "at-least-once"
  /// Readers of committed records see it exactly once.
  case exactlyOnce = "exactly-once"
}

/// Which predictions are published.
public enum Publish: String, Sendable, CaseIterable {
  /// One for each click.
  case every
  /// The last one of each session in a batch.
  case latest
}

/// How predictions are compressed on their way to the broker.
public enum Compression: String, Sendable, CaseIterable {
  case none
  case lz4
  case zstd
  case snappy
  case gzip
}

/// How lines of the log are written.
public enum LogFormat: String, Sendable, CaseIterable {
  /// Text on a terminal, JSON elsewhere.
  case auto
  /// For people.
  case text
  /// For machines.
  case json
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
  /// The items that the session has seen, among its newest events: as many as the model's window has room for.
  case seen
  /// The one that was clicked last.
  case last
}
