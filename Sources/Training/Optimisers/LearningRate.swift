private import Foundation

extension TrainingSettings {
  /// The learning rate where `done` of all planned epochs' work, 0...1, is behind: rising in a line during the warm-up, then as ``schedule``
  /// has it. Work, not steps, is what counts, so that the number of steps in an epoch needn't be known before.
  func learningRate(at done: Double) -> Double {
    if done < warmUp { return learningRate * done / warmUp }
    switch schedule {
    case .constant: return learningRate
    case .cosine:
      let rest = min(1, (done - warmUp) / max(1 - warmUp, 1e-9))
      return learningRate * (1 + cos(Double.pi * rest)) / 2
    }
  }

  /// The optimiser of `parameters`.
  func makeOptimiser(_ parameters: [Parameter<Float>]) -> any Optimiser {
    switch optimisation {
    case .adamw: AdamW(parameters, weightDecay: weightDecay)
    case .adagrad: Adagrad(parameters, momentum: momentum, weightDecay: weightDecay)
    }
  }

  /// Bytes of the state of ``makeOptimiser(_:)`` for `count` weights, both kinds having two numbers for each.
  func optimiserBytes(weights count: Int) -> Int { 2 * count * MemoryLayout<Float>.stride }

  /// The factor that brings gradients of the norm `norm` down to ``clipNorm``; 1 where they are within it (Pascanu et al., "On the
  /// difficulty of training recurrent neural networks", ICML 2013).
  func clipScale(norm: Double) -> Double { clipNorm > 0 && norm > clipNorm ? clipNorm / norm : 1 }
}
