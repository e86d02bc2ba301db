private import CTraining

/// Element-wise kernels that layers share.
protocol LayerKernels: TensorElement {
  /// The first `count` values of y += those of x.
  static func add(_ x: Tensor<Self>, to y: Tensor<Self>, count: Int)
  /// Each of the first `rows` rows of y += the vector `bias`.
  static func addBias(_ bias: Tensor<Self>, to y: Tensor<Self>, rows: Int)
  /// The vector `sum` += each of the first `rows` rows of x.
  static func sumRows(_ x: Tensor<Self>, rows: Int, into sum: Tensor<Self>)
}

extension Float: LayerKernels {
  static func add(_ x: Tensor<Float>, to y: Tensor<Float>, count: Int) {
    precondition(count <= x.count && count <= y.count)
    unsafe training_add_f(y.base, x.base, Int64(count))
  }

  static func addBias(_ bias: Tensor<Float>, to y: Tensor<Float>, rows: Int) {
    precondition(rows <= y.rows && bias.count == y.columns)
    unsafe training_add_bias_f(y.base, bias.base, Int64(rows), Int64(y.columns))
  }

  static func sumRows(_ x: Tensor<Float>, rows: Int, into sum: Tensor<Float>) {
    precondition(rows <= x.rows && sum.count == x.columns)
    unsafe training_sum_rows_f(sum.base, x.base, Int64(rows), Int64(x.columns))
  }
}

extension Double: LayerKernels {
  static func add(_ x: Tensor<Double>, to y: Tensor<Double>, count: Int) {
    precondition(count <= x.count && count <= y.count)
    unsafe training_add_d(y.base, x.base, Int64(count))
  }

  static func addBias(_ bias: Tensor<Double>, to y: Tensor<Double>, rows: Int) {
    precondition(rows <= y.rows && bias.count == y.columns)
    unsafe training_add_bias_d(y.base, bias.base, Int64(rows), Int64(y.columns))
  }

  static func sumRows(_ x: Tensor<Double>, rows: Int, into sum: Tensor<Double>) {
    precondition(rows <= x.rows && sum.count == x.columns)
    unsafe training_sum_rows_d(sum.base, x.base, Int64(rows), Int64(x.columns))
  }
}
