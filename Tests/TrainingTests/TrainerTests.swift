import Events
import Foundation
import Testing

@testable import Training

@Suite struct TrainerTests {
  private func trainer(
    _ settings: TrainingSettings, _ sessions: SessionTable, parts: TrainingParts? = nil, holdOut: HoldOut? = nil,
    callbacks: Trainer.Callbacks = .init()
  ) throws -> Trainer {
    Trainer(
      settings, parts ?? TrainerFixture.parts(items: 20), WindowTable(sessions, maxLength: settings.maxLength),
      holdOut.map { Evaluation($0, maxLength: settings.maxLength, rows: 64) },
      Trainer.Options(phase: .search, epochs: settings.epochs), callbacks, try ThreadTeam(settings.threads))
  }

  /// Where the next item is certain the loss goes to nothing, and the first guess is right.
  @Test(arguments: [TrainingSettings.Batching.windows, .sessionParallel])
  func learnsWhatIsCertain(_ batching: TrainingSettings.Batching) throws {
    let sessions = TrainerFixture.certain(sessions: 200, items: 20)
    let holdOut = HoldOut(
      sessions: sessions, firstTargets: [Int](repeating: 1, count: sessions.count), excludesSeen: false)
    let trainer = try trainer(TrainerFixture.settings { $0.batching = batching }, sessions, holdOut: holdOut)
    let end = try trainer.run()
    #expect(end == .finished)
    let last = try #require(trainer.state.history.last)
    #expect(last.loss < 0.05)
    let validation = try #require(last.validation)
    #expect(validation.hitRate(1) == 1)
    #expect(trainer.state.history[0].loss > 1)
  }

  /// Equal seeds and threads give equal bits, other seeds others.
  @Test func isDeterministic() throws {
    let sessions = TrainerFixture.certain(sessions: 100, items: 20)
    func weights(_ seed: UInt64) throws -> [[Float]] {
      let trainer = try trainer(
        TrainerFixture.settings { ($0.seed, $0.epochs, $0.averaging) = (seed, 4, 0.9) }, sessions)
      let end = try trainer.run()
      #expect(end == .finished)
      return trainer.network.parameters.map(\.value.values)
    }
    let first = try weights(1)
    let (again, other) = (try weights(1), try weights(2))
    #expect(again == first)
    #expect(other != first)
  }

  /// A loss that is no number, or explodes, ends the training with the weights of the last good epoch.
  @Test(arguments: [Double.nan, 1e9]) func stopsWhereItGoesWrong(value: Double) throws {
    let sessions = TrainerFixture.certain(sessions: 400, items: 20)
    let settings = TrainerFixture.settings { ($0.threads, $0.epochs) = (1, 5) }
    let whole = try trainer(settings, sessions)
    let steps = (whole.batches.count + settings.batchSize - 1) / settings.batchSize
    let spoilt = try trainer(
      settings, sessions, parts: TrainerFixture.parts(items: 20, spoilAfter: 2 * steps + 5, by: value))
    let end = try spoilt.run()
    guard case .failed(let failure) = end else {
      Issue.record("\(end)")
      return
    }
    #expect("\(failure)".contains("epoch 3"))
    #expect(spoilt.state.kept?.epoch == 2)
    #expect(spoilt.state.history.count == 2)
    #expect(spoilt.network.parameters[0].value.values.allSatisfy { $0.isFinite })
    #expect(spoilt.network.parameters.map(\.value.values) == spoilt.kept.map(\.values))
  }

  /// A training that goes wrong in its very first steps is not its own measure.
  @Test func aDivergenceAtTheStartIsFound() {
    var watch = DivergenceWatch()
    let steps = (0..<50).first { watch.observe(7 * pow(1.5, Double($0)), guess: 7) }
    #expect(steps.map { $0 < 15 } == true)
    watch = DivergenceWatch()
    // Five steps that are all bad already are known for it where the loss of a guess is.
    let bad = (0..<50).first { _ in watch.observe(70, guess: 7) }
    #expect(bad == 4)
    watch = DivergenceWatch()
    let good = (0..<500).first { watch.observe(7 + ($0 % 2 == 0 ? 1 : -1) * 3, guess: 7) }
    #expect(good == nil)
  }

  /// An epoch of a single step trains: its rate is neither the rise's first nor the cosine's last.
  @Test func aSingleStepIsNotForNothing() throws {
    let sessions = TrainerFixture.certain(sessions: 20, items: 20)
    let trainer = try trainer(TrainerFixture.settings { ($0.epochs, $0.batchSize) = (1, 1000) }, sessions)
    let before = trainer.network.parameters[0].value.values
    let end = try trainer.run()
    #expect(end == .finished && trainer.state.updates == 1)
    #expect(trainer.state.history[0].learningRate > 0.2 * trainer.settings.learningRate)
    #expect(trainer.network.parameters[0].value.values != before)
  }

  /// Weights that are no numbers are not kept, though no loss and no norm has shown them.
  @Test func weightsThatAreNoNumbersAreNotKept() throws {
    let sessions = TrainerFixture.certain(sessions: 20, items: 20)
    let trainer = try trainer(
      TrainerFixture.settings { ($0.epochs, $0.batchSize, $0.clipNorm, $0.learningRate) = (1, 1000, 0, 1e39) },
      sessions)
    let end = try trainer.run()
    #expect(end == .failed(.notFinite(quantity: "a weight", epoch: 1, step: 1)))
    #expect(trainer.state.kept == nil)
  }

  /// Early stopping keeps the best epoch's weights.
  @Test func keepsTheBestEpoch() throws {
    let sessions = TrainerFixture.random(sessions: 100, items: 20, longest: 8, unknown: 0)
    let other = TrainerFixture.certain(sessions: 50, items: 20)
    let holdOut = HoldOut(sessions: other, firstTargets: [Int](repeating: 1, count: 50), excludesSeen: false)
    let trainer = try trainer(TrainerFixture.settings { $0.patience = 2 }, sessions, holdOut: holdOut)
    let end = try trainer.run()
    #expect(end == .finished)
    let figures = trainer.state.history.compactMap(\.validation).map(trainer.settings.selection.figure)
    let best = try #require(figures.max())
    let kept = try #require(trainer.state.kept)
    #expect(kept.figure == best && figures[kept.epoch - 1] == best)
    #expect(trainer.state.history.count == kept.epoch + 2)
  }
}
