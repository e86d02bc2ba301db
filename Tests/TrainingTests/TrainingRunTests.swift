import Events
import Foundation
import Platform
import Sequential
import Testing

@testable import Training

@Suite struct TrainingRunTests {
  /// Click logs of `sessions`, a minute between two events and a day between two sessions.
  private func file(_ sessions: SessionTable, in folder: TemporaryFolder, _ name: String = "clicks.tsv") throws
    -> String
  {
    var text = "SessionId\tItemId\tTime\n"
    for index in 0..<sessions.count {
      for (place, item) in sessions[index].enumerated() {
        text += "\(index)\ti\(item)\t\(1_400_000_000 + index * 86_400 + place * 60)\n"
      }
    }
    let path = "\(folder.path)/\(name)"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private func clicks(_ folder: TemporaryFolder) throws -> TrainingData {
    // The last session has an item that no other has.
    var sessions = TrainerFixture.certain(sessions: 60, items: 20)
    sessions.append([1, 4, 99])
    return try TrainingData.read(DataOptions(files: [try file(sessions, in: folder)]))
  }

  /// The search measures and chooses; the refit has all items and the chosen number of epochs; what is written can be loaded.
  @Test func searchesAndRefits() throws {
    let folder = try TemporaryFolder()
    let data = try clicks(folder)
    let split = try data.split(.share(0.2))
    var seen: [TrainingPhase] = []
    var callbacks = TrainingRun.Callbacks()
    callbacks.epoch = { phase, _ in seen.append(phase) }
    let outcome = try TrainingRun(TrainerFixture.small(), data, split).run(callbacks)
    #expect(outcome.end == .finished)
    let search = try #require(outcome.report.search)
    #expect(search.epochs.count == 4 && outcome.report.refit.count == search.chosen)
    #expect(seen.filter { $0 == .search }.count == 4 && seen.filter { $0 == .refit }.count == search.chosen)
    #expect(search.quality.unknownTargets == 1)
    #expect(outcome.report.epochs == search.chosen)
    try outcome.write(to: "\(folder.path)/model")
    let model = try ModelDirectory.load("\(folder.path)/model")
    // The phase that made the weights alone, under the name that the reference's tools use.
    let seconds = outcome.report.refit.reduce(0) { $0 + $1.seconds }
    let written = model.metrics.filter { $0.name.hasSuffix("seconds") }
    #expect(written == [ModelMetric("training_seconds", .number((seconds * 10).rounded() / 10))])
    #expect(seconds < outcome.report.seconds)
    #expect(model.vocabulary.count == data.itemCount)
    #expect(model.metrics.contains { $0.name == "HR@20" } && model.metrics.contains(ModelMetric("refit", .flag(true))))
    #expect(outcome.report.picture.contains("<svg"))
    let decoded = try JSONDecoder().decode(TrainingReport.self, from: JSONEncoder().encode(outcome.report))
    #expect(decoded == outcome.report)

    var options = TrainingRun.Options()
    options.refits = false
    let part = try TrainingRun(TrainerFixture.small(), data, split, options).run()
    let partial = try #require(part.model)
    #expect(partial.vocabulary.count == data.itemCount - 1 && part.report.refit.isEmpty)
  }

  /// A run that was interrupted in either phase gives, resumed, the weights of one that was not; another one's file is refused.
  @Test(arguments: [3, 4, 5, 24]) func resumesInEitherPhase(steps: Int) throws {
    let folder = try TemporaryFolder()
    let data = try clicks(folder)
    let split = try data.split(.share(0.2))
    let whole = try TrainingRun(TrainerFixture.small(), data, split).run()
    var options = TrainingRun.Options()
    options.resumeFile = "\(folder.path)/resume"
    options.resumes = true
    var callbacks = TrainingRun.Callbacks()
    var left = steps
    callbacks.isStopped = {
      left -= 1
      return left < 0
    }
    let stopped = try TrainingRun(TrainerFixture.small { $0.learningRate = 0.021 }, data, split, options).run(callbacks)
    #expect(stopped.end == .interrupted)
    #expect(throws: TrainingFailure.self) { try TrainingRun(TrainerFixture.small(), data, split, options).run() }
    try FileManager.default.removeItem(atPath: "\(folder.path)/resume")
    left = steps
    _ = try TrainingRun(TrainerFixture.small(), data, split, options).run(callbacks)
    let resumed = try TrainingRun(TrainerFixture.small(), data, split, options).run()
    let (a, b) = (try #require(whole.model).weights, try #require(resumed.model).weights)
    for name in a.names {
      let (x, y) = (try #require(a[name]), try #require(b[name]))
      for row in 0..<x.rows { for column in 0..<x.columns { #expect(x[row, column] == y[row, column]) } }
    }
    #expect(resumed.report.search?.chosen == whole.report.search?.chosen)
    #expect(resumed.report.refit.map(\.loss) == whole.report.refit.map(\.loss))
  }

  /// A resumed refit that goes wrong in its first epoch ends with what the search found, and says that there is no model; one that goes
  /// wrong later has the weights from before.
  @Test(arguments: [0, 1]) func aResumedRefitGoesWrong(finished: Int) throws {
    let folder = try TemporaryFolder()
    let data = try clicks(folder)
    let split = try data.split(.share(0.2))
    var options = TrainingRun.Options()
    options.resumeFile = "\(folder.path)/resume"
    options.resumes = true
    let run = try TrainingRun(TrainerFixture.small(), data, split, options)
    var callbacks = TrainingRun.Callbacks()
    var (searched, epochs, steps) = (0, 0, 0)
    callbacks.epoch = { phase, _ in if phase == .refit { epochs += 1 } else { searched += 1 } }
    callbacks.isStopped = {
      if searched == 4 && epochs == finished { steps += 1 }
      return steps > 2
    }
    let stopped = try run.run(callbacks)
    #expect(stopped.end == .interrupted && stopped.report.refit.count == finished)
    try spoil(run, "\(folder.path)/resume")

    let outcome = try run.run()
    guard case .failed(.notFinite(_, let epoch, _)) = outcome.end else {
      Issue.record("\(outcome.end)")
      return
    }
    #expect(epoch == finished + 1 && outcome.report.failure?.contains("epoch \(epoch)") == true)
    #expect(outcome.report.search?.epochs.count == 4 && outcome.report.epochs == finished)
    #expect((outcome.model != nil) == (finished > 0))
    #expect(
      outcome.remainder(at: "model")
        == (finished > 0 ? "model holds the model of epoch 1" : "no epoch was finished, so there is no model"))
    _ = try JSONEncoder().encode(outcome.report)
    try outcome.write(to: "\(folder.path)/model")
    #expect(FileManager.default.fileExists(atPath: "\(folder.path)/model") == (finished > 0))
  }

  /// Makes a weight of the training in the resume file `path` no number.
  private func spoil(_ run: TrainingRun, _ path: String) throws {
    let header = try #require(try ResumeFile.header(at: path))
    #expect(header.phase == .refit)
    let trainer = try Preparation(run, .refit).trainer(.init(), header.search, ThreadTeam(1))
    try ResumeFile.read(path, into: trainer.tensors)
    let weight = try #require(trainer.tensors.first)
    for index in 0..<weight.tensor.count { weight.tensor[index] = .nan }
    try ResumeFile.write(header, trainer.tensors, to: path)
  }

  /// Too little memory is refused before anything large is made, with what would help.
  @Test func refusesWhatDoesNotFit() throws {
    let folder = try TemporaryFolder()
    let data = try clicks(folder)
    let split = try data.split(.none)
    var options = TrainingRun.Options()
    let plan = try TrainingRun(TrainerFixture.small(), data, split, options).plan()
    #expect(plan.memory.total > plan.parameters * 4 * 5 && plan.targets > 100 && plan.steps > 1)
    options.memoryLimit = plan.memory.total
    _ = try TrainingRun(TrainerFixture.small(), data, split, options).plan()
    for limit in [plan.memory.total - 1, 1000] {
      options.memoryLimit = limit
      let run = try TrainingRun(TrainerFixture.small(), data, split, options)
      #expect(throws: TrainingFailure.self) { try run.plan() }
    }
    #expect(throws: TrainingFailure.self) { try TrainingRun(TrainerFixture.small { $0.heads = 3 }, data, split) }
  }

  /// What the whole run holds is counted: the search's model beside the refit, and the parts of the data.
  @Test func countsWhatItHoldsBesideTheTrainer() throws {
    let folder = try TemporaryFolder()
    let data = try clicks(folder)
    let split = try data.split(.share(0.2))
    var options = TrainingRun.Options()
    let both = try TrainingRun(TrainerFixture.small(), data, split, options)
    let weights = 4 * (try both.plan().parameters)
    #expect(try both.plan().answerableTargets == split.answerableTargets)
    #expect(try both.run().report.plan.answerableTargets == split.answerableTargets)
    #expect(both.modelBytes(parameters: weights / 4, .refit) == 2 * weights)
    options.refits = false
    let search = try TrainingRun(TrainerFixture.small(), data, split, options).plan()
    #expect(search.memory.copies == 2 * 4 * search.parameters)
    #expect(search.memory.data > data.byteCount + split.training.byteCount)
    #expect(search.text.contains("warning: only") && search.answerableTargets < 100)
    #expect(search.answerableTargets == split.answerableTargets)
  }

  /// Losses that tell items apart need two.
  @Test func aSingleItemIsRefused() throws {
    let folder = try TemporaryFolder()
    var sessions = SessionTable()
    for _ in 0..<10 { sessions.append([1, 1, 1]) }
    let data = try TrainingData.read(DataOptions(files: [try file(sessions, in: folder)]))
    for objective in [TrainingSettings.Objective.gbce, .softmax] {
      let run = try TrainingRun(TrainerFixture.small { $0.objective = objective }, data, try data.split(.none))
      #expect(throws: TrainingFailure.self) { try run.run() }
    }
  }

  /// A training that begins anew does not write over what another one can go on from, and clears away what killed ones left.
  @Test func anEarlierResumeFileIsSetAside() throws {
    let folder = try TemporaryFolder()
    let data = try clicks(folder)
    var options = TrainingRun.Options()
    let path = "\(folder.path)/resume"
    options.resumeFile = path
    let run = try TrainingRun(TrainerFixture.small { $0.epochs = 1 }, data, try data.split(.none), options)
    #expect(try run.setAside() == nil)
    try "earlier".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try run.setAside() == path + ".old")
    #expect(try String(contentsOfFile: path + ".old", encoding: .utf8) == "earlier")
    let stale = "\(path).writing-\(Int32.max)"
    let own = "\(path).writing-\(ProcessInfo.processInfo.processIdentifier)x"
    for name in [stale, own] { try "".write(toFile: name, atomically: true, encoding: .utf8) }
    _ = try run.run()
    #expect(!FileManager.default.fileExists(atPath: stale) && FileManager.default.fileExists(atPath: own))
    #expect(FileManager.default.fileExists(atPath: path))
  }

  /// A continued model keeps its rows in their order; new items begin where their neighbours are, and are learnt.
  @Test func continuesWithNewItems() throws {
    let folder = try TemporaryFolder()
    let old = try TrainingData.read(
      DataOptions(files: [try file(TrainerFixture.certain(sessions: 60, items: 20), in: folder)]))
    let model = try #require(try TrainingRun(TrainerFixture.small(), old, try old.split(.none)).run().model)
    var newer = TrainerFixture.certain(sessions: 30, items: 20)
    for _ in 0..<30 { newer.append([1, 77, 4]) }
    let data = try TrainingData.read(
      DataOptions(files: [try file(newer, in: folder, "new.tsv")]), extending: model.vocabulary)
    #expect(data.itemCount == model.vocabulary.count + 1)
    let older = data.sessions
    let continuation = Continuation(model, older: older, olderShare: 0.5)
    let parts = try TrainingParts.make(
      TrainerFixture.small(), clicks: [Int](repeating: 1, count: data.itemCount), longestWindow: 6,
      continuing: continuation.configuration(items: data.itemCount))
    continuation.initialise(parts.network, sessions: data.sessions, seed: 1)
    let table = parts.network.parameters[0].value
    let known = try #require(model.weights["item_embedding.weight"])
    for row in 0..<known.rows { for column in 0..<known.columns { #expect(table[row, column] == known[row, column]) } }
    let new = known.rows
    func id(_ text: String) -> Int { Int(data.vocabulary.index(of: Array(text.utf8).span)) }
    for column in 0..<known.columns {
      let mean = (table[id("i1"), column] + table[id("i4"), column]) / 2
      #expect(abs(table[new, column] - mean) < 1e-6)
    }
    var options = TrainingRun.Options()
    options.continuation = continuation
    let outcome = try TrainingRun(TrainerFixture.small(), data, try data.split(.share(0.2)), options).run()
    let continued = try #require(outcome.model)
    #expect(
      (0..<new).allSatisfy { continued.vocabulary.id(of: ItemIndex($0)) == model.vocabulary.id(of: ItemIndex($0)) })
    #expect(continued.vocabulary.id(of: ItemIndex(new)) == "i77")
    #expect(outcome.report.plan.replayedWindows > 0)
    #expect(outcome.report.plan.sessions == data.sessions.count && outcome.report.plan.events == data.eventCount)
    #expect(try #require(outcome.report.search).quality.hitRate(5) > 0.9)
  }
}
