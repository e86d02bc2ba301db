import Foundation
import Platform
import TestSupport
import Testing

/// `intentd --replay`, as it is called.
@Suite struct ReplayCommandTests {
  private let folder: TemporaryFolder
  private let model: String
  private let clicks = Clicks(1500, visitors: 60)
  /// The clicks with all that is malformed among them.
  private let file: String
  /// The clicks alone, a table.
  private let table: String

  init() throws {
    folder = try TemporaryFolder(prefix: "intentd-replay")
    model = try TestModel.shop.path()
    file = folder.file("clicks.jsonl")
    table = folder.file("clicks.tsv")
    try clicks.file.write(toFile: file, atomically: true, encoding: .utf8)
    let rows = clicks.events.map { "\($0.key)\t\($0.item)\t\(Double($0.time) / 1000)\n" }.joined()
    try ("SessionId\tItemId\tTime\n" + rows).write(toFile: table, atomically: true, encoding: .utf8)
  }

  private func replay(_ files: [String], _ arguments: [String] = []) throws -> IntentdProcess.Outcome {
    try IntentdProcess.run(["--replay"] + files + ["--model", model] + arguments)
  }

  @Test func theSameBytesForAnyNumberOfWorkersAndAnyBatch() throws {
    let first = try replay([table], ["--workers", "1", "--batch", "1000"])
    #expect(first.isSuccess, "\(first.error)")
    #expect(first.lines.count == clicks.events.count)
    for (workers, batch) in [(1, 1), (1, 7), (2, 7), (2, 1000), (3, 1), (3, 1000)] {
      let again = try replay([table], ["--workers", "\(workers)", "--batch", "\(batch)"])
      #expect(again.isSuccess)
      #expect(again.output == first.output, "\(workers) workers, batches of \(batch)")
    }
  }

  @Test func excludedItemsAreTheSameForAnyBatchToo() throws {
    let first = try replay([table], ["--workers", "1", "--exclude", "seen", "--order", "time"])
    let again = try replay([table], ["--workers", "3", "--batch", "7", "--exclude", "seen", "--order", "time"])
    #expect(first.isSuccess && !first.output.isEmpty)
    #expect(again.output == first.output)
  }

  @Test func dataGoesToStandardOutputAndWordsToStandardError() throws {
    let outcome = try replay([file], ["--format", "native"])
    #expect(outcome.isSuccess, "\(outcome.error)")
    #expect(outcome.lines.count == clicks.events.count)
    for line in outcome.lines.prefix(20) { _ = try WrittenPrediction(line) }
    #expect(outcome.error.contains("clicks/s"))
    #expect(outcome.error.contains("\(clicks.poisonCount) malformed"))
    let firstBad = try #require(clicks.all.filter { $0.value != nil }.firstIndex { !$0.isEvent })
    #expect(outcome.error.contains("clicks.jsonl:\(firstBad + 1): "), "\(outcome.error)")
  }

  @Test func compressedFilesAndStandardInputAreRead() throws {
    let plain = try replay([table])
    let zipped = folder.file("zipped.tsv.gz")
    let gzip = try ChildProcess("gzip", ["-c", table], output: .file(zipped))
    #expect(try gzip.wait() == .status(0))
    let outcome = try replay([zipped])
    #expect(outcome.isSuccess, "\(outcome.error)")
    #expect(outcome.output.replacing("zipped.tsv.gz", with: "clicks.tsv") == plain.output)

    let shell = try ChildProcess(
      "/bin/sh",
      ["-c", "gzip -dc \"$1\" | \"$2\" --replay - --model \"$3\"", "sh", zipped, IntentdProcess.path, model],
      output: .file(folder.file("piped")), error: .null)
    #expect(try shell.wait(milliseconds: 60_000) == .status(0))
    let piped = try String(contentsOfFile: folder.file("piped"), encoding: .utf8)
    #expect(piped.replacing("\"file\":\"-\"", with: "\"file\":\"\(table)\"") == plain.output)
  }

  @Test func strictEndsAtTheFirstLineThatIsNoEvent() throws {
    let outcome = try replay([file], ["--format", "native", "--strict"])
    #expect(outcome.exit == .status(1))
    let firstBad = try #require(clicks.all.filter { $0.value != nil }.firstIndex { !$0.isEvent })
    #expect(outcome.error.contains("clicks.jsonl:\(firstBad + 1): "), "\(outcome.error)")
  }

  @Test func aLimitCutsTheReplay() throws {
    let whole = try replay([table])
    let part = try replay([table], ["--limit", "123", "--workers", "2"])
    #expect(part.lines == Array(whole.lines.prefix(123)))
  }

  @Test func orderByTimeInterleavesSessions() throws {
    let sorted = clicks.events.enumerated().sorted { ($0.element.key, $0.offset) < ($1.element.key, $1.offset) }
      .map(\.element)
    let bySession = folder.file("by-session.tsv")
    let rows = sorted.map { "\($0.key)\t\($0.item)\t\(Double($0.time) / 1000)\n" }.joined()
    try ("SessionId\tItemId\tTime\n" + rows).write(toFile: bySession, atomically: true, encoding: .utf8)
    let outcome = try replay([bySession], ["--order", "time"])
    #expect(outcome.isSuccess, "\(outcome.error)")
    let times = try outcome.lines.map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return try #require(object?["time"] as? Int64)
    }
    #expect(times.count == clicks.events.count)
    #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
  }

  @Test(arguments: ["all", "last"])
  func evaluationIsReported(targets: String) throws {
    let path = folder.file("report.json")
    let outcome = try replay(
      [table], ["--evaluate", "--targets", targets, "--baseline-train", table, "--report", path, "--workers", "2"])
    #expect(outcome.isSuccess, "\(outcome.error)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.error.contains("NDCG"))
    let report = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any]
    let evaluation = try #require(report?["evaluation"] as? [String: Any])
    #expect(evaluation["targets"] as? String == targets)
    let rows = try #require(evaluation["rows"] as? [[String: Any]])
    #expect(rows.count == 3)
    #expect(Set(rows.compactMap { $0["targets"] as? Int }).count == 1)
  }

  @Test func baselinesStandBesideTheModelOrAlone() throws {
    let names = ["popularity", "markov", "item-knn", "sequential-rules", "vmis-knn"]
    func rows(_ outcome: IntentdProcess.Outcome) -> [String] {
      let lines = outcome.error.split(separator: "\n").filter { $0.contains("  1  0.") && !$0.hasPrefix(" ") }
      return lines.map { $0.split(separator: " ").joined(separator: " ") }
    }
    let beside = try replay([table], ["--baselines", "all", "--baseline-train", table])
    #expect(beside.isSuccess && beside.output.isEmpty, "\(beside.error)")
    #expect(rows(beside).dropFirst().map { $0.prefix { $0 != " " } } == names.map { $0[...] })
    let alone = try IntentdProcess.run(["--replay", table, "--baselines", "all", "--baseline-train", table])
    #expect(alone.isSuccess && alone.output.isEmpty, "\(alone.error)")
    #expect(rows(alone) == Array(rows(beside).dropFirst()))
    #expect(alone.error.contains("baselines learnt from \(clicks.events.count) clicks"))
    let path = folder.file("alone.json")
    let chosen = try IntentdProcess.run([
      "--replay", table, "--baselines", "vmis-knn,markov", "--baseline-train", table, "--exclude", "seen", "--targets",
      "last", "--report", path,
    ])
    #expect(chosen.isSuccess, "\(chosen.error)")
    #expect(rows(chosen).map { $0.prefix { $0 != " " } } == ["vmis-knn", "markov"])
    let report = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any]
    #expect(report?["evaluation"] != nil && report?["model"] == nil)
  }

  @Test func predictionsGoToAFileWhereAskedFor() throws {
    let path = folder.file("predictions.jsonl")
    let outcome = try replay([table], ["--output", path])
    #expect(outcome.isSuccess)
    #expect(outcome.output.isEmpty)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == replay([table]).output)
    let full = try replay([table], ["--output", "/dev/full"])
    #expect(full.exit == .status(1))
    #expect(full.error.contains("/dev/full"))
  }

  @Test func whatIsMissingIsNamed() throws {
    let noFile = try replay([folder.file("nothing.tsv")])
    #expect(noFile.exit == .status(1))
    #expect(noFile.error.contains("nothing.tsv"))
    let noModel = try IntentdProcess.run(["--replay", table, "--model", folder.file("no-model")])
    #expect(noModel.exit == .status(1))
    #expect(noModel.error.contains("no-model"))
    #expect(noModel.output.isEmpty)
  }
}
