/// y = x Wᵀ + b.
///
/// Backwards, with dy the gradient of y: dW += dyᵀ x, db += Σ_r dy_r, dx = dy W.
struct Linear<Scalar: TrainingScalar>: Sendable {
  /// W [out, in].
  let weight: LearntTensor<Scalar>
  /// b [out].
  let bias: LearntTensor<Scalar>

  /// The parameters `name.weight` and `name.bias`.
  init(_ name: String, of parameters: ParameterList<Scalar>) {
    weight = parameters["\(name).weight"]
    bias = parameters["\(name).bias"]
  }

  /// From x [n, in] to y [n, out].
  func forward(_ x: TensorSlice<Scalar>, into y: TensorSlice<Scalar>) {
    Scalar.fillRows(y, with: bias.value)
    Scalar.multiply(
      x, transposed: false, weight.value.slice(rows: weight.value.rows), transposed: true, into: y, alpha: 1, beta: 1)
  }

  /// From y's gradient [n, out], and x as it was, to x's: instead of what stands there, or `adding` to it.
  func backward(
    _ gradient: TensorSlice<Scalar>, x: TensorSlice<Scalar>, into xGradient: TensorSlice<Scalar>, adding: Bool,
    gradients: GradientSet<Scalar>
  ) {
    let to = weight.gradient(gradients)
    Scalar.multiply(gradient, transposed: true, x, transposed: false, into: to.slice(rows: to.rows), alpha: 1, beta: 1)
    Scalar.sumRows(gradient, into: bias.gradient(gradients))
    Scalar.multiply(
      gradient, transposed: false, weight.value.slice(rows: weight.value.rows), transposed: false, into: xGradient,
      alpha: 1, beta: adding ? 1 : 0)
  }
}
