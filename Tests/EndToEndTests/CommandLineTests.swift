import Foundation
import Platform
import TestSupport
import Testing

/// The command line apart from replay: usage, configuration, inspection.
@Suite struct CommandLineTests {
  @Test(arguments: [
    ["--no-such-option"], [], ["--replay", "clicks.tsv"], ["--replay", "a", "--config", "b", "--model", "m"],
    ["inspect"],
    ["--replay", "a", "--model", "m", "--workers", "none"], ["serve"], ["inspect", "m", "--logits=1"],
  ])
  func aWrongCommandLineIsUsage(arguments: [String]) throws {
    let outcome = try IntentdProcess.run(arguments)
    #expect(outcome.exit == .status(64), "\(outcome.error)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.error.contains("--help"))
  }

  @Test(arguments: [["--help"], ["inspect", "--help"], ["demo", "--help"], ["--usage"], ["--version"]])
  func helpIsData(arguments: [String]) throws {
    let outcome = try IntentdProcess.run(arguments)
    #expect(outcome.isSuccess)
    #expect(outcome.output.contains("intentd"))
    #expect(outcome.error.isEmpty)
  }

  /// The statuses that the help names are those that calls end with.
  @Test func theHelpNamesTheStatuses() throws {
    let help = try IntentdProcess.run(["--help"]).output
    #expect(help.contains("Exit status: 0 done, 1 failed, 64 wrong usage"), "\(help)")
  }

  @Test func anUnknownKeyIsRefusedWithItsPlace() throws {
    let folder = try TemporaryFolder(prefix: "intentd-configuration")
    let path = folder.file("intentd.yaml")
    let text = """
      model: \(try TestModel.shop.path())
      kafka:
        bootstrap_servers: 127.0.0.1:1
        grop_id: shop
      redis:
        url: redis://127.0.0.1:1

      """
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let outcome = try IntentdProcess.run(["--config", path])
    #expect(outcome.exit == .status(1))
    #expect(outcome.error.contains("intentd.yaml:4: kafka.grop_id"), "\(outcome.error)")
    #expect(outcome.error.contains("did you mean group_id?"))
  }

  @Test func aMissingModelIsNamed() throws {
    let folder = try TemporaryFolder(prefix: "intentd-configuration")
    let outcome = try IntentdProcess.run(["--embedded", "--model", folder.file("nowhere")])
    #expect(outcome.exit == .status(1))
    #expect(outcome.error.contains("nowhere"), "\(outcome.error)")
  }

  /// The example of the repository is one that the daemon takes; only its servers and its model are not here.
  @Test func theExampleConfigurationIsTaken() throws {
    let example = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("deploy/intentd.yaml").path
    let process = try IntentdProcess(
      ["--config", example],
      environment: [
        "INTENTD_MODEL": try TestModel.shop.path(), "INTENTD_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:\(freePort())",
        "INTENTD_REDIS_URL": "redis://127.0.0.1:\(freePort())",
      ])
    _ = try process.log("serving")
    let outcome = try process.terminate(seconds: 30)
    #expect(outcome.isSuccess, "\(outcome.error)")
  }
}

/// `intentd inspect`.
@Suite struct InspectTests {
  @Test func aModelIsDescribed() throws {
    let outcome = try IntentdProcess.run(["inspect", try TestModel.shop.path()])
    #expect(outcome.isSuccess, "\(outcome.error)")
    for word in ["demo-shop", "SASRec", "1,000", "incremental", "kernel", "beyond it"] {
      #expect(outcome.output.contains(word))
    }
  }

  @Test func aTypedSessionIsPredictedWithTitles() throws {
    let items = try items()
    let outcome = try IntentdProcess.run(
      ["inspect", try TestModel.shop.path(), "--session", "\(items[0]), no-such-item,\(items[1])", "--top-k", "5"])
    #expect(outcome.isSuccess, "\(outcome.error)")
    #expect(outcome.lines.count == 5)
    #expect(outcome.lines.allSatisfy { $0.split(separator: "\t").count == 4 })
    #expect(outcome.error.contains("no-such-item is not in the catalogue"))
  }

  /// What is typed is predicted as what is clicked.
  @Test func aTypedSessionIsPredictedLikeAReplayedOne() throws {
    let items = Array(try items().prefix(3))
    let folder = try TemporaryFolder(prefix: "intentd-inspect")
    let clicks = Clicks(events: items.enumerated().map { Clicks.click("s", $1, 1_700_000_000_000 + Int64($0)) })
    try clicks.file.write(toFile: folder.file("clicks.jsonl"), atomically: true, encoding: .utf8)
    let model = try TestModel.shop.path()
    let replay = try IntentdProcess.run(["--replay", folder.file("clicks.jsonl"), "--model", model, "--top-k", "3"])
    let object = try JSONSerialization.jsonObject(with: Data(try #require(replay.lines.last).utf8)) as? [String: Any]
    let predictions = try #require(object?["predictions"] as? [[String: Any]])
    let inspect = try IntentdProcess.run(
      ["inspect", model, "--session", items.joined(separator: ","), "--top-k", "3"])
    let typed = inspect.lines.map { $0.split(separator: "\t") }
    #expect(typed.map { String($0[1]) } == predictions.compactMap { $0["item"] as? String })
    #expect(typed.map { Double($0[2]) } == predictions.map { $0["score"] as? Double })
  }

  @Test func logitsAreOneLineAnEvent() throws {
    let items = try items()
    let outcome = try IntentdProcess.run(
      ["inspect", try TestModel.shop.path(), "--session", "nothing,\(items[0]),\(items[1])", "--logits"])
    #expect(outcome.isSuccess, "\(outcome.error)")
    #expect(outcome.lines.count == 3)
    #expect(outcome.lines[0] == "{\"position\":1,\"known\":0,\"logits\":null}")
    let last = try JSONSerialization.jsonObject(with: Data(outcome.lines[2].utf8)) as? [String: Any]
    #expect(last?["known"] as? Int == 2)
    #expect((last?["logits"] as? [Double])?.count == 1000)
  }

  @Test func whatIsNoModelIsNamed() throws {
    let outcome = try IntentdProcess.run(["inspect", "/no/such/model"])
    #expect(outcome.exit == .status(1))
    #expect(outcome.error.contains("/no/such/model"))
  }

  private func items() throws -> [String] {
    try String(contentsOfFile: "\(try TestModel.shop.path())/items.txt", encoding: .utf8).split(separator: "\n").map(
      String.init)
  }
}
