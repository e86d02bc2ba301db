import Foundation
import Testing

@testable import Training

@Suite struct SampledLossTests {
  private func skewed(_ items: Int) -> [Int] { (0..<items).map { 1 + 3 * $0 } }

  /// Two groups of rows, negatives drawn twice and negatives that are targets are all among these.
  @Test(arguments: [false, true]) func gradientsAreThoseOfDifferences(bias: Bool) {
    let fixture = LossFixture(rows: 9, items: 13, size: 5, bias: bias)
    fixture.scale = 0.5
    let sampler = NegativeSampler(clicks: skewed(13), alpha: 0.7)
    let softmax = SampledSoftmax<Double>(sampler, negatives: 20, size: 5, group: 6)
    #expect(fixture.checkGradients(softmax) < 1e-6)
    #expect(fixture.marksWhatItTouches(fixture.evaluate(softmax)))
    let gbce = GBCE<Double>(items: 13, negatives: 7, size: 5, calibration: 0.75, group: 6)
    #expect(fixture.checkGradients(gbce) < 1e-6)
    #expect(fixture.marksWhatItTouches(fixture.evaluate(gbce)))
  }

  /// Rows of the table that are neither target nor negative have no gradient, and are not marked.
  @Test func fewRowsAreTouched() {
    let fixture = LossFixture(rows: 3, items: 1_000, size: 5, bias: false)
    let loss = SampledSoftmax<Double>(NegativeSampler(uniform: 1_000), negatives: 10, size: 5)
    let outcome = fixture.evaluate(loss)
    #expect(!outcome.weight.isDense && (4...13).contains(outcome.weight.touched.count))
    #expect(fixture.marksWhatItTouches(outcome))
  }

  /// Given negatives, against loops.
  @Test func sampledSoftmaxIsThatOfLoops() {
    let fixture = LossFixture(rows: 5, items: 12, size: 4, bias: true)
    let clicks = skewed(12)
    let negatives: [Int32] = [3, 3, 0, 7, 11, fixture.targets[2]]
    let loss = SampledSoftmax<Double>(
      NegativeSampler(clicks: clicks, alpha: 0.5), negatives: 6, size: 4, correction: 0.8)
    let total = clicks.map { sqrt(Double($0)) }.reduce(0, +)
    var expected = 0.0
    for row in 0..<5 {
      let target = fixture.score(row, Int(fixture.targets[row]))
      var sum = exp(target)
      for item in negatives where item != fixture.targets[row] {
        let expectedCount = 6 * sqrt(Double(clicks[Int(item)])) / total
        sum += exp(fixture.score(row, Int(item)) - 0.8 * log(expectedCount))
      }
      expected += log(sum) - target
    }
    let found = loss.evaluate(input(fixture), rows: 0..<5, candidates: negatives)
    #expect(abs(found - expected) < 1e-12 * expected)
  }

  /// With every item a negative once and no correction it is the softmax over the catalogue, in its gradients too.
  @Test func allItemsWithoutCorrectionAreTheFullSoftmax() {
    let fixture = LossFixture(rows: 6, items: 40, size: 4, bias: true)
    let full = fixture.evaluate(FullSoftmax(items: 40, rows: 6))
    let sampled = SampledSoftmax<Double>(NegativeSampler(uniform: 40), negatives: 40, size: 4, correction: 0)
    let input = input(fixture)
    let loss = sampled.evaluate(input, rows: 0..<6, candidates: (0..<40).map { $0 })
    #expect(abs(loss - full.loss) < 1e-12 * full.loss)
    for (one, other) in zip(input.hiddenGradient.values, full.hidden.values) { #expect(abs(one - other) < 1e-13) }
    for (one, other) in zip(input.weight.gradient.value.values, full.weight.value.values) {
      #expect(abs(one - other) < 1e-13)
    }
  }

  /// With the correction, many negatives from a skewed distribution estimate the loss over the catalogue; without it they don't.
  @Test func correctionMakesItAnEstimateOfTheFullSoftmax() {
    let fixture = LossFixture(rows: 8, items: 30, size: 4, bias: false)
    let full = fixture.evaluate(FullSoftmax(items: 30, rows: 8)).loss
    let sampler = NegativeSampler(clicks: skewed(30), alpha: 1)
    let corrected = SampledSoftmax<Double>(sampler, negatives: 50_000, size: 4)
    #expect(abs(fixture.evaluate(corrected).loss / full - 1) < 0.01)
    let plain = SampledSoftmax<Double>(sampler, negatives: 50_000, size: 4, correction: 0)
    #expect(fixture.evaluate(plain).loss > 2 * full)
  }

  /// β by the paper's equation, and its ends.
  @Test func betaFollowsCalibration() {
    let alpha = 256.0 / 2_932
    let half = GBCE<Double>.beta(items: 2_933, negatives: 256, calibration: 0.5)
    #expect(abs(half - alpha * (0.5 * (1 - 1 / alpha) + 1 / alpha)) < 1e-15)
    #expect(abs(GBCE<Double>.beta(items: 2_933, negatives: 256, calibration: 0) - 1) < 1e-15)
    #expect(abs(GBCE<Double>.beta(items: 2_933, negatives: 256, calibration: 1) - alpha) < 1e-15)
    #expect(abs(GBCE<Double>.beta(items: 10, negatives: 256, calibration: 1) - 1) < 1e-15)
  }

  /// Given negatives, against loops; with t = 0 that is binary cross-entropy.
  @Test(arguments: [0.0, 0.75]) func gbceIsThatOfLoops(calibration: Double) {
    let fixture = LossFixture(rows: 5, items: 12, size: 4, bias: true)
    let negatives: [Int32] = [3, 3, 0, 7, fixture.targets[2]]
    let loss = GBCE<Double>(items: 12, negatives: 5, size: 4, calibration: calibration)
    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    let beta = calibration == 0 ? 1 : 5.0 / 11 * (0.75 * (1 - 11.0 / 5) + 11.0 / 5)
    var expected = 0.0
    for row in 0..<5 {
      expected -= beta * log(sigmoid(fixture.score(row, Int(fixture.targets[row]))))
      for item in negatives where item != fixture.targets[row] {
        expected -= log(1 - sigmoid(fixture.score(row, Int(item))))
      }
    }
    expected /= 6
    let found = loss.evaluate(input(fixture), rows: 0..<5, candidates: negatives)
    #expect(abs(found - expected) < 1e-12 * expected)
  }

  @Test func largeScoresDoNotOverflow() {
    let fixture = LossFixture(rows: 4, items: 30, size: 4, bias: false, spread: 1_000)
    let sampler = NegativeSampler(uniform: 30)
    let losses: [any Loss<Double>] = [
      SampledSoftmax(sampler, negatives: 8, size: 4), GBCE(items: 30, negatives: 8, size: 4, calibration: 0.5),
    ]
    for loss in losses {
      let outcome = fixture.evaluate(loss)
      #expect(outcome.loss.isFinite && outcome.loss > 1_000)
      #expect(outcome.hidden.values.allSatisfy { $0.isFinite })
    }
  }

  private func input(_ fixture: LossFixture) -> LossInput<Double> {
    LossInput(
      hidden: fixture.hidden, count: fixture.rows, targets: fixture.targets,
      weight: (fixture.weight.value, Gradient(fixture.weight)),
      bias: fixture.bias.map { ($0.value, Gradient($0)) }, scale: 1,
      hiddenGradient: Tensor(rows: fixture.rows, columns: fixture.hidden.columns), random: fixture.random)
  }
}
