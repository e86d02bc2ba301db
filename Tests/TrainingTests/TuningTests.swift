import Testing

@testable import Training

@Suite struct TuningTests {
  private let centre = TrainingSettings(.good, .sasrec, DataShape(items: 3000, usualLength: 12))

  @Test func presetsGoByTheData() {
    #expect(centre.maxLength == 20 && centre.objective == .softmax)
    let large = TrainingSettings(.best, .gru4rec, DataShape(items: 2_000_000, usualLength: 180))
    #expect(large.maxLength == 200 && large.objective == .sampledSoftmax)
    #expect(large.architecture == .gru4rec)
    for preset in Preset.allCases {
      for architecture in TrainingSettings.Architecture.allCases {
        let settings = TrainingSettings(preset, architecture, DataShape(items: 10, usualLength: 5000))
        #expect(settings.hiddenSize % settings.heads == 0 && settings.maxLength == 200)
      }
    }
  }

  @Test func theSearchIsTheSameForASeed() {
    let tuning = Tuning(around: centre, count: 12)
    #expect(tuning.candidates.count == 12)
    #expect(tuning.candidates[0] == centre)
    #expect(tuning.candidates == Tuning(around: centre, count: 12).candidates)
    #expect(Array(Tuning(around: centre, count: 5).candidates) == Array(tuning.candidates.prefix(5)))
    var other = centre
    other.seed = 2
    #expect(zip(tuning.candidates, Tuning(around: other, count: 12).candidates).dropFirst().allSatisfy { $0 != $1 })
    #expect(Tuning(around: centre, count: 1).candidates == [centre])
  }

  @Test func candidatesAreValidAndWhatIsFixedStays() {
    for architecture in TrainingSettings.Architecture.allCases {
      let start = TrainingSettings(.good, architecture, DataShape(items: 3000, usualLength: 12))
      let candidates = Tuning(around: start, count: 200, fixed: [.learningRate, .batchSize]).candidates
      for settings in candidates {
        #expect(settings.learningRate == start.learningRate && settings.batchSize == start.batchSize)
        #expect(settings.hiddenSize % (2 * settings.heads) == 0)
        #expect((16...512).contains(settings.hiddenSize) && (1...8).contains(settings.blocks))
        #expect((0...0.8).contains(settings.dropout))
        #expect(settings.seed == start.seed && settings.maxLength == start.maxLength)
      }
      #expect(Set(candidates.map(\.dropout)).count > 20)
    }
  }

  @Test func theBestTrialIsTaken() {
    var clock = 0.0
    let scores = [0.2, .nan, 0.5, 0.5, 0.1]
    var told = 0
    func score(_ number: Int, _ settings: TrainingSettings) -> Double? {
      clock += 10
      return scores[number]
    }
    let trials = Tuning(around: centre, count: 5).run(
      budget: nil, seconds: { clock }, evaluate: score, finished: { _ in told += 1 })
    #expect(trials.count == 5 && told == 5)
    #expect(trials[1].score == nil && trials[0].seconds == 10)
    #expect(Tuning.best(trials)?.number == 2)
    #expect(Tuning.best([]) == nil)
  }

  @Test func theBudgetEndsTheSearchAndSoDoesTheCaller() {
    var clock = 0.0
    func score(_ number: Int, _ settings: TrainingSettings) -> Double? {
      clock += 10
      return number < 3 ? 1 : nil
    }
    let tuning = Tuning(around: centre, count: 5)
    let trials = tuning.run(budget: 15, seconds: { clock }, evaluate: score, finished: { _ in })
    #expect(trials.count == 2)
    let ended = tuning.run(budget: nil, seconds: { 0 }, evaluate: score, finished: { _ in })
    #expect(ended.count == 3)
  }
}
