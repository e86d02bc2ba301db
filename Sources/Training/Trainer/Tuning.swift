private import Foundation

/// A search for better settings at random in a small space around given ones (Bergstra & Bengio, "Random Search for Hyper-Parameter
/// Optimization", JMLR 2012). What is tried depends on the seed alone; how much of it, on the time that there is.
public struct Tuning: Sendable {
  /// What may vary.
  public enum Dimension: String, Sendable, CaseIterable {
    case size
    case blocks
    case learningRate = "learning-rate"
    case dropout
    case batchSize = "batch-size"
    case weightDecay = "weight-decay"
    case averaging
    case labelSmoothing = "label-smoothing"
  }

  /// What came of one trial.
  public struct Trial: Codable, Sendable, Equatable {
    /// Its number, from 0: the settings that the search began with.
    public var number: Int
    /// What it trained with.
    public var settings: TrainingSettings
    /// The figure that chose its best epoch (``TrainingSettings/Selection``); nil where training went wrong.
    public var score: Double?
    /// Seconds that it took.
    public var seconds: Double
    /// Why it was not trained at all, in a few words; nil where it was.
    public var failure: String?
  }

  /// Settings of all trials, in their order; the first are those that the search is around.
  public let candidates: [TrainingSettings]

  /// `count` candidates around `centre`, which leave `fixed` as it is.
  public init(around centre: TrainingSettings, count: Int, fixed: Set<Dimension> = []) {
    let free = Dimension.allCases.filter { !fixed.contains($0) && $0.applies(to: centre) }
    var candidates = [centre]
    for number in 1..<max(2, count) where number < count {
      var random = RandomStream(seed: centre.seed, purpose: .tuning, step: number)
      var settings = centre
      for dimension in free { settings.draw(dimension, around: centre, &random) }
      candidates.append(settings)
    }
    self.candidates = candidates
  }

  /// Runs the candidates in their order until there are no more, `budget` seconds have passed, or `evaluate` returns nil (asked to end).
  /// `evaluate` trains one and returns its score, `.nan` where it diverged; `seconds` is a clock. Settings that were drawn and can't be
  /// trained, for want of memory or as they don't go together, are a trial without a score.
  public func run<Failure: Error>(
    budget: Double?, seconds: () -> Double, evaluate: (Int, TrainingSettings) throws(Failure) -> Double?,
    finished: (Trial) -> Void
  ) throws(Failure) -> [Trial] {
    let began = seconds()
    var trials: [Trial] = []
    for (number, settings) in candidates.enumerated() {
      let start = seconds()
      if number > 0, let budget, start - began >= budget { break }
      let score: Double?
      var failure: String?
      do throws(Failure) { score = try evaluate(number, settings) } catch {
        guard number > 0, let unfit = error as? TrainingFailure else { throw error }
        switch unfit {
        case .memory: failure = "too large"
        case .setting: failure = "unfit settings"
        default: throw error
        }
        score = .nan
      }
      guard let score else { break }
      let trial = Trial(
        number: number, settings: settings, score: score.isFinite ? score : nil, seconds: seconds() - start,
        failure: failure)
      trials.append(trial)
      finished(trial)
    }
    return trials
  }

  /// The trial with the highest score, the earlier one of equals; nil where none has a score.
  public static func best(_ trials: [Trial]) -> Trial? {
    var best: Trial?
    for trial in trials {
      guard let score = trial.score else { continue }
      if best?.score.map({ score > $0 }) ?? true { best = trial }
    }
    return best
  }

  /// What `settings` has in each dimension that varies, as text.
  public static func words(_ settings: TrainingSettings) -> [(name: String, value: String)] {
    Dimension.allCases.filter { $0.applies(to: settings) }.map { ($0.rawValue, settings.text($0)) }
  }
}

extension Tuning.Dimension {
  /// False for what the settings' architecture or loss does not have.
  fileprivate func applies(to settings: TrainingSettings) -> Bool {
    switch self {
    case .blocks: settings.architecture == .sasrec
    case .labelSmoothing: settings.objective == .softmax
    case .weightDecay: settings.optimisation == .adamw
    case .size, .learningRate, .dropout, .batchSize, .averaging: true
    }
  }
}

extension TrainingSettings {
  /// Draws one dimension anew.
  fileprivate mutating func draw(
    _ dimension: Tuning.Dimension, around centre: TrainingSettings, _ random: inout RandomStream
  ) {
    func one<Value>(of values: [Value], _ random: inout RandomStream) -> Value { values[random.below(values.count)] }
    switch dimension {
    case .size:
      let (factor, divisor) = one(of: [(1, 2), (1, 1), (1, 1), (2, 1)], &random)
      func scaled(_ size: Int, most: Int) -> Int { min(most, max(16, size * factor / divisor)) }
      if architecture == .sasrec {
        // A multiple of the heads, and of two for each of them.
        let unit = 2 * heads
        hiddenSize = max(unit, scaled(centre.hiddenSize, most: 512) / unit * unit)
        ffnSize = min(4096, max(1, centre.ffnSize * hiddenSize / max(1, centre.hiddenSize)))
      } else {
        layerSizes = centre.layerSizes.map { scaled($0, most: 1024) }
        embeddingSize = scaled(centre.embeddingSize, most: 1024)
      }
    case .blocks: blocks = min(8, max(1, centre.blocks + one(of: [-1, 0, 0, 1], &random)))
    case .learningRate:
      // Evenly between a third and three times in its logarithm.
      let value = centre.learningRate * exp((2 * random.uniform() - 1) * log(3.0))
      learningRate = rounded(value)
    case .dropout: dropout = (min(0.8, max(0, centre.dropout + 0.4 * random.uniform() - 0.2)) * 100).rounded() / 100
    case .batchSize:
      batchSize = max(1, one(of: [centre.batchSize / 2, centre.batchSize, centre.batchSize * 2], &random))
    case .weightDecay: weightDecay = one(of: [0, 0.01, 0.1], &random)
    case .averaging: averaging = one(of: [0, 0.99, 0.999], &random)
    case .labelSmoothing: labelSmoothing = one(of: [0, 0, 0.05, 0.1], &random)
    }
  }

  /// Two significant digits: what a person can type again.
  private func rounded(_ value: Double) -> Double {
    let unit = pow(10, floor(log10(value)) - 1)
    return Double(String(format: "%.1e", (value / unit).rounded() * unit)) ?? value
  }

  /// The value of one dimension.
  fileprivate func text(_ dimension: Tuning.Dimension) -> String {
    switch dimension {
    case .size:
      architecture == .sasrec ? "\(hiddenSize)" : layerSizes.map { "\($0)" }.joined(separator: ",")
    case .blocks: "\(blocks)"
    case .learningRate: "\(learningRate)"
    case .dropout: "\(dropout)"
    case .batchSize: "\(batchSize)"
    case .weightDecay: "\(weightDecay)"
    case .averaging: "\(averaging)"
    case .labelSmoothing: "\(labelSmoothing)"
    }
  }
}

extension TrainingReport {
  /// The figure that chose the best epoch of the search; nil where there was none.
  public var figure: Double? { search.map { settings.selection.figure($0.quality) } }
}
