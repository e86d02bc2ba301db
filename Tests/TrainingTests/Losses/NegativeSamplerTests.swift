import Foundation
import Testing

@testable import Training

@Suite struct NegativeSamplerTests {
  /// 200,000 draws against the probabilities: with 49 degrees of freedom, chi-square is beyond 98 once in 50,000 times.
  @Test(arguments: [0.0, 0.5, 1.0, -0.3]) func drawsFollowTheProbabilities(alpha: Double) {
    let clicks = (0..<50).map { $0 == 13 ? 0 : 1 + $0 * $0 }
    let sampler = NegativeSampler(clicks: clicks, alpha: alpha)
    var random = RandomStream(seed: 3, purpose: .negatives)
    var drawn: [Int32] = []
    sampler.draw(200_000, into: &drawn, &random)
    var counts = [Int](repeating: 0, count: 50)
    for item in drawn { counts[Int(item)] += 1 }
    let weights = clicks.map { pow(Double(max($0, 1)), alpha) }
    var statistic = 0.0
    for item in 0..<50 {
      let probability = weights[item] / weights.reduce(0, +)
      #expect(abs(exp(sampler.logProbability(Int32(item))) - probability) < 1e-12)
      let expected = 200_000 * probability
      statistic += (Double(counts[item]) - expected) * (Double(counts[item]) - expected) / expected
    }
    #expect(statistic < 98)
  }

  /// The same stream draws the same items, another step's others.
  @Test func aStreamDecidesWhatIsDrawn() {
    let sampler = NegativeSampler(clicks: [5, 1, 9, 2, 100, 3], alpha: 0.5)
    func draw(step: Int) -> [Int32] {
      var (random, items) = (RandomStream(seed: 3, purpose: .negatives, step: step), [Int32]())
      sampler.draw(64, into: &items, &random)
      return items
    }
    #expect(draw(step: 1) == draw(step: 1))
    #expect(draw(step: 1) != draw(step: 2))
  }
}
