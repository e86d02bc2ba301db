private import Foundation

/// What the buffers of a loss are made for.
struct LossShape: Sendable, Equatable {
  /// Items of the catalogue, V.
  var items: Int
  /// Values of a hidden state that is scored, o.
  var size: Int
  /// Rows with a target that one replica has in a step, at most.
  var rows: Int
  /// Candidates of a whole step at most, targets and negatives together; for losses that use them.
  var candidates = 0
}

extension TrainingSettings {
  /// True where the step draws one list of negatives and hands it to all replicas with its targets (``LossInput/candidates``).
  var sharesCandidates: Bool {
    switch objective {
    case .batchSoftmax, .bprMax: true
    case .softmax, .sampledSoftmax, .gbce: false
    }
  }

  /// How negatives are drawn, given the clicks of each item.
  func makeSampler(clicks: [Int]) -> NegativeSampler {
    objective == .gbce ? NegativeSampler(uniform: clicks.count) : NegativeSampler(clicks: clicks, alpha: sampleAlpha)
  }

  /// A loss for one replica. `clicks` counts each item's clicks; samplers that replicas share are `targets` and `negatives`: make them once,
  /// by `NegativeSampler(clicks:alpha: 1)` and ``makeSampler(clicks:)``.
  func makeLoss<Scalar: TrainingScalar>(
    _ shape: LossShape, targets: NegativeSampler, negatives sampler: NegativeSampler, as _: Scalar.Type = Scalar.self
  ) -> any Loss<Scalar> {
    switch objective {
    case .softmax: FullSoftmax<Scalar>(items: shape.items, rows: shape.rows, smoothing: labelSmoothing)
    case .sampledSoftmax:
      SampledSoftmax<Scalar>(sampler, negatives: negatives, size: shape.size, correction: logQ)
    case .gbce:
      GBCE<Scalar>(items: shape.items, negatives: negatives, size: shape.size, calibration: calibration)
    case .batchSoftmax:
      BatchSoftmax<Scalar>(
        candidates: shape.candidates, rows: shape.rows, size: shape.size, targets: targets, negatives: sampler,
        correction: logQ)
    case .bprMax:
      BPRMax<Scalar>(
        candidates: shape.candidates, rows: shape.rows, size: shape.size, regularisation: scoreRegularisation)
    }
  }

  /// Bytes of the buffers of ``makeLoss(_:targets:negatives:as:)``, for one replica.
  func lossBytes(_ shape: LossShape) -> Int {
    switch objective {
    case .softmax: FullSoftmax<Float>.bytes(items: shape.items, rows: shape.rows)
    case .sampledSoftmax:
      CandidateScores<Float>.bytes(
        candidates: negatives, rows: SampledSoftmax<Float>.groupRows, size: shape.size, ownTarget: true)
    case .gbce:
      CandidateScores<Float>.bytes(
        candidates: negatives, rows: GBCE<Float>.groupRows, size: shape.size, ownTarget: true)
    case .batchSoftmax, .bprMax:
      CandidateScores<Float>.bytes(
        candidates: shape.candidates, rows: batchChunk(shape.rows), size: shape.size, ownTarget: false)
        + (objective == .bprMax ? BPRMax<Float>.scratchBytes(candidates: shape.candidates) : 0)
    }
  }
}

extension Double {
  /// log(self).
  var logarithm: Double { log(self) }
  /// exp(self).
  var exponential: Double { exp(self) }
}
