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

  /// Settings that were drawn and do not fit are passed over; those that were given, or another failure, end the search.
  @Test func whatDoesNotFitIsPassedOver() throws {
    let tuning = Tuning(around: centre, count: 3)
    func run(_ bad: Int, _ failure: TrainingFailure) throws -> [Tuning.Trial] {
      func score(_ number: Int, _ settings: TrainingSettings) throws -> Double? {
        if number == bad { throw failure }
        return Double(number)
      }
      return try tuning.run(budget: nil, seconds: { 0 }, evaluate: score, finished: { _ in })
    }
    let large = TrainingFailure.memory(needed: 2, limit: 1, advice: "")
    let trials = try run(1, large)
    #expect(trials.map(\.score) == [0, nil, 2] && trials[1].failure == "too large" && trials[0].failure == nil)
    #expect(Tuning.best(trials)?.number == 2)
    #expect(throws: large) { try run(0, large) }
    #expect(throws: TrainingFailure.nothingToLearn(sessions: 1)) { try run(1, .nothingToLearn(sessions: 1)) }
  }

  /// Adagrad does not take over what is usual with AdamW.
  @Test func anOptimiserBringsItsUsualRateAndDecay() {
    var settings = TrainingSettings()
    settings.use(.adagrad)
    #expect(settings.optimisation == .adagrad && settings.learningRate == 0.05 && settings.weightDecay == 0)
    settings.learningRate = 0.1
    settings.use(.adagrad)
    #expect(settings.learningRate == 0.1)
    settings.use(.adamw)
    #expect(settings == TrainingSettings())
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
