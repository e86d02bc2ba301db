/// What to train, on what, and where it goes.
public struct TrainOptions: Sendable, Equatable {
  /// What is held out to measure on.
  public enum Validation: Sendable, Equatable {
    /// What suits the data.
    case automatic
    /// Sessions that end in the last so many milliseconds.
    case last(milliseconds: Int64)
    /// The last share of sessions.
    case share(Double)
    /// The last event of each session.
    case leaveOneOut
    /// Nothing.
    case none
  }

  /// A set of settings for people who don't want to tune.
  public enum Preset: String, Sendable, CaseIterable {
    case fast
    case good
    case best
  }

  /// The files, in order; `-` is standard input.
  public var files: [String] = []
  /// The model directory that is written.
  public var output = ""
  /// The model directory that is trained on; nil to begin anew.
  public var continued: String?
  /// Files with older clicks, a part of which is trained on again.
  public var older: [String] = []
  /// Windows of the older files for each new one.
  public var olderShare: Double?

  /// How the files are written.
  public var format = FileFormat.auto
  /// Names of columns where the files use other ones.
  public var columns: [Column: String] = [:]
  /// A gap above this begins a new session; nil for the format's own. Milliseconds.
  public var idleTimeout: Int64?
  /// In which order a session's events are taken.
  public var order = ReplayOrder.time
  /// True where a line that is no event ends the training.
  public var strict = false
  /// Stop reading after so many events; nil for all.
  public var limit: Int?
  /// Events that an item needs.
  public var minItemSupport = 1
  /// Events that a session needs.
  public var minSessionLength = 2
  /// A file of item metadata.
  public var itemsMetadata: String?

  /// What is held out.
  public var validation = Validation.automatic
  /// True where the model is trained again on everything once the epochs are known.
  public var refits = true
  /// The settings to begin with.
  public var preset = Preset.good
  /// Settings that were given.
  public var settings = TrainSettings()
  /// Trials of a random search around the preset; nil for none.
  public var tune: Int?
  /// Time for the search. Milliseconds.
  public var tuneBudget: Int64?

  /// True where a training that was interrupted goes on.
  public var resumes = false
  /// A file for the report as JSON.
  public var report: String?
  /// A file for the picture of the curves; nil for one beside the report, if there is one.
  public var plot: String?
  /// Most bytes of memory; nil for no limit of its own.
  public var memory: Int?
  /// Name of the model; nil for the directory's.
  public var name: String?
  /// Version of the model; nil for the time of the data's end.
  public var version: String?
  /// True where only what went wrong is said.
  public var isQuiet = false

  /// The options of a bare call.
  public init() {}
}

/// Settings of a training as they were given; nil for the preset's.
public struct TrainSettings: Sendable, Equatable {
  /// The model.
  public enum Architecture: String, Sendable, CaseIterable {
    case sasrec
    case gru4rec
    case lstm
  }

  /// How positions enter a SASRec.
  public enum Positions: String, Sendable, CaseIterable {
    case start
    case rotary
  }

  /// What is minimised.
  public enum Loss: String, Sendable, CaseIterable {
    case softmax
    case sampledSoftmax = "sampled-softmax"
    case gbce
    case batchSoftmax = "batch-softmax"
    case bprMax = "bpr-max"
  }

  /// What a step is made of.
  public enum Batching: String, Sendable, CaseIterable {
    case windows
    case sessionParallel = "session-parallel"
  }

  /// The optimiser.
  public enum Optimizer: String, Sendable, CaseIterable {
    case adamw
    case adagrad
  }

  /// How the learning rate goes on after the warm-up.
  public enum Schedule: String, Sendable, CaseIterable {
    case constant
    case cosine
  }

  /// Which figure of the validation chooses the epoch.
  public enum Selection: String, Sendable, CaseIterable {
    case both
    case hitRate = "hr@20"
    case mrr = "mrr@20"
    case ndcg = "ndcg@10"
  }

  /// The model.
  public var architecture: Architecture?
  /// Longest window of events.
  public var maxLength: Int?
  /// Hidden size of a SASRec.
  public var hiddenSize: Int?
  /// Blocks of a SASRec.
  public var blocks: Int?
  /// Attention heads of a SASRec.
  public var heads: Int?
  /// Width of a SASRec's feed-forward network.
  public var ffnSize: Int?
  /// How positions enter a SASRec.
  public var positions: Positions?
  /// Units of each layer of a recurrent model.
  public var layers: [Int]?
  /// Size of the item embeddings of a recurrent model.
  public var embeddingSize: Int?
  /// False for scores from a recurrent model's last layer itself.
  public var projects: Bool?
  /// True for a bias for each item.
  public var itemBias: Bool?
  /// What is minimised.
  public var loss: Loss?
  /// Negatives of the sampled losses.
  public var negatives: Int?
  /// Negatives are drawn by clicks to the power of this.
  public var sampleAlpha: Double?
  /// How far scores are corrected by log Q.
  public var logQ: Double?
  /// gBCE's calibration.
  public var calibration: Double?
  /// Weight of the negatives' scores in BPR-max.
  public var scoreRegularisation: Double?
  /// Share of the target that is spread over all items.
  public var labelSmoothing: Double?
  /// What a step is made of.
  public var batching: Batching?
  /// Windows, or lanes, of a step.
  public var batchSize: Int?
  /// Epochs at most.
  public var epochs: Int?
  /// Epochs without a better validation before training stops.
  public var patience: Int?
  /// Which figure chooses the epoch.
  public var selection: Selection?
  /// The optimiser.
  public var optimizer: Optimizer?
  /// Learning rate after the warm-up.
  public var learningRate: Double?
  /// How the learning rate goes on.
  public var schedule: Schedule?
  /// Share of the steps in which it rises.
  public var warmUp: Double?
  /// Decoupled weight decay.
  public var weightDecay: Double?
  /// Momentum of Adagrad.
  public var momentum: Double?
  /// Largest norm of the gradients.
  public var clipNorm: Double?
  /// Dropout.
  public var dropout: Double?
  /// Dropout of embeddings; nil for ``dropout``.
  public var embeddingDropout: Double?
  /// Decay of the moving average of the weights.
  public var averaging: Double?
  /// Seed of all that is drawn.
  public var seed: UInt64?
  /// Threads.
  public var threads: Int?

  /// None.
  public init() {}
}
