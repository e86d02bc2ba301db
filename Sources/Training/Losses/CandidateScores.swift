/// Scores of some rows against a list of candidates that they share, and the way back: candidates' output rows are gathered, so that both are
/// matrix products, and only touched rows of the table get a gradient.
final class CandidateScores<Scalar: TrainingScalar> {
  /// `[rows, candidates + 1]`: a column for each candidate and, for losses that score the row's own target beside them, one behind those.
  let scores: Tensor<Scalar>
  /// What a loss adds to each candidate's column: biases of items, corrections. Set by ``forward(_:rows:candidates:correction:)``.
  let columnBias: Tensor<Scalar>
  private let candidateRows: Tensor<Scalar>
  private let candidateGradient: Tensor<Scalar>
  private let targetRows: Tensor<Scalar>
  private let sums: Tensor<Scalar>
  private let ownTarget: Bool
  private var drawn: [Int32] = []

  /// Buffers for at most `candidates` candidates and `rows` rows of hidden states of `size` values; with `ownTarget`, each row's target is
  /// scored beside the candidates.
  init(candidates: Int, rows: Int, size: Int, ownTarget: Bool) {
    scores = Tensor(rows: rows, columns: scoreColumns(candidates + 1))
    columnBias = Tensor(rows: 1, columns: candidates + 1)
    candidateRows = Tensor(rows: candidates, columns: size)
    candidateGradient = Tensor(rows: candidates, columns: size)
    targetRows = Tensor(rows: ownTarget ? rows : 0, columns: size)
    sums = Tensor(rows: 1, columns: candidates + 1)
    self.ownTarget = ownTarget
  }

  /// Bytes of the buffers that are made for these sizes.
  static func bytes(candidates: Int, rows: Int, size: Int, ownTarget: Bool) -> Int {
    let values = rows * scoreColumns(candidates + 1) + 2 * candidates * (size + 1) + (ownTarget ? rows * size : 0)
    return values * MemoryLayout<Scalar>.stride
  }

  /// The sum of `loss` over groups of at most `most` rows of the input, each with `count` negatives of its own from `sampler`.
  func sum(
    _ input: LossInput<Scalar>, most: Int, _ count: Int, of sampler: NegativeSampler,
    _ loss: (Range<Int>, [Int32]) -> Double
  ) -> Double {
    var sum = 0.0
    for rows in groups(of: input.count, most: most) {
      drawn.removeAll(keepingCapacity: true)
      var random = input.random.child(rows.lowerBound)
      sampler.draw(count, into: &drawn, &random)
      sum += loss(rows, drawn)
    }
    return sum
  }

  /// Scores of `candidates` for `rows` of the input, without their bias; ``columnBias`` becomes the items' biases (0 where there are none) plus
  /// `correction` of the item. A row's own target has its bias already.
  func forward(
    _ input: LossInput<Scalar>, rows: Range<Int>, candidates: [Int32], correction: ((Int32) -> Double)?
  ) {
    let (count, table) = (candidates.count, input.weight.value)
    Scalar.gather(table, candidates, 0..<count, into: candidateRows)
    Scalar.multiply(
      input.hidden.slice(row: rows.lowerBound, rows: rows.count), transposed: false, candidateRows.slice(rows: count),
      transposed: true, into: scores.slice(rows: rows.count, columns: count), alpha: 1, beta: 0)
    for (column, item) in candidates.enumerated() {
      columnBias[column] = (input.bias?.value[Int(item)] ?? 0) + Scalar(correction?(item) ?? 0)
    }
    guard ownTarget else { return }
    columnBias[count] = 0
    Scalar.gather(table, input.targets, rows, into: targetRows)
    Scalar.rowDots(
      input.hidden, row: rows.lowerBound, targetRows, into: scores.slice(column: count, rows: rows.count, columns: 1))
    guard let bias = input.bias else { return }
    for row in 0..<rows.count {
      scores[row, count] = scores[row, count] + bias.value[Int(input.targets[rows.lowerBound + row])]
    }
  }

  /// Hands the gradients that stand in ``scores`` on to the hidden states, the table and the biases.
  func backward(_ input: LossInput<Scalar>, rows: Range<Int>, candidates: [Int32]) {
    let count = candidates.count
    let gradients = scores.slice(rows: rows.count, columns: count)
    Scalar.multiply(
      gradients, transposed: false, candidateRows.slice(rows: count), transposed: false,
      into: input.hiddenGradient.slice(row: rows.lowerBound, rows: rows.count), alpha: 1, beta: 0)
    Scalar.multiply(
      gradients, transposed: true, input.hidden.slice(row: rows.lowerBound, rows: rows.count), transposed: false,
      into: candidateGradient.slice(rows: count), alpha: 1, beta: 0)
    for item in candidates { input.weight.gradient.touch(Int(item)) }
    Scalar.scatterAdd(
      candidateGradient, row: 0, factors: nil, candidates, 0..<count, to: input.weight.gradient.value)
    if let bias = input.bias {
      sums.zero()
      Scalar.sumRows(gradients, into: sums)
      for (column, item) in candidates.enumerated() { bias.gradient.add(sums[column], to: Int(item)) }
    }
    if ownTarget { backwardOfTargets(input, rows: rows, column: count) }
  }

  private func backwardOfTargets(_ input: LossInput<Scalar>, rows: Range<Int>, column: Int) {
    let factors = scores.slice(column: column, rows: rows.count, columns: 1)
    Scalar.addScaledRows(targetRows, factors: factors, to: input.hiddenGradient, row: rows.lowerBound)
    for target in input.targets[rows] { input.weight.gradient.touch(Int(target)) }
    Scalar.scatterAdd(
      input.hidden, row: rows.lowerBound, factors: factors, input.targets, rows, to: input.weight.gradient.value)
    guard let bias = input.bias else { return }
    for row in 0..<rows.count {
      bias.gradient.add(scores[row, column], to: Int(input.targets[rows.lowerBound + row]))
    }
  }
}

extension Gradient {
  /// Adds `value` to that of an item's bias, which is a vector `[V]`, whose gradients are dense.
  fileprivate func add(_ addend: Scalar, to item: Int) { value[item] = value[item] + addend }
}

/// Consecutive rows that share negatives: groups of equal size, none larger than `most`.
func groups(of rows: Int, most: Int) -> some Sequence<Range<Int>> {
  let count = (rows + most - 1) / most
  return (0..<count).lazy.map { rows * $0 / count..<rows * ($0 + 1) / count }
}
