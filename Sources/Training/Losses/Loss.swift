/// What hidden states are trained to do: score the item that came next above others. One a replica, with buffers of its own.
protocol Loss<Scalar>: AnyObject {
  associatedtype Scalar: TrainingScalar

  /// The loss summed over the rows of `input`; adds `input.scale` times its gradients to the hidden states' (overwriting what stood there) and
  /// to those of the output table.
  func evaluate(_ input: LossInput<Scalar>) -> Double
}

/// One replica's rows with a target, and what they are scored against.
struct LossInput<Scalar: TrainingScalar> {
  /// Hidden states `[count, o]`.
  var hidden: Tensor<Scalar>
  /// Number of rows.
  var count: Int
  /// The item that came next, for each row.
  var targets: [Int32]
  /// Items that the whole step shares as candidates: with session-parallel training the targets of all replicas and the sampled
  /// negatives, `targets` of this replica among them from ``firstTarget`` on. Empty for losses that don't use any.
  var candidates: [Int32] = []
  /// How many of ``candidates`` are targets; they come first, sampled negatives after them.
  var targetCandidates = 0
  /// Where this replica's targets stand in ``candidates``.
  var firstTarget = 0
  /// The output table `[V, o]`, and the sum of its gradients.
  var weight: (value: Tensor<Scalar>, gradient: Gradient<Scalar>)
  /// The bias of items `[V]`, where there is one.
  var bias: (value: Tensor<Scalar>, gradient: Gradient<Scalar>)?
  /// One over the targets of the whole step: gradients are of the mean.
  var scale: Scalar
  /// Where the gradient of the hidden states goes, `[count, o]`.
  var hiddenGradient: Tensor<Scalar>
  /// Draws negatives.
  var random: RandomStream
}
