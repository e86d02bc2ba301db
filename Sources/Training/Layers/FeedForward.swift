import Sequential

/// z = W₂ dropout(act(W₁ y + b₁)) + b₂ (Vaswani et al. 2017, section 3.3), act being ReLU or GELU, with the buffers of one replica.
///
/// Backwards: through W₂ (see ``Linear``), then dh = da ∘ mask ∘ act′(h), then through W₁. Of ReLU only what came out is kept: it is above zero
/// exactly where neither the activation nor dropout cut.
final class FeedForward<Scalar: TrainingScalar> {
  private let inner: Linear<Scalar>
  private let outer: Linear<Scalar>
  private let activated: Tensor<Scalar>
  /// What went into GELU; ReLU works in place.
  private let entered: Tensor<Scalar>?
  private var dropout = DropoutMask.none

  /// The parameters of `prefix.in` and `prefix.out`, for at most `rows` rows.
  init(_ prefix: String, of parameters: ParameterList<Scalar>, rows: Int, activation: SASRecConfiguration.Activation) {
    inner = Linear("\(prefix).in", of: parameters)
    outer = Linear("\(prefix).out", of: parameters)
    let size = inner.bias.value.count
    activated = Tensor(rows: rows, columns: size)
    entered = activation == .gelu ? Tensor(rows: rows, columns: size) : nil
  }

  /// Values of the buffers.
  static func values(rows: Int, size: Int, activation: SASRecConfiguration.Activation) -> Int {
    rows * size * (activation == .gelu ? 2 : 1)
  }

  /// From y [rows, d] to z [rows, d].
  func forward(_ y: Tensor<Scalar>, into z: Tensor<Scalar>, dropout: DropoutMask, rows: Int) {
    self.dropout = dropout
    let count = rows * activated.columns
    inner.forward(y.slice(rows: rows), into: (entered ?? activated).slice(rows: rows))
    if let entered {
      Scalar.gelu(entered, into: activated, count: count, dropout: dropout)
    } else {
      Scalar.relu(activated, count: count, dropout: dropout)
    }
    outer.forward(activated.slice(rows: rows), into: z.slice(rows: rows))
  }

  /// From the gradient of z, and y as it was, to the gradient of y; `scratch` [rows, f] is for the activation's.
  func backward(
    _ gradient: Tensor<Scalar>, y: Tensor<Scalar>, into yGradient: Tensor<Scalar>, scratch: Tensor<Scalar>, rows: Int,
    gradients: GradientSet<Scalar>
  ) {
    let count = rows * activated.columns
    outer.backward(
      gradient.slice(rows: rows), x: activated.slice(rows: rows), into: scratch.slice(rows: rows), adding: false,
      gradients: gradients)
    if let entered {
      Scalar.geluBackward(scratch, x: entered, count: count, dropout: dropout)
    } else {
      Scalar.reluBackward(scratch, y: activated, count: count, dropout: dropout)
    }
    inner.backward(
      scratch.slice(rows: rows), x: y.slice(rows: rows), into: yGradient.slice(rows: rows), adding: false,
      gradients: gradients)
  }
}
