import Sequential

extension Network where Scalar == Float {
  /// A copy of the parameters, as a model directory holds them.
  func weights() -> Weights {
    var tensors: [String: Matrix] = [:]
    for parameter in parameters {
      let value = parameter.value
      var storage = AlignedBuffer<Float>(count: value.count, repeating: 0)
      for index in 0..<value.count { storage[index] = value[index] }
      tensors[parameter.name] = Matrix(rows: value.rows, columns: value.columns, storage: storage)
    }
    return Weights(tensors)
  }

  /// Sets the parameters to `weights`, of a model of the same form.
  ///
  /// Its catalogue may be shorter than the network's: then the first rows of what has one for each item are set, and the others stay as they
  /// are.
  func load(_ weights: Weights) {
    for parameter in parameters {
      guard let matrix = weights[parameter.name] else {
        preconditionFailure("the model lacks \(parameter.name); ModelDirectory checks that")
      }
      let value = parameter.value
      if parameter.isTable {
        precondition(matrix.columns == value.columns && matrix.rows <= value.rows)
      } else if parameter.name == "output.bias" {
        precondition(matrix.rows == 1 && matrix.columns <= value.columns)
      } else {
        precondition(matrix.columns == value.columns && matrix.rows == value.rows)
      }
      for row in 0..<matrix.rows {
        for column in 0..<matrix.columns { value[row, column] = matrix[row, column] }
      }
    }
  }
}
