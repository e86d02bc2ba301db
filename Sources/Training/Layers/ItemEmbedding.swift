/// x_r = dropout(E[item of r] + P[place of r in its sequence]); P, the learnt positions from the window's start, only where there are any.
///
/// Backwards: the gradient under the same mask is added to row `item of r` of E's and row `place of r` of P's, r by r.
struct ItemEmbedding<Scalar: TrainingScalar>: Sendable {
  /// E [V, d].
  let items: LearntTensor<Scalar>
  /// P [L, d].
  let positions: LearntTensor<Scalar>?

  /// The parameters `item_embedding.weight` and, where there is one, `position_embedding.weight`.
  init(of parameters: ParameterList<Scalar>) {
    items = parameters["item_embedding.weight"]
    positions = parameters.find("position_embedding.weight")
  }

  /// Rows of all items of `batch` to x [n, d].
  func forward(_ batch: PackedBatch, dropout: DropoutMask, into x: Tensor<Scalar>) {
    Scalar.embed(batch, table: items.value, positions: positions?.value, dropout: dropout, into: x)
  }

  /// Adds the gradient of x, which it overwrites, to those of the tables.
  func backward(
    _ gradient: Tensor<Scalar>, _ batch: PackedBatch, dropout: DropoutMask, gradients: GradientSet<Scalar>
  ) {
    let table = gradients[items.index]
    for item in batch.items { table.touch(Int(item)) }
    Scalar.embedBackward(
      batch, gradient: gradient, dropout: dropout, table: table.value, positions: positions?.gradient(gradients))
  }
}
