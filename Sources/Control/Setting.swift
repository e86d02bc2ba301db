private import Events

/// A key of the configuration. The table of all of them is the only list of keys: reading, suggestions, printing and the
/// documentation come from it.
struct Setting: Sendable {
  /// What is to be said where a key is not given.
  enum Absence: Sendable {
    /// It takes this value.
    case value(String)
    /// It takes a value that other keys decide, which are read before it; `text` says so in the documentation.
    case dependent(text: String, value: @Sendable (Configuration) -> String)
    /// It stays absent.
    case nothing
    /// That is an error, except where the broker is embedded and `embedded` is false.
    case error(embedded: Bool)
  }

  /// Section and key: `kafka.group_id`; a key alone at the top.
  let name: String
  let kind: String
  let absence: Absence
  let help: String
  /// How its values are written.
  enum Shape: Sendable {
    /// One value.
    case single
    /// A list, or its items with commas between.
    case list
    /// A section of free keys, each of which is a text.
    case map
  }
  var shape = Shape.single
  let write: @Sendable (inout Configuration, _ key: String, String) throws(ValueProblem) -> Void
  /// Takes the items of a list; nil where a list is no value.
  var writeItems: (@Sendable (inout Configuration, [String]) throws(ValueProblem) -> Void)?
  /// Keys (empty for a single value, or an item of a list) and texts, secrets masked.
  let read: @Sendable (Configuration) -> [(key: String, text: String)]
  /// The key of a map that the end of a variable's name stands for.
  var mapKey: @Sendable (Substring) -> String = { $0.lowercased() }

  /// True for a section of free keys.
  var isMap: Bool { shape == .map }

  /// The environment variable that overrides it.
  var variable: String { "INTENTD_" + name.uppercased().replacing(".", with: "_") }

  /// What is added to a variable's name where it names a file that holds the value.
  static let fileSuffix = "_FILE"

  /// A key whose value stands in the configuration at `path`.
  private static func value<Value: Sendable>(
    _ name: String, _ path: any WritableKeyPath<Configuration, Value> & Sendable, _ kind: ValueKind<Value>,
    _ absence: Absence, _ help: String
  ) -> Setting {
    Setting(name: name, kind: kind.name, absence: absence, help: help) {
      configuration, _, text throws(ValueProblem) in
      configuration[keyPath: path] = try kind.parse(text)
    } read: { configuration in
      let text = kind.text(configuration[keyPath: path])
      return text.isEmpty ? [] : [("", text)]
    }
  }

  /// A key whose value is a list at `path`.
  private static func list(
    _ name: String, _ path: any WritableKeyPath<Configuration, [String]> & Sendable, _ help: String
  ) -> Setting {
    let kind = ValueKind<[String]>.list
    return Setting(name: name, kind: kind.name, absence: .nothing, help: help, shape: .list) {
      configuration, _, text throws(ValueProblem) in
      configuration[keyPath: path] = try kind.parse(text)
    } writeItems: { configuration, items throws(ValueProblem) in
      configuration[keyPath: path] = items
    } read: { configuration in
      configuration[keyPath: path].map { ("", $0) }
    }
  }

  private static let servers = Setting(
    name: "kafka.bootstrap_servers", kind: ValueKind<String>.servers.name, absence: .error(embedded: false),
    help: "Brokers to begin with; the others are learnt from them. Not used with `--embedded`."
  ) { configuration, _, text throws(ValueProblem) in
    configuration.kafka.bootstrapServers = try ValueKind<String>.servers.parse(text)
  } writeItems: { configuration, items throws(ValueProblem) in
    configuration.kafka.bootstrapServers = try ValueKind<String>.servers.parse(items.joined(separator: ","))
  } read: { configuration in
    configuration.kafka.bootstrapServers.isEmpty ? [] : [("", configuration.kafka.bootstrapServers)]
  }

  private static let password = Setting(
    name: "redis.password", kind: "text", absence: .nothing,
    help: "The password, where it does not stand in `redis.url`. Best from a file: `INTENTD_REDIS_PASSWORD_FILE`."
  ) { configuration, _, text throws(ValueProblem) in
    configuration.redis.password = try ValueKind<String>.text.parse(text)
  } read: { configuration in
    configuration.redis.password == nil ? [] : [("", "***")]
  }

  private static let properties = Setting(
    name: "kafka.properties", kind: "section", absence: .nothing,
    help:
      "Further properties of librdkafka, such as `security.protocol`. Properties that guarantees rest on are reserved.",
    shape: .map
  ) { configuration, key, text throws(ValueProblem) in
    configuration.kafka.properties[key] = text
  } read: { configuration in
    configuration.kafka.properties.sorted { $0.key < $1.key }.map { ($0.key, isSecret($0.key) ? "***" : $0.value) }
  } mapKey: {
    $0.lowercased().replacing("_", with: ".")
  }

  private static let fields = Setting(
    name: "consumer.fields", kind: "section", absence: .nothing,
    help:
      "[Paths](event-formats.md#fields-of-ones-own) such as `$.visit.id` for `session`, `item`, `time`, `user`, `type`, in place of the format's own; `time_unit` (ms, s, us, auto) for times that are numbers.",
    shape: .map
  ) { configuration, key, text throws(ValueProblem) in
    let names = ["session", "item", "time", "user", "type", "time_unit"]
    guard names.contains(key) else {
      throw ValueProblem("there is no such field\(Suggestion.hint(for: key, among: names))")
    }
    configuration.consumer.fields[key] = text
  } read: { configuration in
    configuration.consumer.fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// True for a property of librdkafka whose value nobody may read in a log.
  static func isSecret(_ property: String) -> Bool {
    ["password", "secret", "token", "key.pem", "oauthbearer.config"].contains { property.contains($0) }
  }

  /// Every key, in the order of the documentation.
  static let all: [Setting] = [
    value(
      "workers", \.workers, .optional(.integer(1...256)), .nothing,
      "Worker threads, each with partitions of its own; one a core where it is not given."),
    value(
      "drain_timeout", \.drainTimeout, .duration(1000...600_000), .value("20s"),
      "Longest time that workers may take, after the first SIGTERM or SIGINT, to finish what they have begun. Whoever ends the process by force must wait longer."
    ),
    value("model", \.model, .folder, .error(embedded: true), "The [model directory](model-directory.md) to serve."),
    servers,
    value(
      "kafka.group_id", \.kafka.groupID, .text, .value("intentd"),
      "The consumer group. Daemons of one group share the partitions; another name reads everything again."),
    value(
      "kafka.instance_id", \.kafka.instanceID, .optional(.text), .nothing,
      "A lasting name of this daemon, different for each. With it, a restart within the session time-out moves no partitions (static membership)."
    ),
    value(
      "kafka.assignor", \.kafka.assignor, .choice, .value("cooperative-sticky"),
      "How the group spreads partitions over its members; the same for all of them."),
    properties,
    value("consumer.topic", \.consumer.topic, .topic, .value("clicks"), "The topic of clicks, keyed by session."),
    value("consumer.format", \.consumer.format, .choice, .value("native"), "How its records are written."),
    fields,
    value(
      "consumer.envelope", \.consumer.envelope, .choice, .value("none"),
      "What the records are wrapped in: nothing, or CloudEvents (structured and binary mode)."),
    value(
      "consumer.session_key", \.consumer.sessionKey, .choice, .value("session"),
      "Which field a session is known by: its own id, or the user's, whose visits are cut at `state.idle_timeout`."),
    list(
      "consumer.event_types", \.consumer.eventTypes,
      "Types of events that are clicks; without it, all are. An event of a type that neither this nor `ignored_types` names is counted by itself."
    ),
    list("consumer.ignored_types", \.consumer.ignoredTypes, "Types of events that are passed over and counted."),
    value(
      "consumer.offset_reset", \.consumer.offsetReset, .choice, .value("latest"),
      "Where a group without committed offsets begins. Take `earliest` to fill the sessions from what the broker still has."
    ),
    value(
      "publisher.topic", \.publisher.topic, .topic, .value("predictions"), "The topic of predictions, keyed by session."
    ),
    value(
      "publisher.dead_letter_topic", \.publisher.deadLetterTopic, .optional(.topic), .nothing,
      "The topic for records that are not events, with their origin in the headers. Without it they are only counted."),
    value(
      "publisher.delivery", \.publisher.delivery, .choice, .value("at-least-once"),
      "What is guaranteed: after a failure a prediction may come twice, the same; or readers of committed records see it exactly once (transactions)."
    ),
    value(
      "publisher.publish", \.publisher.publish, .choice, .value("every"),
      "A prediction for every click, or only the `latest` where clicks of one session are worked on together."),
    value(
      "publisher.compression", \.publisher.compression, .choice, .value("lz4"), "How predictions are compressed."),
    value(
      "publisher.commit_interval", \.publisher.commitInterval, .duration(1...60_000), .value("200ms"),
      "Longest time between two commits while there is work: how much comes again after a crash and, with `exactly-once`, how long a prediction may stay invisible to readers of committed records."
    ),
    value(
      "redis.url", \.redis.address, .optional(.redisAddress), .error(embedded: false),
      "`redis://[user:password@]host[:port][/database]` or `unix:///path[?db=database]`. Not used with `--embedded`."),
    value(
      "redis.user", \.redis.user, .optional(.text), .nothing,
      "The user (ACL), where it does not stand in `redis.url`."),
    password,
    value(
      "redis.timeout", \.redis.timeout, .duration(1...600_000), .value("2s"),
      "Longest wait for a connection or an answer, before the worker tries again."),
    value(
      "state.prefix", \.state.prefix, .prefix, .value("intentd"),
      "Beginning of every key in Redis. Give each model or experiment on one server its own."),
    value(
      "state.generation", \.state.generation, .optional(.prefix), .nothing,
      "Part of every key after the prefix. Give another one where the topic of clicks was deleted and made anew: its offsets begin again, and no longer fit what Redis holds."
    ),
    value(
      "state.rewind", \.state.rewind, .duration(1000...31_536_000_000), .value("10m"),
      "How far the topic is read again, for the sessions alone, where Redis may have lost acknowledged writes: after it restarted or failed over. Take more than it can lose."
    ),
    value(
      "state.idle_timeout", \.state.idleTimeout, .duration(1000...31_536_000_000),
      .dependent(
        text:
          "`24h`; `30m` where sessions are users or visitors (`consumer.session_key: user`, `consumer.format: segment`)"
      ) { $0.consumer.sessionKey == .user || $0.consumer.format == .segment ? "30m" : "24h" },
      "A gap between two events of a session above this, in event time, begins a new visit."
    ),
    value(
      "state.max_lag", \.state.maxLag, .duration(0...31_536_000_000), .value("24h"),
      "Added to the idle timeout before Redis forgets a session. Raise it above the longest stop of the daemon that must not cost a session."
    ),
    value(
      "state.cache_bytes", \.state.cacheBytes, .size(1 << 20...1 << 44), .value("1GiB"),
      "Memory for sessions, of all workers together. A session that no longer fits is rebuilt from Redis at its next click."
    ),
    value(
      "predictions.top_k", \.predictions.topK, .integer(1...Limits.topK), .value("20"),
      "Number of items in a prediction."),
    value(
      "predictions.exclude", \.predictions.exclude, .choice, .value("none"),
      "Items of the session that its predictions leave out: none, those among its newest `max_length` events (`seen`), or the `last` one."
    ),
    value(
      "log.level", \.log.level, .choice, .value("info"), "Least level that is logged. `--log-level` overrides it."),
    value(
      "log.format", \.log.format, .choice, .value("auto"),
      "Lines for people (`text`), JSON objects for machines (`json`), or `auto`: text on a terminal, JSON elsewhere. `--log-format` overrides it."
    ),
  ]

  /// Names of the sections.
  static let sections = Set(all.map(\.section)).subtracting([""])

  /// Keys that stand in no section.
  static let atTheTop = Set(all.filter { $0.section.isEmpty }.map(\.name))

  /// The section that it stands in; empty at the top.
  var section: String { name.contains(".") ? String(name.prefix { $0 != "." }) : "" }
}
