/// Cross-entropy of the softmax over the candidates of the whole step: every row's target, a negative to all other rows, and sampled negatives
/// (Hidasi & Karatzoglou, "Recurrent Neural Networks with Top-k Gains for Session-based Recommendations", CIKM 2018, section 3).
///
/// An item that is a candidate twice counts twice, and another row's target is a negative even where it is this row's target too: the paper
/// has it so, and with few lanes and many items it is rare. `masksRepeated` leaves such columns out. With `correction` c, scores are
/// corrected by `- c · log(m P(item) + n Q(item))`, how often an item is expected among m targets and n negatives (Yi et al., RecSys 2019, with
/// both sources of candidates together).
final class BatchSoftmax<Scalar: TrainingScalar>: Loss {
  private let correction: Double
  private let masksRepeated: Bool
  private let targets: NegativeSampler
  private let negatives: NegativeSampler
  private let scores: CandidateScores<Scalar>
  private let chunk: Int
  private var columns: [Int32] = []

  /// For at most `candidates` candidates of a step and rows of hidden states of `size` values. `targets` is how items are distributed that
  /// come next, `negatives` how negatives were drawn; both are used for the correction alone.
  init(
    candidates: Int, rows: Int, size: Int, targets: NegativeSampler, negatives: NegativeSampler,
    correction: Double = 0, masksRepeated: Bool = false
  ) {
    self.correction = correction
    self.masksRepeated = masksRepeated
    self.targets = targets
    self.negatives = negatives
    chunk = batchChunk(rows)
    scores = CandidateScores(candidates: candidates, rows: chunk, size: size, ownTarget: false)
    columns.reserveCapacity(chunk)
  }

  func evaluate(_ input: LossInput<Scalar>) -> Double {
    var loss = 0.0
    for rows in groups(of: input.count, most: chunk) { loss += evaluate(input, rows: rows) }
    return loss
  }

  private func evaluate(_ input: LossInput<Scalar>, rows: Range<Int>) -> Double {
    let own = checkedFirstTarget(input) + rows.lowerBound
    let drawn = Double(input.candidates.count - input.targetCandidates)
    let known = Double(input.targetCandidates)
    scores.forward(input, rows: rows, candidates: input.candidates) { [self] item in
      guard correction != 0 else { return 0 }
      return -correction
        * (known * targets.logProbability(item).exponential + drawn * negatives.logProbability(item).exponential)
        .logarithm
    }
    if masksRepeated {
      Scalar.maskTargets(
        scores.scores, rows: rows.count, targets: input.targets, from: rows.lowerBound, candidates: input.candidates,
        own: own)
    }
    columns.removeAll(keepingCapacity: true)
    for row in 0..<rows.count { columns.append(Int32(own + row)) }
    let loss = Scalar.softmax(
      scores.scores, rows: rows.count, columns: input.candidates.count, targets: columns, from: 0,
      bias: scores.columnBias, smoothing: 0, scale: Double(input.scale))
    scores.backward(input, rows: rows, candidates: input.candidates)
    return loss
  }
}

/// BPR-max with score regularisation (Hidasi & Karatzoglou, CIKM 2018, section 3.3): for each row, `-log Σ_j w_j σ(s_t - s_j) + λ Σ_j w_j s_j²`
/// over all candidates j of the step but the row's own, w being their softmax.
///
/// Repeated items count as in ``BatchSoftmax``. The sum has 1e-24 added under the logarithm, so that a hopeless row has a finite loss.
final class BPRMax<Scalar: TrainingScalar>: Loss {
  private let regularisation: Double
  private let masksRepeated: Bool
  private let scores: CandidateScores<Scalar>
  private let scratch: Tensor<Scalar>
  private let chunk: Int

  /// For at most `candidates` candidates of a step and rows of hidden states of `size` values; `regularisation` is λ.
  init(candidates: Int, rows: Int, size: Int, regularisation: Double, masksRepeated: Bool = false) {
    self.regularisation = regularisation
    self.masksRepeated = masksRepeated
    chunk = batchChunk(rows)
    scores = CandidateScores(candidates: candidates, rows: chunk, size: size, ownTarget: false)
    scratch = Tensor(rows: 2, columns: candidates)
  }

  /// Bytes of what it makes beside its scores.
  static func scratchBytes(candidates: Int) -> Int { 2 * candidates * MemoryLayout<Scalar>.stride }

  func evaluate(_ input: LossInput<Scalar>) -> Double {
    let first = checkedFirstTarget(input)
    guard input.candidates.count > 1 else {
      // Nothing to be told from the target.
      input.hiddenGradient.zero(rows: input.count)
      return 0
    }
    var loss = 0.0
    for rows in groups(of: input.count, most: chunk) {
      let own = first + rows.lowerBound
      scores.forward(input, rows: rows, candidates: input.candidates, correction: nil)
      if masksRepeated {
        Scalar.maskTargets(
          scores.scores, rows: rows.count, targets: input.targets, from: rows.lowerBound, candidates: input.candidates,
          own: own)
      }
      loss += Scalar.bprMax(
        scores.scores, rows: rows.count, columns: input.candidates.count, firstTarget: own, bias: scores.columnBias,
        scratch: scratch, regularisation: regularisation, scale: Double(input.scale))
      scores.backward(input, rows: rows, candidates: input.candidates)
    }
    return loss
  }
}

/// Rows of a chunk: lanes are few, so that one chunk mostly does.
func batchChunk(_ rows: Int) -> Int { max(1, min(rows, 256)) }

/// Where the targets of `input` stand in its candidates; they must stand there.
private func checkedFirstTarget<Scalar>(_ input: LossInput<Scalar>) -> Int {
  precondition(input.firstTarget >= 0 && input.firstTarget + input.count <= input.targetCandidates)
  precondition(input.targetCandidates <= input.candidates.count)
  for row in 0..<input.count { precondition(input.candidates[input.firstTarget + row] == input.targets[row]) }
  return input.firstTarget
}
