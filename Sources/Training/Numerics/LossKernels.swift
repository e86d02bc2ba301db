private import CTraining

/// Kernels of losses: what lies between the products of hidden states and output rows.
protocol LossKernels: TensorElement {
  /// Cross-entropy of the softmax over `columns` scores of each of the first `rows` rows of `scores`, with the `bias` of each column added
  /// first; sets the scores to the gradient of their sum times `scale`. The wanted distribution is `1 - smoothing` at `targets[from + row]`
  /// and `smoothing / columns` everywhere. A score of minus infinity takes no part. Returns the sum of the rows' losses.
  static func softmax(
    _ scores: Tensor<Self>, rows: Int, columns: Int, targets: [Int32], from: Int, bias: Tensor<Self>?,
    smoothing: Double, scale: Double
  ) -> Double
  /// The first values of `sums` += the columns' sums over the rows of `scores`.
  static func addColumns(of scores: TensorSlice<Self>, to sums: Tensor<Self>)
}

/// Columns that `targets` name are columns of a row.
private func check(_ targets: ArraySlice<Int32>, columns: Int) {
  for target in targets { precondition(target >= 0 && Int(target) < columns) }
}

extension Float: LossKernels {
  static func softmax(
    _ scores: Tensor<Float>, rows: Int, columns: Int, targets: [Int32], from: Int, bias: Tensor<Float>?,
    smoothing: Double, scale: Double
  ) -> Double {
    precondition(rows <= scores.rows && columns <= scores.columns && columns > 0 && (bias?.count ?? columns) >= columns)
    check(targets[from..<from + rows], columns: columns)
    return unsafe targets.withUnsafeBufferPointer { targets in
      guard rows > 0, let first = targets.baseAddress else { return 0 }
      return unsafe training_softmax_f(
        scores.base, Int64(scores.columns), first + from, bias?.base, Int64(rows), Int64(columns), smoothing, scale)
    }
  }

  static func addColumns(of scores: TensorSlice<Float>, to sums: Tensor<Float>) {
    precondition(scores.columns <= sums.count)
    unsafe training_sum_columns_f(
      sums.base, scores.tensor.base + scores.offset, Int64(scores.stride), Int64(scores.rows), Int64(scores.columns))
  }
}

extension Double: LossKernels {
  static func softmax(
    _ scores: Tensor<Double>, rows: Int, columns: Int, targets: [Int32], from: Int, bias: Tensor<Double>?,
    smoothing: Double, scale: Double
  ) -> Double {
    precondition(rows <= scores.rows && columns <= scores.columns && columns > 0 && (bias?.count ?? columns) >= columns)
    check(targets[from..<from + rows], columns: columns)
    return unsafe targets.withUnsafeBufferPointer { targets in
      guard rows > 0, let first = targets.baseAddress else { return 0 }
      return unsafe training_softmax_d(
        scores.base, Int64(scores.columns), first + from, bias?.base, Int64(rows), Int64(columns), smoothing, scale)
    }
  }

  static func addColumns(of scores: TensorSlice<Double>, to sums: Tensor<Double>) {
    precondition(scores.columns <= sums.count)
    unsafe training_sum_columns_d(
      sums.base, scores.tensor.base + scores.offset, Int64(scores.stride), Int64(scores.rows), Int64(scores.columns))
  }
}
