private import Foundation

/// The learning rate of each step: up from 0 in a straight line, then constant or down a cosine.
struct LearningRate: Sendable, Equatable {
  /// Rate after the warm-up.
  var highest: Double
  /// Steps of the warm-up, of which the last has the highest rate.
  var warmUp: Int
  /// Steps of the whole training.
  var total: Int
  /// How it goes on.
  var schedule: TrainingSettings.Schedule

  /// The rates of a training of `total` steps.
  init(_ settings: TrainingSettings, total: Int) {
    highest = settings.learningRate
    warmUp = Int((settings.warmUp * Double(total)).rounded())
    self.total = total
    schedule = settings.schedule
  }

  /// The rate of `step`, from 1. A cosine ends one step after the last, so that no step is for nothing; from there on it is 0.
  func rate(_ step: Int) -> Double {
    precondition(step >= 1)
    if step < warmUp { return highest * Double(step) / Double(warmUp) }
    switch schedule {
    case .constant: return highest
    case .cosine:
      let first = max(warmUp, 1)
      let progress = Double(step - first) / Double(max(total + 1 - first, 1))
      return highest * 0.5 * (1 + cos(.pi * min(progress, 1)))
    }
  }
}

extension TrainingSettings {
  /// The optimiser of `parameters`.
  func makeOptimiser(_ parameters: [Parameter<Float>]) -> any Optimiser {
    switch optimisation {
    case .adamw: AdamW(parameters, weightDecay: weightDecay)
    case .adagrad: Adagrad(parameters, momentum: momentum, weightDecay: weightDecay)
    }
  }

  /// Bytes of the state of ``makeOptimiser(_:)`` for `count` weights, both kinds having two numbers for each.
  func optimiserBytes(weights count: Int) -> Int { 2 * count * MemoryLayout<Float>.stride }

  /// The factor that brings gradients whose squares sum up to `squareSum` down to ``clipNorm``; 1 where they are within it (Pascanu et al.,
  /// "On the difficulty of training recurrent neural networks", ICML 2013). What is not a number gives that.
  func clipScale(squareSum: Double) -> Double {
    let norm = squareSum.squareRoot()
    return clipNorm > 0 && !(norm <= clipNorm) ? clipNorm / norm : 1
  }
}
