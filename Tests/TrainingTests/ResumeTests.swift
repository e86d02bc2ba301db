import Events
import Foundation
import Platform
import Testing

@testable import Training

@Suite struct ResumeTests {
  private func settings(_ change: (inout TrainingSettings) -> Void = { _ in }) -> TrainingSettings {
    TrainerFixture.small {
      ($0.epochs, $0.averaging, $0.dropout) = (5, 0.9, 0.2)
      change(&$0)
    }
  }

  private func trainer(
    _ settings: TrainingSettings, saveTo path: String?, stopAfter steps: Int? = nil
  ) throws -> Trainer {
    let sessions = TrainerFixture.certain(sessions: 100, items: 20)
    let table = WindowTable(sessions, maxLength: settings.maxLength)
    var callbacks = Trainer.Callbacks()
    let place = Place()
    callbacks.isStopped = { place.trainer?.state.updates ?? 0 >= steps ?? .max }
    if let path {
      callbacks.save = { (trainer) throws(TrainingFailure) in
        try ResumeFile.write(header(settings, trainer.state), trainer.tensors, to: path)
      }
    }
    let holdOut = HoldOut(
      sessions: sessions, firstTargets: [Int](repeating: 1, count: sessions.count), excludesSeen: false)
    let trainer = Trainer(
      settings, try .make(settings, clicks: [Int](repeating: 5, count: 20), longestWindow: table.longest), table,
      Evaluation(holdOut, maxLength: settings.maxLength, rows: 64),
      Trainer.Options(phase: .search, epochs: settings.epochs), callbacks, try ThreadTeam(settings.threads))
    place.trainer = trainer
    return trainer
  }

  /// Where a callback finds the trainer that is made with it.
  private final class Place {
    weak var trainer: Trainer?
  }

  private func header(_ settings: TrainingSettings, _ state: TrainerState) -> ResumeFile.Header {
    ResumeFile.Header(
      identity: .init(settings: settings, data: 1, validation: "1d", refits: true, start: nil, replayShare: 0),
      phase: .search, state: state, search: nil, tensors: [])
  }

  /// Stopped within an epoch or, after all of its eight steps, in its evaluation, and resumed: bit for bit what an uninterrupted training gives.
  @Test(arguments: [3, 14, 16, 20], [TrainingSettings.Architecture.sasrec, .gru4rec])
  func resumesBitForBit(steps: Int, _ architecture: TrainingSettings.Architecture) throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/resume"
    let settings = settings { $0.architecture = architecture }
    let whole = try trainer(settings, saveTo: nil)
    let end = try whole.run()
    #expect(end == .finished)
    let first = try trainer(settings, saveTo: path, stopAfter: steps)
    let stopped = try first.run()
    #expect(stopped == .interrupted)
    let second = try trainer(settings, saveTo: nil)
    let saved = try #require(try ResumeFile.header(at: path))
    #expect(saved.state.updates == steps)
    let each = (first.batches.count + settings.batchSize - 1) / settings.batchSize
    #expect(saved.state.epochSteps == (steps - 1) % each + 1 && saved.state.history.count == (steps - 1) / each)
    #expect(each == 8)
    try ResumeFile.read(path, into: second.tensors)
    second.state = saved.state
    let resumed = try second.run()
    #expect(resumed == .finished)
    for (a, b) in zip(whole.tensors, second.tensors) {
      #expect(a.tensor.values.map(\.bitPattern) == b.tensor.values.map(\.bitPattern), "\(a.name)")
    }
    #expect(whole.state.history.map(\.loss) == second.state.history.map(\.loss))
    #expect(whole.state.history.map(\.validation) == second.state.history.map(\.validation))
    #expect(whole.state.kept == second.state.kept)
  }

  /// Session-parallel training goes on from its last epoch's end.
  @Test func lanesResumeAtEpochs() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/resume"
    let settings = settings {
      $0.architecture = .gru4rec
      $0.batching = .sessionParallel
      $0.objective = .batchSoftmax
      $0.negatives = 8
      $0.optimisation = .adagrad
    }
    let whole = try trainer(settings, saveTo: nil)
    _ = try whole.run()
    let first = try trainer(settings, saveTo: path, stopAfter: 100)
    let stopped = try first.run()
    #expect(stopped == .interrupted)
    let second = try trainer(settings, saveTo: nil)
    let saved = try #require(try ResumeFile.header(at: path))
    #expect(saved.state.epochSteps == 0 && saved.state.epoch > 1)
    try ResumeFile.read(path, into: second.tensors)
    second.state = saved.state
    _ = try second.run()
    for (a, b) in zip(whole.tensors, second.tensors) { #expect(a.tensor.values == b.tensor.values, "\(a.name)") }
  }

  /// A file that was cut or changed is refused, and what differs in another training is named.
  @Test func refusesDamageAndOthers() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/resume"
    let settings = settings { $0.epochs = 1 }
    _ = try trainer(settings, saveTo: path).run()
    let saved = try #require(try ResumeFile.header(at: path))
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    for (count, changed) in [
      (bytes.count - 1, nil), (bytes.count / 2, nil), (bytes.count, bytes.count - 40), (bytes.count, 2),
    ] {
      var damaged = Array(bytes[..<count])
      if let changed { damaged[changed] ^= 1 }
      try Data(damaged).write(to: URL(fileURLWithPath: path))
      #expect(throws: TrainingFailure.self) { try ResumeFile.header(at: path) }
    }
    #expect(try ResumeFile.header(at: "\(folder.path)/none") == nil)
    var other = saved.identity
    #expect(other.differences(from: saved.identity).isEmpty)
    other.settings.learningRate = 0.5
    other.data = 2
    let words = saved.identity.differences(from: other).joined(separator: ";")
    #expect(words.contains("learningRate") && words.contains("0.5") && words.contains("data"))
  }
}
