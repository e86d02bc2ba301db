import Testing

@testable import Training

@Suite struct DropoutTests {
  private func ones(_ count: Int) -> Tensor<Float> {
    Tensor(rows: 1, columns: count, [Float](repeating: 1, count: count))
  }

  @Test(arguments: [0.1, 0.5, 0.9])
  func dropsItsShareAndKeepsTheMean(rate: Double) {
    let count = 100_000
    let x = ones(count)
    let mask = DropoutMask(rate, RandomStream(seed: 1, purpose: .dropout), part: 0)
    Float.relu(x, count: count, dropout: mask)
    let values = x.values
    let kept = values.filter { $0 != 0 }
    // Four standard deviations of a binomial share.
    let tolerance = 4 * (rate * (1 - rate) / Double(count)).squareRoot()
    #expect(abs(Double(kept.count) / Double(count) - (1 - rate)) < tolerance)
    #expect(kept.allSatisfy { $0 == Float(1 / (1 - rate)) })
    // Neighbours don't know of each other.
    let pairs = zip(values, values.dropFirst()).filter { $0 != 0 && $1 != 0 }.count
    #expect(abs(Double(pairs) / Double(count) - (1 - rate) * (1 - rate)) < 2 * tolerance)
  }

  @Test func masksOfPartsDifferAndComeAgain() {
    let stream = RandomStream(seed: 1, purpose: .dropout)
    func masked(_ part: Int, _ stream: RandomStream) -> [Float] {
      let x = ones(1000)
      Float.relu(x, count: 1000, dropout: DropoutMask(0.5, stream, part: part))
      return x.values
    }
    #expect(masked(0, stream) == masked(0, stream))
    let both = zip(masked(0, stream), masked(1, stream)).filter { $0 != 0 && $1 != 0 }.count
    #expect((180...320).contains(both))
    #expect(masked(0, stream) != masked(0, RandomStream(seed: 1, purpose: .dropout, step: 1)))
  }

  @Test func nothingIsDroppedWithoutAStream() {
    #expect(!DropoutMask(0.5, nil, part: 0).drops)
    #expect(!DropoutMask(0, RandomStream(seed: 1, purpose: .dropout), part: 0).drops)
  }
}
