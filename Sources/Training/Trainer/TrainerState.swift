/// How far a training is: everything but tensors that decides how it goes on.
struct TrainerState: Codable, Sendable, Equatable {
  /// The epoch that goes on, from 1.
  var epoch = 1
  /// Steps of it that are done.
  var epochSteps = 0
  /// Updates so far.
  var updates = 0
  /// Loss of the epoch, summed over its targets, and their number.
  var lossSum = 0.0
  var targets = 0
  /// Rows of the epoch that are done.
  var rows = 0
  /// Learning rate of the latest step.
  var rate: Double?
  /// Times that the moving average took the weights in.
  var averaged = 0
  /// Seconds that epochs took.
  var seconds = 0.0
  /// Watches the loss.
  var watch = DivergenceWatch()
  /// Epochs that are done.
  var history: [EpochRecord] = []
  /// The epoch whose weights are kept, and its figure; without validation the last one that is done.
  var kept: Kept?

  /// See ``kept``.
  struct Kept: Codable, Sendable, Equatable {
    var epoch: Int
    /// What chose it; 0 without validation.
    var figure: Double
  }
}

/// What an epoch reached.
public struct EpochRecord: Codable, Sendable, Equatable {
  /// Its number, from 1.
  public var epoch: Int
  /// Mean loss over its targets.
  public var loss: Double
  /// Learning rate at its end.
  public var learningRate: Double
  /// Seconds of its steps.
  public var seconds: Double
  /// Steps.
  public var steps: Int
  /// Measured on what is held out, where something is.
  public var validation: RankingQuality?
}

/// Where a training is, for a progress bar.
public struct TrainingProgress: Sendable, Equatable {
  /// What it does.
  public var phase: TrainingPhase
  /// The epoch, from 1.
  public var epoch: Int
  /// How many there will be at most.
  public var epochs: Int
  /// Steps of the epoch that are done.
  public var step: Int
  /// About how many it has.
  public var steps: Int
  /// Mean loss of the epoch so far.
  public var loss: Double
  /// Learning rate of the latest step.
  public var learningRate: Double
  /// Events a second, since this run began.
  public var eventsPerSecond: Double
  /// Seconds until all epochs of the phase are done, if it doesn't stop earlier.
  public var secondsLeft: Double
}

/// The phases of a training.
public enum TrainingPhase: String, Codable, Sendable, CaseIterable {
  /// With something held out: how many epochs are best.
  case search
  /// From scratch on everything, for as many.
  case refit
}
