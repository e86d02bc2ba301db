/// Cross-entropy of the softmax over the whole catalogue, `log Σ_j exp(s_j) - s_target` for each row, with label smoothing where it is asked
/// for (Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016, section 7).
///
/// Rows go through in chunks, forward and backward at once, so that scores take a bounded amount of memory and are still in a cache when
/// they are needed again.
final class FullSoftmax<Scalar: TrainingScalar>: Loss {
  /// Rows of a chunk at most; more were not faster with catalogues of 3,000 items.
  static var mostRows: Int { 512 }
  /// Scores of a chunk at most, unless that were fewer than ``fewestRows`` rows.
  static var mostScores: Int { 1 << 22 }
  /// Rows of a chunk at least: with fewer, the table and its gradient pass through the caches too often.
  static var fewestRows: Int { 64 }

  private let items: Int
  private let smoothing: Double
  /// Scores of a chunk, then their gradients, `[rows, V]` with rows that begin on a cache line.
  private let scores: Tensor<Scalar>

  /// For a catalogue of `items`, with buffers for at most `rows` rows; a chunk has `chunk` rows, or as many as suit.
  init(items: Int, rows: Int, smoothing: Double = 0, chunk: Int? = nil) {
    precondition(items > 0 && rows >= 0 && smoothing >= 0 && smoothing < 1 && (chunk ?? 1) > 0)
    self.items = items
    self.smoothing = smoothing
    scores = Tensor(rows: max(1, min(chunk ?? Self.chunkRows(items), rows)), columns: scoreColumns(items))
  }

  /// Bytes of the buffers of a loss like this.
  static func bytes(items: Int, rows: Int) -> Int {
    max(1, min(chunkRows(items), rows)) * scoreColumns(items) * MemoryLayout<Scalar>.stride
  }

  private static func chunkRows(_ items: Int) -> Int { min(mostRows, max(fewestRows, mostScores / items)) }

  func evaluate(_ input: LossInput<Scalar>) -> Double {
    precondition(input.weight.value.rows == items)
    input.weight.gradient.touchAll()
    input.bias?.gradient.touchAll()
    var loss = 0.0
    for rows in groups(of: input.count, most: scores.rows) { loss += evaluate(input, rows: rows) }
    return loss
  }

  private func evaluate(_ input: LossInput<Scalar>, rows: Range<Int>) -> Double {
    let table = input.weight.value.slice(rows: items)
    let hidden = input.hidden.slice(row: rows.lowerBound, rows: rows.count)
    let chunk = scores.slice(rows: rows.count, columns: items)
    Scalar.multiply(hidden, transposed: false, table, transposed: true, into: chunk, alpha: 1, beta: 0)
    let loss = Scalar.softmax(
      scores, rows: rows.count, columns: items, targets: input.targets, from: rows.lowerBound, bias: input.bias?.value,
      smoothing: smoothing, scale: Double(input.scale))
    if let bias = input.bias { Scalar.sumRows(chunk, into: bias.gradient.value) }
    Scalar.multiply(
      chunk, transposed: false, table, transposed: false,
      into: input.hiddenGradient.slice(row: rows.lowerBound, rows: rows.count), alpha: 1, beta: 0)
    Scalar.multiply(
      chunk, transposed: true, hidden, transposed: false, into: input.weight.gradient.value.slice(rows: items),
      alpha: 1, beta: 1)
    return loss
  }
}

/// Values from one row of scores to the next: whole cache lines, and not a multiple of 4 KiB, which would put a column's values into a few
/// sets of the cache.
func scoreColumns(_ items: Int) -> Int {
  let lines = (items + 15) / 16
  return (lines % 64 == 0 ? lines + 1 : lines) * 16
}
