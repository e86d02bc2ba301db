/// A tensor that training learns, with the name and shape that it has in `model.safetensors` (``TensorSpecification``).
///
/// All threads read `value` during a step; the optimiser writes it between two barriers.
final class Parameter<Scalar: TrainingScalar>: Sendable {
  /// Name in `model.safetensors`.
  let name: String
  /// One size for a vector, two for a matrix `[rows, columns]`.
  let shape: [Int]
  /// The values; a vector is one row.
  let value: Tensor<Scalar>
  /// True where weight decay applies: matrices, not biases and norms (Loshchilov & Hutter 2019 leave it open; this is the usual split).
  let isDecayed: Bool
  /// True for a table of which a step may touch few rows, so that gradients and optimiser keep to those.
  let isTable: Bool

  /// A parameter of zeros.
  init(_ name: String, _ shape: [Int], isDecayed: Bool, isTable: Bool = false) {
    precondition(shape.count == 1 || shape.count == 2)
    self.name = name
    self.shape = shape
    value = Tensor(rows: shape.count == 1 ? 1 : shape[0], columns: shape[shape.count - 1])
    self.isDecayed = isDecayed
    self.isTable = isTable
  }
}

/// What one replica adds up for one parameter in a step.
final class Gradient<Scalar: TrainingScalar>: @unchecked Sendable {
  /// The sums, in the parameter's shape.
  let value: Tensor<Scalar>
  /// Rows that were touched since ``clear()``, in the order of their first touch; only for tables. Where ``isDense``, all of them were.
  private(set) var touched: [Int32] = []
  /// True where every row may differ from zero.
  private(set) var isDense: Bool
  private let startsDense: Bool
  private var isTouched: [Bool]

  /// Zeros for `parameter`.
  init(_ parameter: Parameter<Scalar>) {
    value = Tensor(rows: parameter.value.rows, columns: parameter.value.columns)
    startsDense = !parameter.isTable
    isDense = startsDense
    isTouched = parameter.isTable ? [Bool](repeating: false, count: parameter.value.rows) : []
    touched.reserveCapacity(isTouched.count)
  }

  /// Says that something is added to `row` of a table.
  func touch(_ row: Int) {
    guard !isDense, !isTouched[row] else { return }
    isTouched[row] = true
    touched.append(Int32(row))
  }

  /// Says that something is added to every row.
  func touchAll() { isDense = true }

  /// Sets everything to zero again. (The optimiser may have zeroed what it used: then `valuesAreZero`.)
  func clear(valuesAreZero: Bool = false) {
    if !valuesAreZero {
      if isDense {
        value.zero()
      } else {
        for row in touched { for column in 0..<value.columns { value[Int(row), column] = 0 } }
      }
    }
    for row in touched { isTouched[Int(row)] = false }
    touched.removeAll(keepingCapacity: true)
    isDense = startsDense
  }
}

/// The gradients of all parameters of a network, in their order: one set for each replica.
final class GradientSet<Scalar: TrainingScalar>: Sendable {
  /// One for each parameter.
  let gradients: [Gradient<Scalar>]

  /// Zeros for `parameters`.
  init(_ parameters: [Parameter<Scalar>]) { gradients = parameters.map(Gradient.init) }

  /// The gradient of parameter `index`.
  subscript(index: Int) -> Gradient<Scalar> { gradients[index] }
}
