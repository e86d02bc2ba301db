import Testing

@testable import Training

@Suite struct LossSelectionTests {
  /// Every objective gives its own loss, which learns: a step against the hidden states' gradients lowers it.
  @Test(arguments: TrainingSettings.Objective.allCases) func everyObjectiveIsALossThatLearns(
    objective: TrainingSettings.Objective
  ) {
    var settings = TrainingSettings()
    (settings.objective, settings.negatives) = (objective, 20)
    let fixture = LossFixture(rows: 6, items: 30, size: 4, bias: true)
    let negatives = settings.makeSampler(clicks: (0..<30).map { $0 })
    if settings.sharesCandidates {
      var random = fixture.random
      fixture.candidates = fixture.targets
      fixture.targetCandidates = 6
      negatives.draw(20, into: &fixture.candidates, &random)
    }
    let shape = LossShape(items: 30, size: 4, rows: 6, candidates: settings.sharesCandidates ? 26 : 0)
    let loss: any Loss<Double> = settings.makeLoss(
      shape, targets: NegativeSampler(clicks: (0..<30).map { $0 }, alpha: 1), negatives: negatives)
    switch objective {
    case .softmax: #expect(loss is FullSoftmax<Double>)
    case .sampledSoftmax: #expect(loss is SampledSoftmax<Double>)
    case .gbce: #expect(loss is GBCE<Double>)
    case .batchSoftmax: #expect(loss is BatchSoftmax<Double>)
    case .bprMax: #expect(loss is BPRMax<Double>)
    }
    #expect(settings.lossBytes(shape) > 0)
    let before = fixture.evaluate(loss)
    for index in 0..<fixture.hidden.count {
      fixture.hidden[index] = fixture.hidden[index] - 0.01 * before.hidden[index]
    }
    #expect(fixture.evaluate(loss).loss < before.loss)
  }

  @Test func everyOptimisationIsItsOptimiser() {
    var settings = TrainingSettings()
    #expect(settings.makeOptimiser([]) is AdamW)
    settings.optimisation = .adagrad
    #expect(settings.makeOptimiser([]) is Adagrad)
    #expect(settings.optimiserBytes(weights: 10) == 80)
  }
}
