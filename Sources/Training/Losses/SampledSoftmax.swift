/// Cross-entropy of the softmax over the target and k sampled negatives, which a group of consecutive rows shares.
///
/// A negative's score is corrected by `- c · log(k Q(item))` and the target's is not, so that with c = 1 the sum under the logarithm is an
/// unbiased estimate of that over the whole catalogue (importance sampling: Bengio & Senécal, "Adaptive Importance Sampling to Accelerate
/// Training of a Neural Probabilistic Language Model", 2008; the correction is that of Yi et al., "Sampling-Bias-Corrected Neural Modeling",
/// RecSys 2019, where targets come from the same distribution and are corrected too). Negatives that are a row's target ("accidental hits")
/// take no part for that row. Gradients go to the rows of the table that were drawn, and to targets.
final class SampledSoftmax<Scalar: TrainingScalar>: Loss {
  /// Rows that share negatives: fewer would be more random, and products of fewer rows slow.
  static var groupRows: Int { 64 }

  private let sampler: NegativeSampler
  private let negatives: Int
  private let correction: Double
  private let scores: CandidateScores<Scalar>
  private let group: Int
  /// The target's column, for each row of a group.
  private let columns: [Int32]

  /// `negatives` drawn by `sampler` for each group of at most `group` rows of hidden states of `size` values; `correction` is c above.
  init(
    _ sampler: NegativeSampler, negatives: Int, size: Int, correction: Double = 1, group: Int = SampledSoftmax.groupRows
  ) {
    precondition(negatives > 0 && group > 0)
    self.sampler = sampler
    self.negatives = negatives
    self.correction = correction
    self.group = group
    scores = CandidateScores(candidates: negatives, rows: group, size: size, ownTarget: true)
    columns = [Int32](repeating: Int32(negatives), count: group)
  }

  func evaluate(_ input: LossInput<Scalar>) -> Double {
    scores.sum(input, most: group, negatives, of: sampler) { evaluate(input, rows: $0, candidates: $1) }
  }

  /// The loss of `rows` against given negatives.
  func evaluate(_ input: LossInput<Scalar>, rows: Range<Int>, candidates: [Int32]) -> Double {
    precondition(candidates.count == negatives && rows.count <= group)
    scores.forward(input, rows: rows, candidates: candidates) { [self] item in
      correction == 0 ? 0 : -correction * (Double(negatives).logarithm + sampler.logProbability(item))
    }
    Scalar.maskTargets(
      scores.scores, rows: rows.count, targets: input.targets, from: rows.lowerBound, candidates: candidates, own: nil)
    let loss = Scalar.softmax(
      scores.scores, rows: rows.count, columns: negatives + 1, targets: columns, from: 0, bias: scores.columnBias,
      smoothing: 0, scale: Double(input.scale))
    scores.backward(input, rows: rows, candidates: candidates)
    return loss
  }
}
