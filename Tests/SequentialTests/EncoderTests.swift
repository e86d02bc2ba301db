import Events
import Testing

@testable import Sequential

@Suite struct EncoderTests {
  /// Random models to try: all of `count` in an optimised build, a twentieth under a sanitizer's -O0.
  private func seeds(_ count: UInt64) -> UInt64 {
    #if DEBUG
      count / 20
    #else
      count
    #endif
  }

  /// Scores of a hidden state, in fp64, so that the encoder alone is judged.
  private func scores(_ hidden: [Float], _ model: SequentialModel) -> [Double] {
    (0..<model.catalogue.rows.rows).map { row in
      var sum = model.catalogue.bias.map { Double($0[0, row]) } ?? 0
      for column in 0..<hidden.count { sum += Double(hidden[column]) * Double(model.catalogue.rows[row, column]) }
      return sum
    }
  }

  private func difference(_ got: [Double], _ expected: [Double]) -> Double {
    let largest = expected.reduce(1) { max($0, abs($1)) }
    return zip(got, expected).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
  }

  @Test("Steps equal an independent full recompute within 1e-4", arguments: RandomModel.Family.allCases)
  func exactness(family: RandomModel.Family) {
    var worst = 0.0
    for seed in UInt64(0)..<seeds(120) {
      let random = RandomModel(seed: seed, family: family)
      let reference = ReferenceModel(random.configuration, random.weights)
      let kernel = Kernel.available[Int(seed) % Kernel.available.count]
      let harness = EncoderHarness(random.served(on: kernel), sessions: 1)
      var generator = SplitMix64(seed: seed ^ 0xABCD)
      let length = random.configuration.maxLength * 3 + 2
      let events = RandomModel.events(length, itemCount: random.configuration.itemCount, &generator)
      for (index, item) in events.enumerated() {
        let hidden = harness.play([(0, item)])[0]
        let expected = reference.scores(afterEvents: Array(events[...index]))
        #expect((hidden == nil) == (expected == nil))
        guard let hidden, let expected else { continue }
        let error = difference(scores(hidden, harness.model), expected)
        worst = max(worst, error)
        #expect(error <= 1e-4, "seed \(seed) event \(index + 1) \(kernel) \(random.configuration)")
        if error > 1e-4 { return }
      }
    }
    #expect(worst > 0)
  }

  @Test("Step, wave, prefill, eviction: the same bits", arguments: RandomModel.Family.allCases)
  func sameBits(family: RandomModel.Family) {
    for seed in UInt64(1000)..<1000 + seeds(80) {
      let random = RandomModel(seed: seed, family: family)
      let kernel = Kernel.available[Int(seed) % Kernel.available.count]
      let model = random.served(on: kernel)
      let keysValues: SequentialModel.KeysValues = seed % 2 == 0 ? .fp32 : .bf16
      var generator = SplitMix64(seed: seed)
      let count = 9
      let length = random.configuration.maxLength * 2 + 3
      let sequences = (0..<count).map { _ in
        RandomModel.events(length, itemCount: random.configuration.itemCount, &generator)
      }
      // Alone, one step after the other.
      let alone = sequences.map { events in
        let harness = EncoderHarness(model, sessions: 1, keysValues: keysValues)
        return events.map { harness.play([(0, $0)])[0] }
      }
      // Interleaved in waves of any size, with evictions.
      let together = EncoderHarness(model, sessions: count, keysValues: keysValues)
      var next = Array(repeating: 0, count: count)
      while next.contains(where: { $0 < length }) {
        if generator.chance(0.3) { together.evict(generator.int(0...count - 1)) }
        let chosen = (0..<count).filter { next[$0] < length && generator.chance(0.6) }.shuffled(using: &generator)
        let hidden = together.play(chosen.map { (session: $0, item: sequences[$0][next[$0]]) })
        for (row, session) in chosen.enumerated() {
          let expected = alone[session][next[session]]
          #expect(hidden[row]?.map(\.bitPattern) == expected?.map(\.bitPattern), "seed \(seed) \(random.configuration)")
          next[session] += 1
        }
      }
    }
  }

  @Test("A wave larger than one pass gives what smaller ones give") func largeWave() {
    for seed in UInt64(0)..<12 {
      let random = RandomModel(
        seed: seed, family: RandomModel.Family.allCases[Int(seed) % RandomModel.Family.allCases.count])
      let model = random.served(on: .best)
      let large = EncoderHarness(model, sessions: 200)
      let small = EncoderHarness(model, sessions: 200)
      var generator = SplitMix64(seed: seed)
      for _ in 0..<3 {
        let items = RandomModel.events(200, itemCount: random.configuration.itemCount, &generator)
        let together = large.play(items.enumerated().map { ($0.offset, $0.element) })
        let apart = items.enumerated().map { small.play([($0.offset, $0.element)])[0] }
        #expect(together == apart)
      }
    }
  }
}
