import Foundation
import Testing

@testable import Training

@Suite struct BatchLossTests {
  /// The second of two replicas with 5 rows each; a target appears twice, and once more among the negatives.
  private func fixture(bias: Bool, spread: Double = 0.7) -> LossFixture {
    let fixture = LossFixture(rows: 5, items: 60, size: 4, bias: bias, spread: spread)
    fixture.targets = [7, 8, 7, 30, 59]
    fixture.candidates = [1, 2, 3, 4, 5] + fixture.targets + [9, 8, 40, 40, 50] + (0..<40).map { $0 }
    fixture.targetCandidates = 10
    fixture.firstTarget = 5
    fixture.scale = 0.5
    return fixture
  }

  private let clicks = (0..<60).map { 1 + $0 % 7 }

  private func softmax(correction: Double = 0, masks: Bool = false) -> BatchSoftmax<Double> {
    BatchSoftmax(
      candidates: 55, rows: 5, size: 4, targets: NegativeSampler(clicks: clicks, alpha: 1),
      negatives: NegativeSampler(clicks: clicks, alpha: 0.5), correction: correction, masksRepeated: masks)
  }

  @Test(arguments: [false, true], [false, true]) func gradientsAreThoseOfDifferences(bias: Bool, masks: Bool) {
    let fixture = fixture(bias: bias)
    let losses: [any Loss<Double>] = [
      softmax(masks: masks), softmax(correction: 1, masks: masks),
      BPRMax(candidates: 55, rows: 5, size: 4, regularisation: 0.6, masksRepeated: masks),
    ]
    for loss in losses {
      #expect(fixture.checkGradients(loss) < 1e-6)
      #expect(fixture.marksWhatItTouches(fixture.evaluate(loss)))
    }
  }

  @Test(arguments: [0.0, 0.7], [false, true]) func softmaxIsThatOfLoops(correction: Double, masks: Bool) {
    let fixture = fixture(bias: true)
    let total = clicks.reduce(0, +)
    let roots = clicks.map { sqrt(Double($0)) }
    var expected = 0.0
    for row in 0..<5 {
      var (sum, target) = (0.0, 0.0)
      for (column, item) in fixture.candidates.enumerated() {
        let count =
          10 * Double(clicks[Int(item)]) / Double(total) + 45 * roots[Int(item)] / roots.reduce(0, +)
        let score = fixture.score(row, Int(item)) - correction * log(count)
        if column == 5 + row { target = score }
        if masks && column != 5 + row && item == fixture.targets[row] { continue }
        sum += exp(score)
      }
      expected += log(sum) - target
    }
    let found = fixture.evaluate(softmax(correction: correction, masks: masks)).loss
    #expect(abs(found - expected) < 1e-12 * expected)
  }

  @Test(arguments: [false, true]) func bprMaxIsThatOfLoops(masks: Bool) {
    let fixture = fixture(bias: true)
    var expected = 0.0
    for row in 0..<5 {
      let others = fixture.candidates.indices.filter {
        $0 != 5 + row && !(masks && fixture.candidates[$0] == fixture.targets[row])
      }
      let target = fixture.score(row, Int(fixture.targets[row]))
      let scores = others.map { fixture.score(row, Int(fixture.candidates[$0])) }
      let total = scores.map { exp($0) }.reduce(0, +)
      var (preferred, squares) = (0.0, 0.0)
      for score in scores {
        preferred += exp(score) / total / (1 + exp(score - target))
        squares += exp(score) / total * score * score
      }
      expected += -log(preferred) + 0.6 * squares
    }
    let loss = BPRMax<Double>(candidates: 55, rows: 5, size: 4, regularisation: 0.6, masksRepeated: masks)
    #expect(abs(fixture.evaluate(loss).loss - expected) < 1e-12 * expected)
  }

  /// A single lane without negatives has nothing to learn from; it must not read beyond its scores either.
  @Test func aTargetAloneHasNoLoss() {
    let fixture = LossFixture(rows: 1, items: 6, size: 4, bias: false)
    fixture.candidates = fixture.targets
    fixture.targetCandidates = 1
    let losses: [any Loss<Double>] = [
      BatchSoftmax(
        candidates: 1, rows: 1, size: 4, targets: NegativeSampler(uniform: 6), negatives: NegativeSampler(uniform: 6)),
      BPRMax(candidates: 1, rows: 1, size: 4, regularisation: 1),
    ]
    for loss in losses {
      let outcome = fixture.evaluate(loss)
      #expect(abs(outcome.loss) < 1e-15 && outcome.hidden.values.allSatisfy { abs($0) < 1e-15 })
    }
  }

  @Test func largeScoresDoNotOverflow() {
    let fixture = fixture(bias: false, spread: 300)
    let losses: [any Loss<Double>] = [
      softmax(), BPRMax(candidates: 55, rows: 5, size: 4, regularisation: 0),
      BPRMax(candidates: 55, rows: 5, size: 4, regularisation: 1),
    ]
    for loss in losses {
      let outcome = fixture.evaluate(loss)
      #expect(outcome.loss.isFinite && outcome.loss > 10)
      #expect(outcome.hidden.values.allSatisfy { $0.isFinite })
    }
  }
}
