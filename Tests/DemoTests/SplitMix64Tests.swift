import Foundation
import Testing

@testable import Demo

@Suite struct SplitMix64Tests {
  @Test func mixesAsPublished() {
    // The first three numbers of seed 1234567.
    let step: UInt64 = 0x9E37_79B9_7F4A_7C15
    let numbers = (1...3).map { SplitMix64.mix(1_234_567 &+ step &* UInt64($0)) }
    #expect(numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
  }

  @Test func drawsLieWhereTheyShould() {
    var generator = SplitMix64(seed: 3, purpose: 4)
    var (sum, square) = (0.0, 0.0)
    var counts = [0, 0, 0, 0]
    var isWithin = true
    for _ in 0..<20_000 {
      let uniform = generator.uniform()
      let tailed = generator.heavyTailed(median: 10, limit: 90)
      isWithin =
        isWithin && uniform > 0 && uniform < 1 && (0..<7).contains(generator.below(7)) && (0...90).contains(tailed)
      let normal = generator.normal()
      sum += normal
      square += normal * normal
      // The fourth weight is beyond the count, and not drawn.
      counts[generator.index(of: [1, 0, 3, 100], count: 3)] += 1
    }
    #expect(isWithin)
    #expect(abs(sum / 20_000) < 0.03 && abs(square / 20_000 - 1) < 0.05)
    #expect(counts[1] == 0 && counts[3] == 0)
    #expect(abs(Double(counts[0]) / 20_000 - 0.25) < 0.02)
  }

  @Test func shufflesKeepEveryValue() {
    var generator = SplitMix64(seed: 3, purpose: 4)
    var values = Array(0..<50)
    generator.shuffle(&values)
    #expect(values != Array(0..<50) && values.sorted() == Array(0..<50))
  }

  @Test func exponentialAgreesWithTheLibrary() {
    for tenth in -200...200 {
      let x = Double(tenth) / 10
      #expect(abs(exponential(x) / exp(x) - 1) < 1e-14)
    }
    #expect(exponential(0) == 1)
  }
}
