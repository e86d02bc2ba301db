private import Foundation

/// The exponential moving average of weights (Polyak & Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, in its
/// exponential form), which is evaluated in place of the last weights.
final class WeightAverage: Sendable {
  /// Steps between two looks at the weights: a pass over all of them at each step would cost as much as the update.
  static let interval = 8

  /// The averages, one for each parameter; zero before the first look.
  let values: [Tensor<Float>]
  private let parameters: [Parameter<Float>]
  private let decay: Double

  /// For `parameters`; 1 - `decay` is the weight of the newest, had there been a look at every step.
  init(_ parameters: [Parameter<Float>], decay: Double) {
    precondition((0..<1).contains(decay))
    self.parameters = parameters
    self.decay = decay
    values = parameters.map { Tensor(rows: $0.value.rows, columns: $0.value.columns) }
  }

  /// The decay of look number `look`, from 1: the first one takes the weights as they are, and those after it forget faster, so that early
  /// weights don't linger.
  func decay(look: Int) -> Double {
    look <= 1 ? 0 : min(pow(decay, Double(WeightAverage.interval)), Double(look) / Double(9 + look))
  }

  /// Takes positions `range` of parameter `index`, counted row by row, into the average.
  func update(_ index: Int, values range: Range<Int>, decay: Double) {
    OptimiserKernels.average(values[index], weights: parameters[index].value, values: range, decay: decay)
  }

  /// Exchanges positions `range` of parameter `index` with their averages.
  func swap(_ index: Int, values range: Range<Int>) {
    TrainerKernels.swap(values[index], parameters[index].value, values: range)
  }
}
