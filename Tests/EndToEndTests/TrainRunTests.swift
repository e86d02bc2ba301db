import Foundation
import Platform
import TestSupport
import Testing

/// Ways to train that a first call does not need: what was killed, continued, read otherwise, or trained in lanes.
@Suite(.serialized) struct TrainRunTests {
  private let folder: TemporaryFolder
  /// Older clicks, and newer ones with an item more.
  private let (older, newer): (String, String)

  private static let lanes = [
    "--loss", "batch-softmax", "--batching", "session-parallel", "--batch-size", "16", "--learning-rate", "0.05",
    "--optimizer", "adagrad", "--negatives", "64", "--threads", "2", "--quiet",
  ]

  init() throws {
    folder = try TemporaryFolder(prefix: "intentd-train-run")
    (older, newer) = (folder.file("older.tsv"), folder.file("newer.tsv"))
    try TrainRunTests.clicks(sessions: 0..<300, items: 40).write(toFile: older, atomically: true, encoding: .utf8)
    try TrainRunTests.clicks(sessions: 300..<420, items: 41).write(toFile: newer, atomically: true, encoding: .utf8)
  }

  /// Sessions of five clicks, one a minute, each click after the one that it follows from.
  private static func clicks(
    sessions: Range<Int>, items: Int, header: String = "SessionId\tItemId\tTime", separator: String = "\t"
  ) -> String {
    var lines = [header]
    for session in sessions {
      for click in 0..<5 {
        let item = (session * 7 + click * 3) % items
        lines.append(
          ["s\(session)", "item-\(item)", "\(1_700_000_000 + session * 60 + click)"].joined(separator: separator))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func train(_ arguments: [String]) throws -> IntentdProcess.Outcome {
    try IntentdProcess.run(["train"] + arguments, seconds: 120)
  }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: folder.file(path))) }

  private func lines(_ path: String) throws -> [Substring] {
    String(decoding: try bytes(path), as: UTF8.self).split(separator: "\n")
  }

  /// Nothing is done at its end that a power failure would not do: the file of the last epoch is whole, and decides everything.
  @Test func aKilledTrainingGoesOn() throws {
    let call = [older, "--validation", "20%", "--epochs", "150", "--patience", "0", "--no-refit"] + TrainTests.small
    try #require(try train(call + ["--out", folder.file("whole")]).isSuccess)
    let process = try IntentdProcess(["train"] + call + ["--out", folder.file("killed")])
    #expect(process.says("epoch 2:"))
    process.kill()
    #expect(!FileManager.default.fileExists(atPath: folder.file("killed")))
    let resumed = try train(call + ["--out", folder.file("killed"), "--resume"])
    try #require(resumed.isSuccess, "\(resumed.error)")
    #expect(!resumed.error.contains("epoch 1:"))
    #expect(try bytes("whole/model.safetensors") == bytes("killed/model.safetensors"))
    #expect(try bytes("whole/items.txt") == bytes("killed/items.txt"))
  }

  @Test func aModelIsContinuedOnOlderAndNewerClicks() throws {
    let metadata = folder.file("items.jsonl")
    try (0..<41).map { #"{"id":"item-\#($0)","title":"Item \#($0)"}"# }.joined(separator: "\n")
      .write(toFile: metadata, atomically: true, encoding: .utf8)
    let first = try train(
      [older, "--validation", "none", "--epochs", "3", "--out", folder.file("first"), "--items-metadata", metadata]
        + TrainTests.small)
    try #require(first.isSuccess, "\(first.error)")
    let report = folder.file("report.json")
    let second = try train([
      newer, "--validation", "none", "--continue", folder.file("first"), "--replay-older", older, "--replay-share", "1",
      "--epochs", "2", "--out", folder.file("second"), "--report", report, "--threads", "2",
    ])
    try #require(second.isSuccess, "\(second.error)")
    let known = try lines("first/items.txt")
    #expect(known.count == 40)
    #expect(try lines("second/items.txt") == known + ["item-40"])
    // What was known of an item stays known; of a new one nothing is.
    let texts = try lines("second/items.jsonl")
    #expect(try texts.dropLast() == lines("first/items.jsonl")[...])
    #expect(texts.first?.contains("\"Item ") == true && texts.last == "{}")
    #expect(try bytes("first/model.safetensors") != bytes("second/model.safetensors"))
    let json = try #require(try JSONSerialization.jsonObject(with: bytes("report.json")) as? [String: Any])
    let plan = try #require((json["training"] as? [String: Any])?["plan"] as? [String: Any])
    #expect(plan["replayedWindows"] as? Int == 300 && plan["windows"] as? Int == 120)
  }

  /// Lanes go on from whole epochs, and a model that was trained in lanes is continued in lanes.
  @Test func lanesAreResumedAndContinued() throws {
    let call =
      [older, "--validation", "20%", "--epochs", "150", "--patience", "0", "--no-refit", "--arch", "gru4rec"]
      + ["--layers", "16", "--no-projection", "--logq", "0.5", "--embedding-dropout", "0"] + TrainRunTests.lanes
    try #require(try train(call + ["--out", folder.file("whole")]).isSuccess)
    let process = try IntentdProcess(["train"] + call.dropLast() + ["--out", folder.file("lanes")])
    #expect(process.says("epoch 2:"))
    let ended = try process.terminate()
    #expect(ended.exit == .status(143))
    #expect(ended.error.contains("from the last whole epoch: the same command with --resume"), "\(ended.error)")
    let resumed = try train(call + ["--out", folder.file("lanes"), "--resume"])
    try #require(resumed.isSuccess, "\(resumed.error)")
    #expect(try bytes("whole/model.safetensors") == bytes("lanes/model.safetensors"))
    let continued = try train(
      [
        newer, "--validation", "none", "--continue", folder.file("lanes"), "--out", folder.file("next"), "--epochs",
        "1",
      ]
        + TrainRunTests.lanes)
    #expect(continued.isSuccess && continued.error.isEmpty, "\(continued.error)")
    #expect(try lines("next/items.txt").count == 41)
  }

  @Test func columnsAreNamed() throws {
    let file = folder.file("clicks.csv")
    try TrainRunTests.clicks(sessions: 0..<60, items: 20, header: "visit,sku,at", separator: ",")
      .write(toFile: file, atomically: true, encoding: .utf8)
    let arguments = ["--out", folder.file("model"), "--epochs", "1", "--format", "csv", "--validation", "none"]
    let outcome = try train([file, "--columns", "session=visit,item=sku,time=at"] + arguments + TrainTests.small)
    try #require(outcome.isSuccess, "\(outcome.error)")
    #expect(outcome.error.contains("300 events"))
    #expect(try lines("model/items.txt").count == 20)
    let wrong = try train([file, "--columns", "session=visit,item=name,time=at"] + arguments)
    #expect(wrong.exit == .status(1) && wrong.error.contains("name"), "\(wrong.error)")
  }

  /// Places are looked at before anything is read: the files of clicks here are not there.
  @Test(arguments: [
    (["--out", "FOLDER/shop"], "notes.txt"), (["--out", "FOLDER/older.tsv"], "older.tsv"),
    (["--out", "FOLDER/no/model"], "not there"),
    (["--out", "FOLDER/model", "--report", "FOLDER/model/training.json"], "outside"),
    (["--out", "FOLDER/model/", "--plot", "FOLDER/x/../model/curves.svg"], "outside"),
    (["--out", "FOLDER/model", "--report", "FOLDER/shop"], "is a directory"),
  ])
  func whatCouldNotBeWrittenIsRefusedAtOnce(arguments: [String], words: String) throws {
    let shop = folder.file("shop")
    try FileManager.default.createDirectory(atPath: shop, withIntermediateDirectories: false)
    for name in ["config.json", "notes.txt"] {
      try "{}".write(toFile: "\(shop)/\(name)", atomically: true, encoding: .utf8)
    }
    let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    let outcome = try train(
      ["no-such-file.tsv"] + arguments.map { $0.replacingOccurrences(of: "FOLDER", with: folder.path) })
    #expect(outcome.exit == .status(1) && outcome.error.contains(words), "\(outcome.error)")
    #expect(!outcome.error.contains("no-such-file"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
  }
}
