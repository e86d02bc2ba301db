/// Adagrad (Duchi, Hazan & Singer, "Adaptive Subgradient Methods", JMLR 2011) with momentum on the scaled gradient, which is how GRU4Rec is
/// trained: a += g²; u = μ u - η g / √(a + ε); w += u. Weight decay, where asked for, is decoupled as in ``AdamW``.
///
/// Rows of a table that a step did not touch stand still: their velocity neither moves them nor fades.
final class Adagrad: Optimiser {
  private let parameters: [Parameter<Float>]
  private let squares: [Tensor<Float>]
  private let velocities: [Tensor<Float>]
  private let momentum: Double
  private let epsilon: Double
  private let weightDecay: Double

  /// Moves `parameters`; accumulators start from zero.
  init(_ parameters: [Parameter<Float>], momentum: Double, weightDecay: Double = 0, epsilon: Double = 1e-6) {
    precondition((0..<1).contains(momentum) && weightDecay >= 0 && epsilon > 0)
    self.parameters = parameters
    squares = parameters.map { Tensor(rows: $0.value.rows, columns: $0.value.columns) }
    velocities = parameters.map { Tensor(rows: $0.value.rows, columns: $0.value.columns) }
    self.momentum = momentum
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  /// `NAME.square_sum` and `NAME.velocity` of each parameter.
  var state: [(name: String, tensor: Tensor<Float>)] {
    parameters.indices.flatMap { index in
      [
        (name: parameters[index].name + ".square_sum", tensor: squares[index]),
        (name: parameters[index].name + ".velocity", tensor: velocities[index]),
      ]
    }
  }

  func update(_ index: Int, values: Range<Int>, gradients: [Tensor<Float>], _ update: OptimiserUpdate) {
    let decay = parameters[index].isDecayed ? weightDecay : 0
    OptimiserKernels.adagrad(
      parameters[index].value, squares: squares[index], velocity: velocities[index], gradients: gradients,
      values: values,
      .init(
        learningRate: Float(update.learningRate), momentum: Float(momentum), epsilon: Float(epsilon),
        keep: Float(1 - update.learningRate * decay), scale: Float(update.scale)))
  }
}
