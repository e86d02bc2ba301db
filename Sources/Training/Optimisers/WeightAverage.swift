/// The exponential moving average of weights (Polyak & Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, in its
/// exponential form), which is evaluated in place of the last weights.
final class WeightAverage: Sendable {
  /// The averages, one for each parameter.
  let values: [Tensor<Float>]
  private let parameters: [Parameter<Float>]
  private let decay: Double

  /// Begins with the present values of `parameters`; 1 - `decay` is the weight of the newest.
  init(_ parameters: [Parameter<Float>], decay: Double) {
    precondition((0..<1).contains(decay))
    self.parameters = parameters
    self.decay = decay
    values = parameters.map { parameter in
      let copy = Tensor<Float>(rows: parameter.value.rows, columns: parameter.value.columns)
      copy.copy(parameter.value, rows: parameter.value.rows)
      return copy
    }
  }

  /// The decay of step `step`, from 1: the first steps forget faster, so that initial values don't linger.
  func decay(step: Int) -> Double { min(decay, Double(1 + step) / Double(10 + step)) }

  /// Takes `range` of parameter `index`, counted row by row, into the average after `step`.
  func update(_ index: Int, values range: Range<Int>, step: Int) {
    OptimiserKernels.average(values[index], weights: parameters[index].value, values: range, decay: decay(step: step))
  }
}
