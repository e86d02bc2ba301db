import Events
import Testing

@testable import Training

/// Networks, losses, optimisers and batching as they are trained with: a small set of sessions is learnt by heart.
@Suite struct OverfitTests {
  private static let items = 11

  /// Sessions whose middle is alike, so that what comes last follows from what came first and from nothing nearer; each several times.
  private static let sessions: SessionTable = {
    var table = SessionTable()
    for _ in 0..<6 {
      for first in 0..<8 {
        table.append([first, 8, 9, (3 * first + 1) % 8, 10, (5 * first + 2) % 8].map { ItemIndex($0) })
      }
    }
    return table
  }()

  /// Trains, and expects that nothing is left to learn.
  private func learns(below loss: Double, _ change: (inout TrainingSettings) -> Void) throws {
    let settings = TrainerFixture.small {
      ($0.hiddenSize, $0.ffnSize, $0.heads) = (32, 64, 2)
      ($0.layerSizes, $0.embeddingSize) = ([32], 32)
      ($0.dropout, $0.weightDecay, $0.epochs, $0.batchSize) = (0, 0, 40, 16)
      change(&$0)
    }
    let table = WindowTable(Self.sessions, maxLength: settings.maxLength)
    let holdOut = HoldOut(
      sessions: Self.sessions, firstTargets: [Int](repeating: 1, count: Self.sessions.count), excludesSeen: false)
    let evaluation = Evaluation(holdOut, maxLength: settings.maxLength, rows: settings.evaluationCapacity.rows)
    let parts = try TrainingParts.make(
      settings, clicks: [Int](repeating: 24, count: Self.items), longestWindow: table.longest)
    let trainer = Trainer(
      settings, parts, table, evaluation, Trainer.Options(phase: .search, epochs: settings.epochs), .init(),
      try ThreadTeam(settings.threads))
    let end = try trainer.run()
    #expect(end == .finished)
    let last = try #require(trainer.state.history.last)
    #expect(last.loss < loss && trainer.state.history[0].loss > 10 * last.loss)
    let quality = try #require(last.validation)
    #expect(quality.hitRate(1) == 1 && quality.targets == 5 * Self.sessions.count)
  }

  @Test(arguments: [TrainingSettings.Positions.start, .rotary]) func sasrec(_ positions: TrainingSettings.Positions)
    throws
  {
    try learns(below: 0.02) { ($0.positions, $0.learningRate) = (positions, 0.01) }
  }

  @Test(arguments: [TrainingSettings.Objective.batchSoftmax, .bprMax])
  func gru4recSessionParallel(_ objective: TrainingSettings.Objective) throws {
    try learns(below: 0.02) {
      ($0.architecture, $0.batching, $0.objective) = (.gru4rec, .sessionParallel, objective)
      ($0.negatives, $0.scoreRegularisation) = (8, 0)
      ($0.optimisation, $0.schedule, $0.learningRate) = (.adagrad, .constant, 0.1)
    }
  }

  @Test func lstm() throws { try learns(below: 0.02) { $0.architecture = .lstm } }
}
