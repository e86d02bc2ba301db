private import CTraining

/// Which elements dropout zeroes (Srivastava et al. 2014): a hash of a key and an element's place decides, so that the backward pass finds the
/// same ones without a stored mask. Those that are kept are divided by the share that is kept.
struct DropoutMask: Sendable {
  /// Key of the hash.
  let key: UInt64
  /// Elements whose 32 bits are below it are dropped; 0 for none.
  let threshold: UInt32
  /// 1 / (1 − rate).
  let scale: Double

  /// Nothing is dropped.
  static let none = DropoutMask(0, nil, part: 0)

  /// Drops `rate` of the elements, 0..<1, by a stream of its own for `part`; nothing without a stream.
  init(_ rate: Double, _ stream: RandomStream?, part: Int) {
    precondition(rate >= 0 && rate < 1)
    guard let stream, rate > 0 else {
      (key, threshold, scale) = (0, 0, 1)
      return
    }
    key = stream.child(part).key
    threshold = UInt32(rate * 0x1p32)
    scale = 1 / (1 - rate)
  }

  /// True where some elements are dropped.
  var drops: Bool { threshold != 0 }
}

/// Element-wise kernels that layers share. Of tensors that have more rows than are said, the first are meant.
protocol LayerKernels: TensorElement {
  /// Each of the first `rows` rows of y += the vector `bias`.
  static func addBias(_ bias: Tensor<Self>, to y: Tensor<Self>, rows: Int)
  /// The vector `sum` += each of the first `rows` rows of x.
  static func sumRows(_ x: Tensor<Self>, rows: Int, into sum: Tensor<Self>)
  /// Each row of y = the vector `row`.
  static func fillRows(_ y: TensorSlice<Self>, with row: Tensor<Self>)
  /// The first values of the vector `sum` += each row of x.
  static func sumRows(_ x: TensorSlice<Self>, into sum: Tensor<Self>)

  /// x += dropout(addend), where there is one; then y = LayerNorm(x), for the first `rows` rows.
  static func residualNorm(
    _ norm: NormBuffers<Self>, rows: Int, x: Tensor<Self>, addend: Tensor<Self>?, dropout: DropoutMask,
    into y: Tensor<Self>)
  /// The same backwards: from y's gradient to x's, added to what stands there or instead of it, and to the addend's.
  static func residualNormBackward(
    _ norm: NormBuffers<Self>, rows: Int, y: Tensor<Self>, x: Tensor<Self>, adding: Bool, addend: Tensor<Self>?,
    dropout: DropoutMask, weight: Tensor<Self>, bias: Tensor<Self>)

  /// The first `rows` rows of `target`, at `targetIndex` where there is one, become those of `source`, at `sourceIndex` where there is one.
  /// A negative index of the source stands for zeros, one of the target for nowhere.
  static func copyRows(
    _ rows: Int, of source: Tensor<Self>, at sourceIndex: [Int32]?, to target: Tensor<Self>, at targetIndex: [Int32]?)
  /// x = dropout(x), the first `count` values; the same for the gradient.
  static func drop(_ x: Tensor<Self>, count: Int, dropout: DropoutMask)
  /// x = dropout(max(x, 0)), the first `count` values.
  static func relu(_ x: Tensor<Self>, count: Int, dropout: DropoutMask)
  /// The gradient through both, in place, from y, what came out.
  static func reluBackward(_ gradient: Tensor<Self>, y: Tensor<Self>, count: Int, dropout: DropoutMask)
  /// y = dropout(x Φ(x)), the first `count` values.
  static func gelu(_ x: Tensor<Self>, into y: Tensor<Self>, count: Int, dropout: DropoutMask)
  /// The gradient through both, in place, from x, what came in.
  static func geluBackward(_ gradient: Tensor<Self>, x: Tensor<Self>, count: Int, dropout: DropoutMask)

  /// x_r = dropout(table[item of r] + positions[place of r in its sequence]) for all rows of `batch`.
  static func embed(
    _ batch: PackedBatch, table: Tensor<Self>, positions: Tensor<Self>?, dropout: DropoutMask, into x: Tensor<Self>)
  /// Adds the gradient of x, which it overwrites, to those of the tables.
  static func embedBackward(
    _ batch: PackedBatch, gradient: Tensor<Self>, dropout: DropoutMask, table: Tensor<Self>, positions: Tensor<Self>?)
}

/// The weights of a LayerNorm, and what its forward pass keeps for the backward one.
struct NormBuffers<Scalar: TensorElement>: Sendable {
  /// Factor [d].
  let weight: Tensor<Scalar>
  /// Addend [d].
  let bias: Tensor<Scalar>
  /// (x − mean) / √(variance + ε), [rows, d].
  let normalised: Tensor<Scalar>
  /// 1 / √(variance + ε), [1, rows].
  let inverse: Tensor<Scalar>
  /// ε.
  let epsilon: Double

  func check(rows: Int, _ tensors: [Tensor<Scalar>?]) {
    let columns = weight.count
    precondition(bias.count == columns && normalised.columns == columns && inverse.count >= rows)
    precondition(rows <= normalised.rows)
    for case let tensor? in tensors { precondition(tensor.columns == columns && tensor.rows >= rows) }
  }
}

extension PackedBatch {
  /// Traps where an item is not in a table of `rows`, or a sequence is longer than `length`: kernels rely on it.
  func check(rows tableRows: Int, length: Int) {
    precondition(starts.first == 0 && starts.last == Int32(items.count))
    var (least, greatest) = (Int32(0), Int32(-1))
    for item in items { (least, greatest) = (min(least, item), max(greatest, item)) }
    precondition(least >= 0 && Int(greatest) < tableRows)
    for index in 0..<sequences {
      precondition(starts[index] <= starts[index + 1] && Int(starts[index + 1] - starts[index]) <= length)
    }
  }
}

/// True where the first `rows` of `index`, or those numbers themselves, are rows of a tensor with `limit` rows.
private func areRows(_ rows: Int, _ index: [Int32]?, limit: Int) -> Bool {
  guard let index else { return rows <= limit }
  return rows <= index.count && index[..<rows].allSatisfy { $0 < limit }
}

extension DropoutMask {
  fileprivate var forC: training_dropout { training_dropout(key: key, threshold: threshold, scale: scale) }
}

extension Float: LayerKernels {
  static func addBias(_ bias: Tensor<Float>, to y: Tensor<Float>, rows: Int) {
    precondition(rows <= y.rows && bias.count == y.columns)
    unsafe training_add_bias_f(y.base, bias.base, Int64(rows), Int64(y.columns))
  }

  static func sumRows(_ x: Tensor<Float>, rows: Int, into sum: Tensor<Float>) {
    sumRows(x.slice(rows: rows), into: sum)
  }

  static func fillRows(_ y: TensorSlice<Float>, with row: Tensor<Float>) {
    precondition(row.count == y.columns)
    unsafe training_fill_rows_f(
      y.tensor.base + y.offset, Int64(y.stride), row.base, Int64(y.rows), Int64(y.columns))
  }

  static func sumRows(_ x: TensorSlice<Float>, into sum: Tensor<Float>) {
    precondition(sum.count >= x.columns)
    unsafe training_sum_strided_f(
      sum.base, x.tensor.base + x.offset, Int64(x.stride), Int64(x.rows), Int64(x.columns))
  }

  static func residualNorm(
    _ norm: NormBuffers<Float>, rows: Int, x: Tensor<Float>, addend: Tensor<Float>?, dropout: DropoutMask,
    into y: Tensor<Float>
  ) {
    norm.check(rows: rows, [x, addend, y])
    var buffers = unsafe forC(norm, rows, dropout)
    unsafe training_residual_norm_f(&buffers, x.base, addend?.base, norm.epsilon, y.base)
  }

  static func residualNormBackward(
    _ norm: NormBuffers<Float>, rows: Int, y: Tensor<Float>, x: Tensor<Float>, adding: Bool, addend: Tensor<Float>?,
    dropout: DropoutMask, weight: Tensor<Float>, bias: Tensor<Float>
  ) {
    norm.check(rows: rows, [x, addend, y])
    precondition(weight.count == norm.weight.count && bias.count == norm.weight.count)
    var buffers = unsafe forC(norm, rows, dropout)
    unsafe training_residual_norm_backward_f(
      &buffers, y.base, x.base, adding ? 1 : 0, addend?.base, weight.base, bias.base)
  }

  private static func forC(_ norm: NormBuffers<Float>, _ rows: Int, _ dropout: DropoutMask) -> training_norm_f {
    unsafe training_norm_f(
      rows: Int64(rows), columns: Int64(norm.weight.count), weight: norm.weight.base, bias: norm.bias.base,
      normalised: norm.normalised.base, inverse: norm.inverse.base, dropout: dropout.forC)
  }

  static func copyRows(
    _ rows: Int, of source: Tensor<Float>, at sourceIndex: [Int32]?, to target: Tensor<Float>, at targetIndex: [Int32]?
  ) {
    precondition(source.columns == target.columns && areRows(rows, sourceIndex, limit: source.rows))
    precondition(areRows(rows, targetIndex, limit: target.rows))
    unsafe training_copy_rows_f(
      target.base, targetIndex, source.base, sourceIndex, Int64(rows), Int64(source.columns))
  }

  static func drop(_ x: Tensor<Float>, count: Int, dropout: DropoutMask) {
    precondition(count <= x.count)
    unsafe training_drop_f(x.base, Int64(count), dropout.forC)
  }

  static func relu(_ x: Tensor<Float>, count: Int, dropout: DropoutMask) {
    precondition(count <= x.count)
    unsafe training_relu_f(x.base, Int64(count), dropout.forC)
  }

  static func reluBackward(_ gradient: Tensor<Float>, y: Tensor<Float>, count: Int, dropout: DropoutMask) {
    precondition(count <= gradient.count && count <= y.count)
    unsafe training_relu_backward_f(gradient.base, y.base, Int64(count), dropout.scale)
  }

  static func gelu(_ x: Tensor<Float>, into y: Tensor<Float>, count: Int, dropout: DropoutMask) {
    precondition(count <= x.count && count <= y.count)
    unsafe training_gelu_f(x.base, y.base, Int64(count), dropout.forC)
  }

  static func geluBackward(_ gradient: Tensor<Float>, x: Tensor<Float>, count: Int, dropout: DropoutMask) {
    precondition(count <= gradient.count && count <= x.count)
    unsafe training_gelu_backward_f(gradient.base, x.base, Int64(count), dropout.forC)
  }

  static func embed(
    _ batch: PackedBatch, table: Tensor<Float>, positions: Tensor<Float>?, dropout: DropoutMask, into x: Tensor<Float>
  ) {
    precondition(x.columns == table.columns && x.rows >= batch.rows)
    precondition(positions == nil || positions?.columns == table.columns)
    batch.check(rows: table.rows, length: positions?.rows ?? batch.rows)
    unsafe batch.starts.withUnsafeBufferPointer { starts in
      unsafe training_embed_f(
        x.base, Int64(x.columns), table.base, batch.items, positions?.base,
        training_sequences(starts: starts.baseAddress, count: Int64(batch.sequences)), dropout.forC)
    }
  }

  static func embedBackward(
    _ batch: PackedBatch, gradient: Tensor<Float>, dropout: DropoutMask, table: Tensor<Float>, positions: Tensor<Float>?
  ) {
    precondition(gradient.columns == table.columns && gradient.rows >= batch.rows)
    precondition(positions == nil || positions?.columns == table.columns)
    batch.check(rows: table.rows, length: positions?.rows ?? batch.rows)
    unsafe batch.starts.withUnsafeBufferPointer { starts in
      unsafe training_embed_backward_f(
        gradient.base, Int64(gradient.columns), table.base, batch.items, positions?.base,
        training_sequences(starts: starts.baseAddress, count: Int64(batch.sequences)), dropout.forC)
    }
  }
}

extension Double: LayerKernels {
  static func addBias(_ bias: Tensor<Double>, to y: Tensor<Double>, rows: Int) {
    precondition(rows <= y.rows && bias.count == y.columns)
    unsafe training_add_bias_d(y.base, bias.base, Int64(rows), Int64(y.columns))
  }

  static func sumRows(_ x: Tensor<Double>, rows: Int, into sum: Tensor<Double>) {
    sumRows(x.slice(rows: rows), into: sum)
  }

  static func fillRows(_ y: TensorSlice<Double>, with row: Tensor<Double>) {
    precondition(row.count == y.columns)
    unsafe training_fill_rows_d(
      y.tensor.base + y.offset, Int64(y.stride), row.base, Int64(y.rows), Int64(y.columns))
  }

  static func sumRows(_ x: TensorSlice<Double>, into sum: Tensor<Double>) {
    precondition(sum.count >= x.columns)
    unsafe training_sum_strided_d(
      sum.base, x.tensor.base + x.offset, Int64(x.stride), Int64(x.rows), Int64(x.columns))
  }

  static func residualNorm(
    _ norm: NormBuffers<Double>, rows: Int, x: Tensor<Double>, addend: Tensor<Double>?, dropout: DropoutMask,
    into y: Tensor<Double>
  ) {
    norm.check(rows: rows, [x, addend, y])
    var buffers = unsafe forC(norm, rows, dropout)
    unsafe training_residual_norm_d(&buffers, x.base, addend?.base, norm.epsilon, y.base)
  }

  static func residualNormBackward(
    _ norm: NormBuffers<Double>, rows: Int, y: Tensor<Double>, x: Tensor<Double>, adding: Bool, addend: Tensor<Double>?,
    dropout: DropoutMask, weight: Tensor<Double>, bias: Tensor<Double>
  ) {
    norm.check(rows: rows, [x, addend, y])
    precondition(weight.count == norm.weight.count && bias.count == norm.weight.count)
    var buffers = unsafe forC(norm, rows, dropout)
    unsafe training_residual_norm_backward_d(
      &buffers, y.base, x.base, adding ? 1 : 0, addend?.base, weight.base, bias.base)
  }

  private static func forC(_ norm: NormBuffers<Double>, _ rows: Int, _ dropout: DropoutMask) -> training_norm_d {
    unsafe training_norm_d(
      rows: Int64(rows), columns: Int64(norm.weight.count), weight: norm.weight.base, bias: norm.bias.base,
      normalised: norm.normalised.base, inverse: norm.inverse.base, dropout: dropout.forC)
  }

  static func copyRows(
    _ rows: Int, of source: Tensor<Double>, at sourceIndex: [Int32]?, to target: Tensor<Double>,
    at targetIndex: [Int32]?
  ) {
    precondition(source.columns == target.columns && areRows(rows, sourceIndex, limit: source.rows))
    precondition(areRows(rows, targetIndex, limit: target.rows))
    unsafe training_copy_rows_d(
      target.base, targetIndex, source.base, sourceIndex, Int64(rows), Int64(source.columns))
  }

  static func drop(_ x: Tensor<Double>, count: Int, dropout: DropoutMask) {
    precondition(count <= x.count)
    unsafe training_drop_d(x.base, Int64(count), dropout.forC)
  }

  static func relu(_ x: Tensor<Double>, count: Int, dropout: DropoutMask) {
    precondition(count <= x.count)
    unsafe training_relu_d(x.base, Int64(count), dropout.forC)
  }

  static func reluBackward(_ gradient: Tensor<Double>, y: Tensor<Double>, count: Int, dropout: DropoutMask) {
    precondition(count <= gradient.count && count <= y.count)
    unsafe training_relu_backward_d(gradient.base, y.base, Int64(count), dropout.scale)
  }

  static func gelu(_ x: Tensor<Double>, into y: Tensor<Double>, count: Int, dropout: DropoutMask) {
    precondition(count <= x.count && count <= y.count)
    unsafe training_gelu_d(x.base, y.base, Int64(count), dropout.forC)
  }

  static func geluBackward(_ gradient: Tensor<Double>, x: Tensor<Double>, count: Int, dropout: DropoutMask) {
    precondition(count <= gradient.count && count <= x.count)
    unsafe training_gelu_backward_d(gradient.base, x.base, Int64(count), dropout.forC)
  }

  static func embed(
    _ batch: PackedBatch, table: Tensor<Double>, positions: Tensor<Double>?, dropout: DropoutMask,
    into x: Tensor<Double>
  ) {
    precondition(x.columns == table.columns && x.rows >= batch.rows)
    precondition(positions == nil || positions?.columns == table.columns)
    batch.check(rows: table.rows, length: positions?.rows ?? batch.rows)
    unsafe batch.starts.withUnsafeBufferPointer { starts in
      unsafe training_embed_d(
        x.base, Int64(x.columns), table.base, batch.items, positions?.base,
        training_sequences(starts: starts.baseAddress, count: Int64(batch.sequences)), dropout.forC)
    }
  }

  static func embedBackward(
    _ batch: PackedBatch, gradient: Tensor<Double>, dropout: DropoutMask, table: Tensor<Double>,
    positions: Tensor<Double>?
  ) {
    precondition(gradient.columns == table.columns && gradient.rows >= batch.rows)
    precondition(positions == nil || positions?.columns == table.columns)
    batch.check(rows: table.rows, length: positions?.rows ?? batch.rows)
    unsafe batch.starts.withUnsafeBufferPointer { starts in
      unsafe training_embed_backward_d(
        gradient.base, Int64(gradient.columns), table.base, batch.items, positions?.base,
        training_sequences(starts: starts.baseAddress, count: Int64(batch.sequences)), dropout.forC)
    }
  }
}
