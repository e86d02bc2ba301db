import Foundation
import Platform
import Sequential
import Testing

@testable import Training

/// Session-parallel trainings are resumed from whole epochs, and say so.
@Suite struct LaneResumeTests {
  private func data(_ folder: TemporaryFolder) throws -> TrainingData {
    let sessions = TrainerFixture.certain(sessions: 60, items: 20)
    var text = "SessionId\tItemId\tTime\n"
    for index in 0..<sessions.count {
      for (place, item) in sessions[index].enumerated() {
        text += "\(index)\ti\(item)\t\(1_400_000_000 + index * 86_400 + place)\n"
      }
    }
    let path = folder.file("clicks.tsv")
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try TrainingData.read(DataOptions(files: [path]))
  }

  @Test(arguments: [TrainingSettings.Batching.windows, .sessionParallel])
  func whatCanBeResumedIsThere(batching: TrainingSettings.Batching) throws {
    let folder = try TemporaryFolder()
    let data = try data(folder)
    let split = try data.split(.none)
    let settings = TrainerFixture.settings {
      ($0.architecture, $0.layerSizes, $0.embeddingSize) = (.gru4rec, [16], 16)
      ($0.batching, $0.epochs, $0.threads) = (batching, 4, 1)
      ($0.dropout, $0.embeddingDropout) = (0, 0.3)
    }
    let whole = try #require(try TrainingRun(settings, data, split).run().model)
    var options = TrainingRun.Options()
    options.resumeFile = folder.file("resume")
    options.resumes = true
    for epochs in [0, 2] {
      var callbacks = TrainingRun.Callbacks()
      var (done, steps) = (0, 0)
      callbacks.epoch = { _, _ in done += 1 }
      callbacks.isStopped = {
        if done == epochs { steps += 1 }
        return steps > 1
      }
      let outcome = try TrainingRun(settings, data, split, options).run(callbacks)
      #expect(outcome.end == .interrupted && outcome.report.refit.count == epochs)
      #expect(outcome.isResumable == (batching == .windows || epochs > 0))
      #expect(FileManager.default.fileExists(atPath: folder.file("resume")) == outcome.isResumable)
    }
    let resumed = try #require(try TrainingRun(settings, data, split, options).run().model)
    for name in whole.weights.names {
      let (x, y) = (try #require(whole.weights[name]), try #require(resumed.weights[name]))
      for row in 0..<x.rows { for column in 0..<x.columns { #expect(x[row, column] == y[row, column]) } }
    }
  }

  /// Dropout of embeddings is that of layers unless it was given, also where layers have none.
  @Test(arguments: [TrainingSettings.Architecture.sasrec, .gru4rec])
  func embeddingsHaveADropoutOfTheirOwn(architecture: TrainingSettings.Architecture) throws {
    let folder = try TemporaryFolder()
    let data = try data(folder)
    func loss(_ layers: Double, _ embeddings: Double?) throws -> Double {
      let settings = TrainerFixture.settings {
        ($0.architecture, $0.layerSizes, $0.embeddingSize) = (architecture, [16], 16)
        ($0.hiddenSize, $0.ffnSize, $0.blocks) = (16, 32, 1)
        ($0.dropout, $0.embeddingDropout, $0.epochs, $0.threads) = (layers, embeddings, 1, 1)
      }
      let report = try TrainingRun(settings, data, try data.split(.none)).run().report
      return try #require(report.refit.first).loss
    }
    let none = try loss(0, nil)
    #expect(try loss(0, 0) == none && loss(0.4, nil) == loss(0.4, 0.4))
    #expect(try loss(0, 0.4) != none && loss(0.4, 0) != loss(0.4, 0.4) && loss(0.4, 0) != none)
  }
}
