import Foundation
import Platform
import TestSupport
import Testing

/// `intentd train`, as it is called: a log of clicks becomes a model that the daemon's replay finds as good as training said.
@Suite(.serialized) struct TrainTests {
  private let folder: TemporaryFolder
  /// All sessions, and those of the first and of the last part by themselves.
  private let (all, first, last): (String, String, String)

  /// Small enough for a test, on two threads wherever it runs.
  static let small = [
    "--hidden-size", "32", "--blocks", "1", "--heads", "1", "--max-length", "10", "--dropout", "0.1", "--batch-size",
    "32",
    "--learning-rate", "0.005", "--threads", "2",
  ]

  /// Sessions of which four clicks in five follow from the one before, one a minute.
  init() throws {
    folder = try TemporaryFolder(prefix: "intentd-train")
    (all, first, last) = (folder.file("all.tsv"), folder.file("first.tsv"), folder.file("last.tsv"))
    var numbers = Numbers(state: 11)
    var parts = ["", ""]
    let sessions = 500
    for session in 0..<sessions {
      var item = numbers.below(60)
      for click in 0..<(3 + numbers.below(5)) {
        let time = 1_700_000_000 + session * 60 + click
        parts[session < sessions * 4 / 5 ? 0 : 1] += "s\(session)\titem-\(item)\t\(time)\n"
        item = numbers.below(5) == 0 ? numbers.below(60) : (item * 7 + 3) % 60
      }
    }
    let header = "SessionId\tItemId\tTime\n"
    try (header + parts[0] + parts[1]).write(toFile: all, atomically: true, encoding: .utf8)
    try (header + parts[0]).write(toFile: first, atomically: true, encoding: .utf8)
    try (header + parts[1]).write(toFile: last, atomically: true, encoding: .utf8)
  }

  private func train(_ arguments: [String], seconds: Double = 120) throws -> IntentdProcess.Outcome {
    try IntentdProcess.run(["train", all, "--validation", "20%"] + TrainTests.small + arguments, seconds: seconds)
  }

  private func json(_ path: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
  }

  /// The rows of an evaluation by replay, by name.
  private func evaluate(_ model: String, _ file: String) throws -> [[String: Any]] {
    let path = folder.file("evaluation.json")
    let outcome = try IntentdProcess.run(
      ["--replay", file, "--model", model, "--baseline-train", first, "--report", path])
    try #require(outcome.isSuccess, "\(outcome.error)")
    return try #require((try json(path)["evaluation"] as? [String: Any])?["rows"] as? [[String: Any]])
  }

  private func metric(_ name: String, at k: Int, _ row: [String: Any], lists: String = "metrics") throws -> Double {
    let lists = try #require(row[lists] as? [[String: Any]])
    let list = try #require(lists.first { $0["k"] as? Int == k })
    return try #require(list[name] as? Double)
  }

  @Test(arguments: ["sasrec", "gru4rec", "lstm"])
  func trainingMeasuresWhatAReplayMeasures(architecture: String) throws {
    let (model, report) = (folder.file("model-\(architecture)"), folder.file("training.json"))
    let size = architecture == "sasrec" ? [] : ["--layers", "32"]
    let settings = architecture == "sasrec" ? TrainTests.small : Array(TrainTests.small.dropFirst(6))
    let outcome = try IntentdProcess.run(
      ["train", all, "--out", model, "--arch", architecture, "--validation", "20%", "--epochs", "12", "--no-refit"]
        + size
        + settings + ["--report", report], seconds: 120)
    try #require(outcome.isSuccess, "\(outcome.error)")
    #expect(outcome.output.isEmpty)
    // In a pipe: a line an epoch, and nothing that is drawn over.
    #expect(!outcome.error.contains("\u{1B}") && !outcome.error.contains("\r"))
    #expect(outcome.error.contains("epoch 1:"))
    let search = try #require((try json(report)["training"] as? [String: Any])?["search"] as? [String: Any])
    let quality = try #require(search["quality"] as? [String: Any])
    let targets = try #require(quality["targets"] as? Int)
    let rows = try evaluate(model, last)
    #expect(rows[0]["targets"] as? Int == targets)
    for k in [1, 5, 10, 20] {
      let trained = try metric("hitRate", at: k, quality, lists: "lists")
      let replayed = try metric("hitRate", at: k, rows[0])
      print(
        "\(architecture) HR@\(k): training \(trained), replay \(replayed), popularity \(try metric("hitRate", at: k, rows[1]))"
      )
      // Scores that are equal but for rounding may stand in another order.
      #expect(abs(trained - replayed) <= 1.5 / Double(targets))
    }
    #expect(abs(try metric("mrr", at: 20, quality, lists: "lists") - metric("mrr", at: 20, rows[0])) < 2e-3)
    // Four in five clicks can be known.
    #expect(try metric("hitRate", at: 5, rows[0]) > 0.6)
    #expect(try metric("hitRate", at: 5, rows[1]) < 0.3)
    let picture = try String(contentsOfFile: folder.file("training.svg"), encoding: .utf8)
    #expect(picture.hasPrefix("<svg") && picture.contains("<polyline"))
  }

  @Test func theRefittedModelKnowsEverything() throws {
    let model = folder.file("model")
    let outcome = try train(["--out", model, "--epochs", "3", "--name", "shop", "--model-version", "7"])
    try #require(outcome.isSuccess, "\(outcome.error)")
    #expect(outcome.error.contains("refit epoch 1:"))
    let items = try String(contentsOfFile: "\(model)/items.txt", encoding: .utf8).split(separator: "\n")
    #expect(items.count == 60)
    let inspected = try IntentdProcess.run(["inspect", model])
    #expect(inspected.isSuccess && inspected.output.contains("shop"), "\(inspected.error)")
    // Nothing is left beside it.
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasPrefix("model.") })
  }

  @Test func aTrainingThatWasInterruptedGoesOn() throws {
    let arguments = ["--epochs", "40", "--patience", "0", "--no-refit"]
    let whole = try train(["--out", folder.file("whole")] + arguments)
    try #require(whole.isSuccess, "\(whole.error)")
    let call = ["train", all, "--validation", "20%"] + TrainTests.small + ["--out", folder.file("parts")] + arguments
    let process = try IntentdProcess(call)
    #expect(process.says("epoch 2:"))
    let ended = try process.terminate()
    #expect(ended.exit == .status(143), "\(ended.error)")
    #expect(ended.error.contains("--resume"))
    #expect(!FileManager.default.fileExists(atPath: folder.file("parts")))
    let resumed = try IntentdProcess.run(call + ["--resume"], seconds: 120)
    try #require(resumed.isSuccess, "\(resumed.error)")
    #expect(!resumed.error.contains("epoch 1:"))
    func weights(_ name: String) throws -> Data {
      try Data(contentsOf: URL(fileURLWithPath: folder.file("\(name)/model.safetensors")))
    }
    #expect(try weights("whole") == weights("parts"))
  }

  @Test func settingsAreSearchedFor() throws {
    let report = folder.file("tuned.json")
    let outcome = try train([
      "--out", folder.file("tuned"), "--epochs", "2", "--tune", "3", "--no-refit", "--report", report,
    ])
    try #require(outcome.isSuccess, "\(outcome.error)")
    let trials = try #require(try json(report)["trials"] as? [[String: Any]])
    #expect(trials.count == 3)
    // What it takes is said before the search begins.
    let (plan, trial) = (outcome.error.range(of: "memory "), outcome.error.range(of: "trial 0"))
    #expect(try #require(plan).lowerBound < (try #require(trial)).lowerBound)
  }

  @Test func quietSaysNothing() throws {
    let outcome = try train(["--out", folder.file("quiet"), "--epochs", "1", "--quiet"])
    #expect(outcome.isSuccess)
    #expect(outcome.error.isEmpty && outcome.output.isEmpty, "\(outcome.error)")
  }

  @Test(arguments: [
    (["no-such-file.tsv"], 1, "no-such-file.tsv"),
    (["FILE", "--memory", "64MiB", "--hidden-size", "512", "--ffn-size", "4096"], 1, "are allowed"),
    (["FILE", "--validation", "400d"], 1, "--validation"), (["FILE", "--loss", "sofmax"], 64, "did you mean softmax?"),
  ])
  func whatCannotBeTrainedIsNamed(arguments: [String], status: Int32, words: String) throws {
    let given = arguments.map { $0 == "FILE" ? all : $0 }
    let outcome = try IntentdProcess.run(["train", "--out", folder.file("none"), "--quiet"] + given)
    #expect(outcome.exit == .status(status), "\(outcome.error)")
    #expect(outcome.error.contains(words), "\(outcome.error)")
    #expect(!FileManager.default.fileExists(atPath: folder.file("none")))
  }
}

/// The daemon and the program behind `intentd train`.
@Suite struct TrainProgramTests {
  private static let folder = URL(fileURLWithPath: IntentdProcess.path).deletingLastPathComponent().path

  /// The daemon loads nothing that only training needs: its file does not name the library.
  @Test(arguments: [("intentd", false), ("intentd-train", true)])
  func onlyTrainingLoadsOpenBLAS(program: String, loads: Bool) throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(TrainProgramTests.folder)/\(program)"))
    #expect((bytes.range(of: Data("libopenblas.so".utf8)) != nil) == loads)
  }

  @Test func aMissingSiblingIsReported() throws {
    let folder = try TemporaryFolder(prefix: "intentd-alone")
    try FileManager.default.copyItem(atPath: IntentdProcess.path, toPath: folder.file("intentd"))
    let alone = try ChildProcess(
      folder.file("intentd"), ["train", "clicks.tsv", "--out", "model"], environment: ["PATH": "/nowhere"],
      output: .null, error: .pipe)
    var error: [UInt8] = []
    while let bytes = alone.readError() { error += bytes }
    #expect(try alone.wait() == .status(1))
    let text = String(decoding: error, as: UTF8.self)
    #expect(text.contains("intentd-train is not there") && text.contains("make build"), "\(text)")
  }

  /// Help and usage come from the daemon's own program.
  @Test func helpNeedsNoSibling() throws {
    let folder = try TemporaryFolder(prefix: "intentd-alone")
    try FileManager.default.copyItem(atPath: IntentdProcess.path, toPath: folder.file("intentd"))
    let alone = try ChildProcess(
      folder.file("intentd"), ["train", "--help"], environment: ["PATH": "/nowhere"], output: .pipe, error: .null)
    #expect(String(decoding: alone.readAllOutput(), as: UTF8.self).contains("--preset"))
    #expect(try alone.wait() == .status(0))
  }
}
