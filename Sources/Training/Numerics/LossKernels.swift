private import CTraining

/// Kernels of losses: what lies between the products of hidden states and output rows.
///
/// `scores` are rows of scores, made into the gradients of the loss in place. Lists of targets and candidates are catalogue rows.
protocol LossKernels: TensorElement {
  /// Cross-entropy of the softmax over `columns` scores of each of the first `rows` rows, with the `bias` of each column added first;
  /// gradients are of their sum times `scale`. The wanted distribution is `1 - smoothing` at column `targets[from + row]` and
  /// `smoothing / columns` everywhere. Returns the sum of the rows' losses.
  static func softmax(
    _ scores: Tensor<Self>, rows: Int, columns: Int, targets: [Int32], from: Int, bias: Tensor<Self>?,
    smoothing: Double, scale: Double
  ) -> Double

  /// Generalised binary cross-entropy of each of the first `rows` rows: the scores of `negatives` items, to which `bias` is added first,
  /// then the target's. Returns the sum of the rows' `β log(1 + exp(-s⁺)) + Σ log(1 + exp(s⁻))`.
  static func gbce(
    _ scores: Tensor<Self>, rows: Int, negatives: Int, bias: Tensor<Self>?, beta: Double, scale: Double
  ) -> Double

  /// BPR-max of each of the first `rows` rows of `columns` scores, at least two, with `bias` added first; the target of a row is column
  /// `firstTarget + row`. `scratch` holds `2 · columns` values. Returns the sum of the rows' losses.
  static func bprMax(
    _ scores: Tensor<Self>, rows: Int, columns: Int, firstTarget: Int, bias: Tensor<Self>?, scratch: Tensor<Self>,
    regularisation: Double, scale: Double
  ) -> Double

  /// Sets scores far below all others where the column's candidate is the target `targets[from + row]`, so that they take no part; not those
  /// of column `own + row`, where that is the target itself.
  static func maskTargets(
    _ scores: Tensor<Self>, rows: Int, targets: [Int32], from: Int, candidates: [Int32], own: Int?)

  /// The first rows of `out` = the rows of `table` that `indexes[range]` name.
  static func gather(_ table: Tensor<Self>, _ indexes: [Int32], _ range: Range<Int>, into out: Tensor<Self>)

  /// The rows of `table` that `indexes[range]` name += the rows of `x` from `row` on, each times its value in the slice `factors` of one
  /// column, where there is one.
  static func scatterAdd(
    _ x: Tensor<Self>, row: Int, factors: TensorSlice<Self>?, _ indexes: [Int32], _ range: Range<Int>,
    to table: Tensor<Self>)

  /// Each value of the slice `out` of one column = a row of `a`, from `row` on, times the same row of `b`, from its first on.
  static func rowDots(_ a: Tensor<Self>, row: Int, _ b: Tensor<Self>, into out: TensorSlice<Self>)

  /// Each row of `y`, from `row` on, += a row of `x`, from its first on, times its value in the slice `factors` of one column.
  static func addScaledRows(_ x: Tensor<Self>, factors: TensorSlice<Self>, to y: Tensor<Self>, row: Int)
}

/// Where `indexes[range]` stand in memory, after a check that they are all below `bound`.
private func withIndexes<Answer>(
  _ indexes: [Int32], _ range: Range<Int>, below bound: Int, _ body: (UnsafePointer<Int32>) -> Answer
) -> Answer? {
  for index in indexes[range] { precondition(index >= 0 && Int(index) < bound) }
  return unsafe indexes.withUnsafeBufferPointer { indexes in
    guard !range.isEmpty, let first = indexes.baseAddress else { return nil }
    return unsafe body(first + range.lowerBound)
  }
}

extension Float: LossKernels {
  static func softmax(
    _ scores: Tensor<Float>, rows: Int, columns: Int, targets: [Int32], from: Int, bias: Tensor<Float>?,
    smoothing: Double, scale: Double
  ) -> Double {
    precondition(rows <= scores.rows && columns <= scores.columns && columns > 0 && (bias?.count ?? columns) >= columns)
    return unsafe withIndexes(targets, from..<from + rows, below: columns) { targets in
      unsafe training_softmax_f(
        scores.base, Int64(scores.columns), targets, bias?.base, Int64(rows), Int64(columns), smoothing, scale)
    } ?? 0
  }

  static func gbce(
    _ scores: Tensor<Float>, rows: Int, negatives: Int, bias: Tensor<Float>?, beta: Double, scale: Double
  ) -> Double {
    precondition(rows <= scores.rows && negatives < scores.columns && (bias?.count ?? negatives) >= negatives)
    return unsafe training_gbce_f(
      scores.base, Int64(scores.columns), bias?.base, Int64(rows), Int64(negatives), beta, scale)
  }

  static func bprMax(
    _ scores: Tensor<Float>, rows: Int, columns: Int, firstTarget: Int, bias: Tensor<Float>?, scratch: Tensor<Float>,
    regularisation: Double, scale: Double
  ) -> Double {
    precondition(rows <= scores.rows && columns <= scores.columns && columns > 1 && (bias?.count ?? columns) >= columns)
    precondition(firstTarget >= 0 && firstTarget + rows <= columns && scratch.count >= 2 * columns)
    return unsafe training_bpr_max_f(
      scores.base, Int64(scores.columns), bias?.base, scratch.base, Int64(firstTarget), Int64(rows), Int64(columns),
      regularisation, scale)
  }

  static func maskTargets(
    _ scores: Tensor<Float>, rows: Int, targets: [Int32], from: Int, candidates: [Int32], own: Int?
  ) {
    precondition(rows <= scores.rows && candidates.count <= scores.columns)
    precondition(own.map { $0 >= 0 && $0 + rows <= candidates.count } ?? true)
    unsafe withIndexes(targets, from..<from + rows, below: .max) { targets in
      unsafe withIndexes(candidates, 0..<candidates.count, below: .max) { candidate in
        unsafe training_mask_targets_f(
          scores.base, Int64(scores.columns), targets, candidate, Int64(own ?? -1), Int64(rows),
          Int64(candidates.count))
      }
    }
  }

  static func gather(_ table: Tensor<Float>, _ indexes: [Int32], _ range: Range<Int>, into out: Tensor<Float>) {
    precondition(range.count <= out.rows && table.columns == out.columns)
    unsafe withIndexes(indexes, range, below: table.rows) { indexes in
      unsafe training_gather_f(out.base, table.base, indexes, Int64(range.count), Int64(table.columns))
    }
  }

  static func scatterAdd(
    _ x: Tensor<Float>, row: Int, factors: TensorSlice<Float>?, _ indexes: [Int32], _ range: Range<Int>,
    to table: Tensor<Float>
  ) {
    precondition(row >= 0 && row + range.count <= x.rows && table.columns == x.columns)
    precondition((factors?.rows ?? range.count) == range.count)
    unsafe withIndexes(indexes, range, below: table.rows) { indexes in
      unsafe training_scatter_add_f(
        table.base, x.base + row * x.columns, factors.map { unsafe $0.tensor.base + $0.offset },
        Int64(factors?.stride ?? 0), indexes, Int64(range.count), Int64(table.columns))
    }
  }

  static func rowDots(_ a: Tensor<Float>, row: Int, _ b: Tensor<Float>, into out: TensorSlice<Float>) {
    precondition(row >= 0 && row + out.rows <= a.rows && out.rows <= b.rows && a.columns == b.columns)
    unsafe training_row_dots_f(
      out.tensor.base + out.offset, Int64(out.stride), a.base + row * a.columns, b.base, Int64(out.rows),
      Int64(a.columns))
  }

  static func addScaledRows(_ x: Tensor<Float>, factors: TensorSlice<Float>, to y: Tensor<Float>, row: Int) {
    precondition(row >= 0 && row + factors.rows <= y.rows && factors.rows <= x.rows && x.columns == y.columns)
    unsafe training_add_scaled_rows_f(
      y.base + row * y.columns, x.base, factors.tensor.base + factors.offset, Int64(factors.stride),
      Int64(factors.rows), Int64(x.columns))
  }
}

extension Double: LossKernels {
  static func softmax(
    _ scores: Tensor<Double>, rows: Int, columns: Int, targets: [Int32], from: Int, bias: Tensor<Double>?,
    smoothing: Double, scale: Double
  ) -> Double {
    precondition(rows <= scores.rows && columns <= scores.columns && columns > 0 && (bias?.count ?? columns) >= columns)
    return unsafe withIndexes(targets, from..<from + rows, below: columns) { targets in
      unsafe training_softmax_d(
        scores.base, Int64(scores.columns), targets, bias?.base, Int64(rows), Int64(columns), smoothing, scale)
    } ?? 0
  }

  static func gbce(
    _ scores: Tensor<Double>, rows: Int, negatives: Int, bias: Tensor<Double>?, beta: Double, scale: Double
  ) -> Double {
    precondition(rows <= scores.rows && negatives < scores.columns && (bias?.count ?? negatives) >= negatives)
    return unsafe training_gbce_d(
      scores.base, Int64(scores.columns), bias?.base, Int64(rows), Int64(negatives), beta, scale)
  }

  static func bprMax(
    _ scores: Tensor<Double>, rows: Int, columns: Int, firstTarget: Int, bias: Tensor<Double>?, scratch: Tensor<Double>,
    regularisation: Double, scale: Double
  ) -> Double {
    precondition(rows <= scores.rows && columns <= scores.columns && columns > 1 && (bias?.count ?? columns) >= columns)
    precondition(firstTarget >= 0 && firstTarget + rows <= columns && scratch.count >= 2 * columns)
    return unsafe training_bpr_max_d(
      scores.base, Int64(scores.columns), bias?.base, scratch.base, Int64(firstTarget), Int64(rows), Int64(columns),
      regularisation, scale)
  }

  static func maskTargets(
    _ scores: Tensor<Double>, rows: Int, targets: [Int32], from: Int, candidates: [Int32], own: Int?
  ) {
    precondition(rows <= scores.rows && candidates.count <= scores.columns)
    precondition(own.map { $0 >= 0 && $0 + rows <= candidates.count } ?? true)
    unsafe withIndexes(targets, from..<from + rows, below: .max) { targets in
      unsafe withIndexes(candidates, 0..<candidates.count, below: .max) { candidate in
        unsafe training_mask_targets_d(
          scores.base, Int64(scores.columns), targets, candidate, Int64(own ?? -1), Int64(rows),
          Int64(candidates.count))
      }
    }
  }

  static func gather(_ table: Tensor<Double>, _ indexes: [Int32], _ range: Range<Int>, into out: Tensor<Double>) {
    precondition(range.count <= out.rows && table.columns == out.columns)
    unsafe withIndexes(indexes, range, below: table.rows) { indexes in
      unsafe training_gather_d(out.base, table.base, indexes, Int64(range.count), Int64(table.columns))
    }
  }

  static func scatterAdd(
    _ x: Tensor<Double>, row: Int, factors: TensorSlice<Double>?, _ indexes: [Int32], _ range: Range<Int>,
    to table: Tensor<Double>
  ) {
    precondition(row >= 0 && row + range.count <= x.rows && table.columns == x.columns)
    precondition((factors?.rows ?? range.count) == range.count)
    unsafe withIndexes(indexes, range, below: table.rows) { indexes in
      unsafe training_scatter_add_d(
        table.base, x.base + row * x.columns, factors.map { unsafe $0.tensor.base + $0.offset },
        Int64(factors?.stride ?? 0), indexes, Int64(range.count), Int64(table.columns))
    }
  }

  static func rowDots(_ a: Tensor<Double>, row: Int, _ b: Tensor<Double>, into out: TensorSlice<Double>) {
    precondition(row >= 0 && row + out.rows <= a.rows && out.rows <= b.rows && a.columns == b.columns)
    unsafe training_row_dots_d(
      out.tensor.base + out.offset, Int64(out.stride), a.base + row * a.columns, b.base, Int64(out.rows),
      Int64(a.columns))
  }

  static func addScaledRows(_ x: Tensor<Double>, factors: TensorSlice<Double>, to y: Tensor<Double>, row: Int) {
    precondition(row >= 0 && row + factors.rows <= y.rows && factors.rows <= x.rows && x.columns == y.columns)
    unsafe training_add_scaled_rows_d(
      y.base + row * y.columns, x.base, factors.tensor.base + factors.offset, Int64(factors.stride),
      Int64(factors.rows), Int64(x.columns))
  }
}
