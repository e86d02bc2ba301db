/// Causal multi-head self-attention (Vaswani et al. 2017, section 3.2) over packed sequences, with the buffers of one replica.
///
/// With Q, K, V = y W_qᵀ + b_q, … of a sequence, split into h heads of d/h columns, and for each head
/// A = softmax(Q Kᵀ / √(d/h)) over the places up to the row's own, Ã = dropout(A), O = Ã V; then z = O W_oᵀ + b_o of all heads side by side.
///
/// Backwards, with dO from W_o: dV = Ãᵀ dO; dÃ = dO Vᵀ; dA is dÃ under the mask; dS = A ∘ (dA − Σ_j A ∘ dA); dQ = dS K / √(d/h);
/// dK = dSᵀ Q / √(d/h). A is kept, with a minus sign where dropped: rows × longest sequence for each head.
final class SelfAttention<Scalar: TrainingScalar> {
  private let projections: [Linear<Scalar>]
  private let outer: Linear<Scalar>
  private let heads: Int
  private let rotary: RotaryPositions<Scalar>?
  /// Q, K and V side by side [rows, 3d].
  private let projected: Tensor<Scalar>
  /// A [rows · h, length]: the heads of a sequence one after the other.
  private let probabilities: Tensor<Scalar>
  /// O [rows, d].
  private let mixed: Tensor<Scalar>
  private let scratch: AttentionScratch<Scalar>
  private var dropout = DropoutMask.none

  private var size: Int { mixed.columns / heads }
  private var scale: Scalar { 1 / Scalar(size).squareRoot() }

  /// The parameters of `prefix.query`, `.key`, `.value` and `.output`, for batches of at most `capacity`.
  init(
    _ prefix: String, of parameters: ParameterList<Scalar>, heads: Int, rotary: RotaryPositions<Scalar>?,
    capacity: BatchCapacity, scratch: AttentionScratch<Scalar>
  ) {
    projections = ["query", "key", "value"].map { Linear("\(prefix).\($0)", of: parameters) }
    outer = Linear("\(prefix).output", of: parameters)
    self.heads = heads
    self.rotary = rotary
    self.scratch = scratch
    let width = outer.bias.value.count
    precondition(width % heads == 0)
    projected = Tensor(rows: capacity.rows, columns: 3 * width)
    probabilities = Tensor(rows: capacity.rows * heads, columns: capacity.length)
    mixed = Tensor(rows: capacity.rows, columns: width)
  }

  /// Values of the buffers.
  static func values(_ capacity: BatchCapacity, width: Int, heads: Int) -> Int {
    capacity.rows * (4 * width + heads * capacity.length)
  }

  /// From y [n, d] to z [n, d].
  func forward(_ y: Tensor<Scalar>, into z: Tensor<Scalar>, dropout: DropoutMask, _ batch: PackedBatch) {
    let (rows, width) = (batch.rows, mixed.columns)
    precondition(rows <= mixed.rows)
    self.dropout = dropout
    for (index, projection) in projections.enumerated() {
      projection.forward(
        y.slice(rows: rows), into: projected.slice(column: index * width, rows: rows, columns: width))
    }
    rotary?.forward(projected, heads: 2 * heads, batch)
    for sequence in 0..<batch.sequences {
      for head in 0..<heads { forward(Head(batch, sequence, head, width: width, size: size)) }
    }
    outer.forward(mixed.slice(rows: rows), into: z.slice(rows: rows))
  }

  /// Block after block of rows, each with the columns up to its own: the products above that are never computed.
  private func forward(_ head: Head) {
    for rows in head.blocks {
      let seen = 0..<rows.upperBound
      let scores = head.scores(probabilities, heads, rows, seen)
      let dropped = scratch.dropped.slice(rows: rows.count, columns: seen.count)
      Scalar.multiply(
        head.query(projected, rows), transposed: false, head.key(projected, seen), transposed: true, into: scores,
        alpha: scale, beta: 0)
      Scalar.causalSoftmax(scores, dropped: dropped, dropout: dropout)
      Scalar.multiply(
        dropout.drops ? dropped : scores, transposed: false, head.value(projected, seen), transposed: false,
        into: head.part(mixed, rows), alpha: Scalar(dropout.scale), beta: 0)
    }
  }

  /// From the gradient of z, and y as it was, to the gradient of y.
  func backward(
    _ gradient: Tensor<Scalar>, y: Tensor<Scalar>, into yGradient: Tensor<Scalar>, _ batch: PackedBatch,
    gradients: GradientSet<Scalar>
  ) {
    let (rows, width) = (batch.rows, mixed.columns)
    outer.backward(
      gradient.slice(rows: rows), x: mixed.slice(rows: rows), into: scratch.mixed.slice(rows: rows), adding: false,
      gradients: gradients)
    for sequence in 0..<batch.sequences {
      for head in 0..<heads { backward(Head(batch, sequence, head, width: width, size: size)) }
    }
    rotary?.backward(scratch.projected, heads: 2 * heads, batch)
    for (index, projection) in projections.enumerated() {
      projection.backward(
        scratch.projected.slice(column: index * width, rows: rows, columns: width), x: y.slice(rows: rows),
        into: yGradient.slice(rows: rows), adding: index > 0, gradients: gradients)
    }
  }

  private func backward(_ head: Head) {
    func part(_ tensor: Tensor<Scalar>, _ rows: Range<Int>, _ columns: Range<Int>) -> TensorSlice<Scalar> {
      tensor.slice(row: rows.lowerBound, column: columns.lowerBound, rows: rows.count, columns: columns.count)
    }
    for rows in head.blocks {
      let seen = 0..<rows.upperBound
      let inner = part(scratch.scores, rows, seen)
      Scalar.multiply(
        head.part(scratch.mixed, rows), transposed: false, head.value(projected, seen), transposed: true, into: inner,
        alpha: 1, beta: 0)
      Scalar.causalSoftmaxBackward(
        head.scores(probabilities, heads, rows, seen), gradient: inner, dropped: part(scratch.dropped, rows, seen),
        dropout: dropout)
      Scalar.multiply(
        inner, transposed: false, head.key(projected, seen), transposed: false,
        into: head.query(scratch.projected, rows), alpha: scale, beta: 0)
    }
    for columns in head.blocks {
      let seeing = columns.lowerBound..<head.count
      let kept =
        dropout.drops
        ? part(scratch.dropped, seeing, columns) : head.scores(probabilities, heads, seeing, columns)
      Scalar.multiply(
        kept, transposed: true, head.part(scratch.mixed, seeing), transposed: false,
        into: head.value(scratch.projected, columns), alpha: Scalar(dropout.scale), beta: 0)
      Scalar.multiply(
        part(scratch.scores, seeing, columns), transposed: true, head.query(projected, seeing), transposed: false,
        into: head.key(scratch.projected, columns), alpha: scale, beta: 0)
    }
  }
}

/// Buffers that the blocks of a network share, since only one works at a time.
final class AttentionScratch<Scalar: TrainingScalar> {
  /// Ã without its scale, of one head [length, length].
  let dropped: Tensor<Scalar>
  /// dÃ, then dS, of one head [length, length].
  let scores: Tensor<Scalar>
  /// Gradient of Q, K and V [rows, 3d].
  let projected: Tensor<Scalar>
  /// Gradient of O [rows, d].
  let mixed: Tensor<Scalar>

  /// For batches of at most `capacity` and hidden states of `width`.
  init(_ capacity: BatchCapacity, width: Int) {
    dropped = Tensor(rows: capacity.length, columns: capacity.length)
    scores = Tensor(rows: capacity.length, columns: capacity.length)
    projected = Tensor(rows: capacity.rows, columns: 3 * width)
    mixed = Tensor(rows: capacity.rows, columns: width)
  }

  /// Values of the buffers.
  static func values(_ capacity: BatchCapacity, width: Int) -> Int {
    2 * capacity.length * capacity.length + 4 * capacity.rows * width
  }
}

/// Where one head of one sequence stands in the buffers.
private struct Head {
  /// Rows of the sequence.
  let count: Int
  private let row: Int
  private let head: Int
  private let width: Int
  private let size: Int

  init(_ batch: PackedBatch, _ sequence: Int, _ head: Int, width: Int, size: Int) {
    row = Int(batch.starts[sequence])
    count = Int(batch.starts[sequence + 1]) - row
    self.head = head
    self.width = width
    self.size = size
  }

  /// Its rows in blocks of nearly equal size, at most 64.
  var blocks: some Sequence<Range<Int>> {
    let number = max(1, (count + 63) / 64)
    let (size, count) = ((count + number - 1) / number, count)
    return (0..<number).lazy.map { min($0 * size, count)..<min(($0 + 1) * size, count) }
  }

  /// Some rows of its columns of O.
  func part<Scalar>(_ tensor: Tensor<Scalar>, _ rows: Range<Int>) -> TensorSlice<Scalar> {
    columns(tensor, 0, rows)
  }
  /// The same of Q, of Q, K and V side by side.
  func query<Scalar>(_ tensor: Tensor<Scalar>, _ rows: Range<Int>) -> TensorSlice<Scalar> { columns(tensor, 0, rows) }
  /// The same of K.
  func key<Scalar>(_ tensor: Tensor<Scalar>, _ rows: Range<Int>) -> TensorSlice<Scalar> { columns(tensor, 1, rows) }
  /// The same of V.
  func value<Scalar>(_ tensor: Tensor<Scalar>, _ rows: Range<Int>) -> TensorSlice<Scalar> { columns(tensor, 2, rows) }

  /// Some rows and columns of its A.
  func scores<Scalar>(
    _ tensor: Tensor<Scalar>, _ heads: Int, _ rows: Range<Int>, _ columns: Range<Int>
  ) -> TensorSlice<Scalar> {
    tensor.slice(
      row: row * heads + head * count + rows.lowerBound, column: columns.lowerBound, rows: rows.count,
      columns: columns.count)
  }

  private func columns<Scalar>(_ tensor: Tensor<Scalar>, _ third: Int, _ rows: Range<Int>) -> TensorSlice<Scalar> {
    tensor.slice(
      row: row + rows.lowerBound, column: third * width + head * size, rows: rows.count, columns: size)
  }
}
