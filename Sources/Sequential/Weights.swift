/// The weights of a model by name, in fp32; a vector is a matrix of one row. ``ModelDirectory`` reads and checks them.
public struct Weights: Sendable {
  private let tensors: [String: Matrix]

  /// The weights of `tensors`.
  public init(_ tensors: [String: Matrix]) { self.tensors = tensors }

  /// The tensor `name`, or nil where the model has none.
  public subscript(name: String) -> Matrix? { tensors[name] }

  /// The names, sorted.
  public var names: [String] { tensors.keys.sorted() }

  /// The number of values in all tensors.
  public var parameterCount: Int { tensors.values.reduce(0) { $0 + $1.rows * $1.columns } }
}
