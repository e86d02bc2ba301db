/// Generalised binary cross-entropy (Petrov & Macdonald, "gSASRec: Reducing Overconfidence in Sequential Recommendation Trained with Negative
/// Sampling", RecSys 2023): `-(β log σ(s⁺) + Σ log(1 - σ(s⁻))) / (k + 1)` for each row, with k uniform negatives.
///
/// One thing differs from the paper: a group of consecutive rows shares its negatives, so that scores are matrix products. Negatives that are a row's target take no part for
/// that row. Gradients go to the rows of the table that were drawn, and to targets.
final class GBCE<Scalar: TrainingScalar>: Loss {
  /// Rows that share negatives: fewer would be more random, and products of fewer rows slow.
  static var groupRows: Int { 64 }

  /// The exponent of the target's probability.
  let beta: Double
  private let sampler: NegativeSampler
  private let negatives: Int
  private let scores: CandidateScores<Scalar>
  private let group: Int

  /// `negatives` of `items` for each group of at most `group` rows of hidden states of `size` values; `calibration` is t.
  init(items: Int, negatives: Int, size: Int, calibration: Double, group: Int = GBCE.groupRows) {
    precondition(items > 1 && negatives > 0 && group > 0)
    beta = Self.beta(items: items, negatives: negatives, calibration: calibration)
    sampler = NegativeSampler(uniform: items)
    self.negatives = negatives
    self.group = group
    scores = CandidateScores(candidates: negatives, rows: group, size: size, ownTarget: true)
  }

  /// β of calibration t (equation 9): `α (t (1 - 1/α) + 1/α)` with the sampling rate `α = k / (V - 1)`. t = 0 gives 1, plain binary cross-entropy;
  /// t = 1 gives α. With more negatives than other items, α is 1: sampling can't be denser than everything.
  static func beta(items: Int, negatives: Int, calibration: Double) -> Double {
    let alpha = min(1, Double(negatives) / Double(items - 1))
    return alpha * (calibration * (1 - 1 / alpha) + 1 / alpha)
  }

  func evaluate(_ input: LossInput<Scalar>) -> Double {
    scores.sum(input, most: group, negatives, of: sampler) { evaluate(input, rows: $0, candidates: $1) }
  }

  /// The loss of `rows` against given negatives.
  func evaluate(_ input: LossInput<Scalar>, rows: Range<Int>, candidates: [Int32]) -> Double {
    precondition(candidates.count == negatives && rows.count <= group)
    scores.forward(input, rows: rows, candidates: candidates, correction: nil)
    Scalar.maskTargets(
      scores.scores, rows: rows.count, targets: input.targets, from: rows.lowerBound, candidates: candidates, own: nil)
    // Adam is indifferent to the factor; the limit of the gradient's norm and Adagrad are not.
    let share = 1 / Double(negatives + 1)
    let loss = Scalar.gbce(
      scores.scores, rows: rows.count, negatives: negatives, bias: scores.columnBias, beta: beta,
      scale: Double(input.scale) * share)
    scores.backward(input, rows: rows, candidates: candidates)
    return loss * share
  }
}
