/// What the process was asked to do.
public enum Command: Sendable, Equatable {
  /// Serve until asked to end.
  case serve(ServeOptions)
  /// Predict files or a part of a topic, or send files to a topic.
  case replay(ReplayOptions)
  /// Say what a model directory holds.
  case inspect(InspectOptions)
  /// Show what Redis holds of a session.
  case inspectSession(InspectSessionOptions)
  /// Check the configuration and show it.
  case checkConfiguration(ServeOptions)
  /// Show a small shop.
  case demo(DemoOptions)
  /// Train a model.
  case train(TrainOptions)
  /// Print this text and end well: help, usage, version.
  case show(String)
}

/// How to serve.
public struct ServeOptions: Sendable, Equatable {
  /// The configuration file.
  public var configuration: String?
  /// True where the broker runs inside the process and sessions are kept in memory.
  public var embedded = false
  /// The model directory, in place of the configuration's.
  public var model: String?
  /// Number of workers, in place of the configuration's.
  public var workers: Int?
  /// Where the group's offsets are set before it is joined; nil to leave them.
  public var from: Moment?
  /// From where on partitions are read again to rebuild what Redis holds; nil for no rebuilding that is not needed.
  public var rebuildSince: Moment?
  /// Least level that is logged, in place of the configuration's.
  public var logLevel: Log.Level?
  /// How lines of the log are written, in place of the configuration's.
  public var logFormat: LogFormat?

  /// The options of a bare call.
  public init() {}

  /// What overrides file and environment.
  public var overrides: [Configuration.Override] {
    let all: [(String, String, String?)] = [
      ("model", "--model", model), ("workers", "--workers", workers.map { "\($0)" }),
      ("log.level", "--log-level", logLevel?.rawValue), ("log.format", "--log-format", logFormat?.rawValue),
    ]
    return all.compactMap { key, option, text in text.map { .init(key: key, text: $0, option: option) } }
  }
}

/// What to replay, and how.
public struct ReplayOptions: Sendable, Equatable {
  /// The files, in order; `-` is standard input. None where a topic is replayed.
  public var files: [String] = []
  /// The topic that is replayed in place of files.
  public var topic: String?
  /// True where the files' events are sent to the topic of clicks, and nothing is predicted.
  public var toKafka = false
  /// The daemon's configuration, where Kafka is needed; nil where the environment alone says what is needed.
  public var configuration: String?
  /// Where the replay of a topic begins.
  public var since = Moment.earliest
  /// Where it ends; nil for what is the end when it begins.
  public var until: Moment?
  /// How much earlier the topic is read, for state alone. Milliseconds.
  public var warmUp: Int64 = 0
  /// The model directory; empty where the configuration names it, or baselines are evaluated alone.
  public var model = ""
  /// Where predictions go.
  public var output = ReplayOutput.standardOutput
  /// Number of items in a prediction; nil for the configuration's, or 20.
  public var topK: Int?
  /// How the files are written.
  public var format = FileFormat.auto
  /// Names of columns where the files use other ones.
  public var columns: [Column: String] = [:]
  /// A gap above this begins a new visit; nil for the configuration's, or the format's own. Milliseconds.
  public var idleTimeout: Int64?
  /// Which events are targets of the evaluation.
  public var targets = Targets.all
  /// Items of the session that are left out; nil for the configuration's, or none.
  public var exclude: ReplayExclusion?
  /// Stop after so many events; nil for all.
  public var limit: Int?
  /// How fast.
  public var speed = ReplaySpeed.max
  /// True where predictions are held against what came next.
  public var evaluate = false
  /// A file to learn baselines from, to stand beside the model in the evaluation.
  public var baselineTrain: String?
  /// The baselines; some exactly where there is a file to learn from. With them the model may be absent.
  public var baselines: [Baseline] = []
  /// Number of workers; nil for one a core.
  public var workers: Int?
  /// A file for the evaluation as JSON.
  public var report: String?
  /// In which order the events go.
  public var order = ReplayOrder.file
  /// True where a line that is no event ends the replay.
  public var strict = false
  /// Most events in a batch; nil for the daemon's own.
  public var batch: Int?
  /// Least level that is logged.
  public var logLevel = Log.Level.info

  /// The options of a bare call.
  public init() {}
}

/// Where the predictions of a replay go.
public enum ReplayOutput: Sendable, Equatable {
  /// Nowhere: they are only evaluated.
  case nowhere
  /// To standard output.
  case standardOutput
  /// Into a file.
  case file(String)
}

/// How a file of events is written.
public enum FileFormat: String, Sendable, CaseIterable {
  case auto
  case gru4rec
  case tsv
  case csv
  case jsonl
  case sequences
  case yoochoose
  case retailrocket
  case diginetica
  case sasrec
  case native
  case metarank
  case segment
  case ga4
}

/// What a column of a file can hold.
public enum Column: String, Sendable, CaseIterable {
  case session
  case item
  case time
  case user
  case type
}

/// Items of a session that a replay's predictions leave out.
public enum ReplayExclusion: String, Sendable, CaseIterable {
  /// None of them.
  case none
  /// What live serving takes for seen: the items among the newest events, as many as the model's window has room for.
  case seen
  /// All that the session has seen; for evaluations.
  case seenAll = "seen-all"
  /// The one that was clicked last.
  case last
}

/// Which events an evaluation asks for.
public enum Targets: String, Sendable, CaseIterable {
  /// Each event after the first of its session.
  case all
  /// The last event of each session.
  case last
}

/// A simple recommender to hold a model against.
public enum Baseline: String, Sendable, CaseIterable {
  case popularity
  case markov
  case itemKNN = "item-knn"
  case sequentialRules = "sequential-rules"
  case vmisKNN = "vmis-knn"
}

/// In which order a replay takes events.
public enum ReplayOrder: String, Sendable, CaseIterable {
  /// As they stand in the files.
  case file
  /// By their time.
  case time
}

/// How fast a replay goes.
public enum ReplaySpeed: Sendable, Equatable {
  /// As fast as it can.
  case max
  /// So many times as fast as the events came.
  case times(Double)
}

/// What to say of a model directory.
public struct InspectOptions: Sendable, Equatable {
  /// The model directory.
  public var directory = ""
  /// Items of a session to predict from; empty for none.
  public var session: [String] = []
  /// Number of items in the prediction.
  public var topK = 20
  /// True where the scores are shown with all their digits.
  public var logits = false

  /// The options of a bare call.
  public init() {}
}

/// What to show of a session in Redis.
public struct InspectSessionOptions: Sendable, Equatable {
  /// Id of the session.
  public var session = ""
  /// The configuration file that says where Redis is.
  public var configuration: String?
  /// True for one JSON object.
  public var json = false

  /// The options of a bare call.
  public init() {}
}

/// How to show the small shop.
public struct DemoOptions: Sendable, Equatable {
  /// Number of clicks; nil for the demo's own.
  public var clicks: Int?
  /// What the shop and its visitors are drawn from.
  public var seed: UInt64 = 1

  /// The options of a bare call.
  public init() {}
}
