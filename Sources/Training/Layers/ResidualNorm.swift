/// Where a block's branch joins the residual, and the LayerNorm that follows (Ba et al. 2016): x += dropout(z);
/// y = (x − mean) / √(variance + ε) · w + b, with the biased variance of each row. Without z, the LayerNorm alone.
///
/// Backwards, with n the normalised row, s = 1 / √(variance + ε), and dy the gradient of y: dw += dy ∘ n, db += dy, and with g = dy ∘ w,
/// dx += s (g − mean(g) − n · mean(g ∘ n)); dz is dx under the mask. A norm's weights, with the buffers of one replica.
final class ResidualNorm<Scalar: TrainingScalar> {
  /// y [rows, d]: what follows reads it, and its backward pass again.
  let output: Tensor<Scalar>
  private let weight: LearntTensor<Scalar>
  private let bias: LearntTensor<Scalar>
  private let buffers: NormBuffers<Scalar>
  private var dropout = DropoutMask.none

  /// The parameters `name.weight` and `name.bias`, for at most `rows` rows.
  init(_ name: String, of parameters: ParameterList<Scalar>, rows: Int, epsilon: Double) {
    weight = parameters["\(name).weight"]
    bias = parameters["\(name).bias"]
    let size = weight.value.count
    output = Tensor(rows: rows, columns: size)
    buffers = NormBuffers(
      weight: weight.value, bias: bias.value, normalised: Tensor(rows: rows, columns: size),
      inverse: Tensor(rows: 1, columns: rows), epsilon: epsilon)
  }

  /// Values of the buffers.
  static func values(rows: Int, size: Int) -> Int { rows * (2 * size + 1) }

  /// Adds the branch z [rows, d] to the residual x, where there is one, and normalises.
  func forward(_ x: Tensor<Scalar>, addend: Tensor<Scalar>?, dropout: DropoutMask, rows: Int) {
    self.dropout = dropout
    Scalar.residualNorm(buffers, rows: rows, x: x, addend: addend, dropout: dropout, into: output)
  }

  /// From the gradient of y to that of x, `adding` to what the residual brings, and that of z where there is one.
  func backward(
    _ gradient: Tensor<Scalar>, x: Tensor<Scalar>, adding: Bool, addend: Tensor<Scalar>?, rows: Int,
    gradients: GradientSet<Scalar>
  ) {
    Scalar.residualNormBackward(
      buffers, rows: rows, y: gradient, x: x, adding: adding, addend: addend, dropout: dropout,
      weight: weight.gradient(gradients), bias: bias.gradient(gradients))
  }
}
