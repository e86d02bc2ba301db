import Events
import Sequential
import Testing

/// The encoders against PyTorch: the scores that `tools/golden` computed for each event of each session.
@Suite struct EncoderGoldenTests {
  @Test("Scores and ranks equal PyTorch's at every position", arguments: Kernel.available)
  func golden(kernel: Kernel) throws {
    #expect(GoldenFixture.all.count >= 30)
    for fixture in GoldenFixture.all {
      let directory = try fixture.model()
      let model = SequentialModel(
        directory.configuration, weights: directory.weights, vocabulary: directory.vocabulary, kernel: kernel)
      for session in try fixture.sessions() {
        let harness = EncoderHarness(model, sessions: 1)
        for (index, item) in session.events.enumerated() {
          let hidden = harness.play([(0, item)])[0]
          #expect((hidden == nil) == (session.known[index] == 0), "\(fixture.name) event \(index + 1)")
          guard let hidden else { continue }
          let expected = session.scores[index]
          let ranked = rank(hidden, model)
          let largest = expected.reduce(1) { max($0, abs($1)) }
          #expect(ranked.count == min(20, expected.count))
          for (place, scored) in ranked.enumerated() {
            let difference = abs(scored.score - expected[Int(scored.item)])
            #expect(difference <= 1e-4 * largest, "\(fixture.name) event \(index + 1) place \(place + 1)")
          }
          expectSameOrder(ranked, expected, tolerance: 2e-4 * largest, "\(fixture.name) event \(index + 1)")
        }
      }
    }
  }

  private func rank(_ hidden: [Float], _ model: SequentialModel) -> [ScoredItem] {
    var scratch = model.catalogue.makeScratch(maximumBatch: 1, maximumK: 20)
    var items: [ScoredItem] = []
    var results: [TopKResult] = []
    model.catalogue.topK(
      AlignedBuffer(hidden), count: 1, k: 20, exclusions: Exclusions(), scratch: &scratch, items: &items,
      results: &results)
    return items
  }

  /// Away from ties the ranking is the one of a full sort.
  private func expectSameOrder(_ ranked: [ScoredItem], _ expected: [Float], tolerance: Float, _ what: String) {
    let sorted = expected.sorted(by: >)
    for (place, scored) in ranked.enumerated() {
      #expect(abs(expected[Int(scored.item)] - sorted[place]) <= tolerance, "\(what) place \(place + 1)")
    }
  }
}
