/// Moves parameters against their gradients. One for the whole training; threads update different values side by side.
protocol Optimiser: AnyObject, Sendable {
  /// What it remembers, in a fixed order, for resuming: a name and its tensor.
  var state: [(name: String, tensor: Tensor<Float>)] { get }

  /// Updates `values`, positions in parameter `index` counted row by row, by the sum over `gradients` (one a replica, in their order) times
  /// `update.scale`, and sets what it used of the gradients to zero.
  func update(_ index: Int, values: Range<Int>, gradients: [Tensor<Float>], _ update: OptimiserUpdate)
}

/// What holds for all parameters in one step.
struct OptimiserUpdate: Sendable {
  /// The step, from 1: bias corrections depend on it.
  var step: Int
  /// Learning rate of this step, by the schedule.
  var learningRate: Double
  /// Factor of the gradients: below 1 where their norm is clipped.
  var scale: Double
}
