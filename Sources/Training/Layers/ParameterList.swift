import Sequential

/// A parameter as a layer holds it: its values, and its place among the network's gradients.
struct LearntTensor<Scalar: TrainingScalar>: Sendable {
  /// Index in ``Network/parameters``.
  let index: Int
  /// The values.
  let value: Tensor<Scalar>

  /// The sum of its gradients.
  func gradient(_ gradients: GradientSet<Scalar>) -> Tensor<Scalar> { gradients[index].value }
}

/// The parameters that a model directory asks for, in its order, by name.
struct ParameterList<Scalar: TrainingScalar>: Sendable {
  /// All of them, zeros at first.
  let parameters: [Parameter<Scalar>]
  private let indices: [String: Int]

  /// Those of ``ModelConfiguration/tensors``. Tables are those with a row for each item; matrices decay.
  init(_ configuration: ModelConfiguration) {
    parameters = configuration.tensors.map { tensor in
      let isMatrix = tensor.shape.count == 2
      let isTable = isMatrix && ["item_embedding.weight", "input.weight", "output.weight"].contains(tensor.name)
      return Parameter(tensor.name, tensor.shape, isDecayed: isMatrix, isTable: isTable)
    }
    indices = Dictionary(uniqueKeysWithValues: parameters.enumerated().map { ($1.name, $0) })
  }

  /// The parameter `name`, or nil where the model has none.
  func find(_ name: String) -> LearntTensor<Scalar>? {
    indices[name].map { LearntTensor(index: $0, value: parameters[$0].value) }
  }

  /// The parameter `name`, which the model has.
  subscript(name: String) -> LearntTensor<Scalar> {
    guard let found = find(name) else { preconditionFailure("the model has no parameter \(name)") }
    return found
  }
}
