private import Foundation

/// Adam (Kingma & Ba, ICLR 2015, algorithm 1, with bias correction) with decoupled weight decay (Loshchilov & Hutter, "Decoupled Weight Decay
/// Regularization", ICLR 2019, algorithm 2): w -= η (m̂ / (√v̂ + ε) + λ w), where λ is 0 for parameters that don't decay.
///
/// Rows of a table that a step did not touch are not updated at all: neither do their moments fade, nor do they decay (lazy Adam). The
/// correction of bias counts the steps of the whole training for them too.
final class AdamW: Optimiser {
  private let parameters: [Parameter<Float>]
  private let first: [Tensor<Float>]
  private let second: [Tensor<Float>]
  private let beta1: Double
  private let beta2: Double
  private let epsilon: Double
  private let weightDecay: Double

  /// Moves `parameters`; moments are zero. β1, β2 and ε are the paper's.
  init(
    _ parameters: [Parameter<Float>], weightDecay: Double, beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-8
  ) {
    precondition(weightDecay >= 0 && (0..<1).contains(beta1) && (0..<1).contains(beta2) && epsilon > 0)
    self.parameters = parameters
    first = parameters.map { Tensor(rows: $0.value.rows, columns: $0.value.columns) }
    second = parameters.map { Tensor(rows: $0.value.rows, columns: $0.value.columns) }
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  /// `NAME.first_moment` and `NAME.second_moment` of each parameter.
  var state: [(name: String, tensor: Tensor<Float>)] {
    parameters.indices.flatMap { index in
      [
        (name: parameters[index].name + ".first_moment", tensor: first[index]),
        (name: parameters[index].name + ".second_moment", tensor: second[index]),
      ]
    }
  }

  func update(_ index: Int, values: Range<Int>, gradients: [Tensor<Float>], _ update: OptimiserUpdate) {
    precondition(update.step >= 1)
    let decay = parameters[index].isDecayed ? weightDecay : 0
    OptimiserKernels.adamW(
      parameters[index].value, first: first[index], second: second[index], gradients: gradients, values: values,
      .init(
        beta1: Float(beta1), beta2: Float(beta2),
        stepSize: Float(update.learningRate / (1 - pow(beta1, Double(update.step)))),
        secondCorrection: Float(1 / (1 - pow(beta2, Double(update.step))).squareRoot()), epsilon: Float(epsilon),
        keep: Float(1 - update.learningRate * decay), scale: Float(update.scale)))
  }
}
