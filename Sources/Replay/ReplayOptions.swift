public import Baselines
import Events
public import Formats
public import Pipeline

/// What to replay, and how.
public struct ReplayOptions: Sendable {
  /// In which order events are worked on.
  public enum Order: String, Sendable, CaseIterable {
    /// As the files hold them, as a topic would.
    case file
    /// By event time, so that sessions interleave as they did in life.
    case time
  }

  /// The files, read one after the other; `-` is standard input.
  public var files: [String]
  /// Their format; nil finds out.
  public var format: FileFormat?
  /// In which order events are worked on.
  public var order = Order.file
  /// The first malformed line ends the replay.
  public var strict = false
  /// Most events; nil for all.
  public var limit: Int?
  /// Items of a prediction.
  public var topK = 20
  /// Items of the session that predictions leave out.
  public var exclude = ExclusionMode.none
  /// True where ``ExclusionMode/seen`` means the whole visit, its newest ``Limits/exclusions`` events, in place of the newest L that live
  /// serving leaves out: for evaluations. Memory holds fewer sessions then.
  public var seesWholeVisit = false
  /// A gap above this begins a new visit, milliseconds; nil is 24 h, or 30 min where visits are cut from users' histories.
  public var idleTimeout: Int64?
  /// Threads that compute.
  public var workers = 1
  /// Events that are worked on together.
  public var batch = 1024
  /// How much faster than life; nil as fast as it goes.
  public var speed: Double?
  /// Holds each click against the prediction before it.
  public var evaluate = false
  /// Which clicks count as targets.
  public var targets = EvaluationTargets.all
  /// A file that the baselines are learnt from.
  public var baselineTrain: String?
  /// The baselines that stand beside the model, where there is a file to learn them from.
  public var baselines = [BaselineKind.popularity, .markov]
  /// Bytes for sessions in RAM, all workers together: half for what encoders remember, half for sequences.
  public var memory = 1 << 30

  /// The defaults, for `files`; none for a replay of another source.
  public init(files: [String] = []) { self.files = files }
}

/// How far a replay is.
public struct ReplayProgress: Sendable {
  /// Events worked on.
  public var events: Int
  /// Seconds since it began.
  public var seconds: Double
  /// Compute time of an event in nanoseconds, the median.
  public var p50: Int
  /// The 99th percentile of it.
  public var p99: Int
}

/// What a replay did and found.
public struct ReplayReport: Codable, Sendable {
  /// What made the predictions.
  public struct Model: Codable, Sendable {
    /// Name of the model.
    public var name: String
    /// Version of its weights.
    public var version: String
    /// Kernel that computed.
    public var kernel: String
  }

  /// What was read.
  public struct Input: Codable, Sendable {
    /// Lines read.
    public var lines: Int
    /// Events worked on.
    public var events: Int
    /// Lines that are no events.
    public var malformed: Int
    /// Lines of other kinds.
    public var ignored: Int
    /// Events earlier than the one of their session right before them.
    public var outOfOrder: Int
    /// The first few malformed and out-of-order lines, as `file:line: reason`.
    public var messages: [String]

    /// What was read.
    public init(
      lines: Int, events: Int, malformed: Int, ignored: Int, outOfOrder: Int = 0, messages: [String] = []
    ) {
      self.lines = lines
      self.events = events
      self.malformed = malformed
      self.ignored = ignored
      self.outOfOrder = outOfOrder
      self.messages = messages
    }
  }

  /// What was read of a topic.
  public struct Topic: Codable, Sendable, Equatable {
    /// Its name.
    public var name: String
    /// Its partitions.
    public var partitions: Int
    /// Events before the time asked for, read for state alone.
    public var warmUp: Int
    /// Records without a value.
    public var tombstones: Int
    /// Records that are no events, by reason.
    public var rejections: [String: Int]
    /// Predictions that may differ from the live ones: the beginning of their visit does not lie in what was read.
    public var inexact = 0
    /// Sessions whose events came from more than one partition.
    public var splitSessions = 0

    /// What was read; nothing is known yet of what came of it.
    public init(name: String, partitions: Int, warmUp: Int, tombstones: Int, rejections: [String: Int]) {
      self.name = name
      self.partitions = partitions
      self.warmUp = warmUp
      self.tombstones = tombstones
      self.rejections = rejections
    }
  }

  /// How fast it was.
  public struct Speed: Codable, Sendable {
    /// Threads that computed.
    public var workers: Int
    /// Seconds from the beginning to the end, reading and writing included.
    public var seconds: Double
    /// Events a second.
    public var clicksPerSecond: Double
    /// Compute time of a click (its share of its wave's encoding and ranking) in microseconds, the median.
    public var computeP50Microseconds: Double
    /// The 99th percentile of it.
    public var computeP99Microseconds: Double
  }

  /// What made the predictions; nil where baselines alone were evaluated.
  public var model: Model?
  /// What was read.
  public var input: Input
  /// The same of a topic; nil for files.
  public var topic: Topic?
  /// How fast it was.
  public var speed: Speed
  /// What the workers did, by the counters' stable names.
  public var counters: [String: Int]
  /// Sessions that the sequences' memory had no room for; where above 0, a session that came back began anew.
  public var forgottenSessions: Int
  /// How good it was, where asked for.
  public var evaluation: EvaluationReport?
}
