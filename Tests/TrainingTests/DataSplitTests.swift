import Events
import Formats
import Foundation
import Sequential
import TestSupport
import Testing

@testable import Training

@Suite struct DataSplitTests {
  private let day = 86_400.0

  /// Ten sessions, one a day at noon; the last one alone has item "late".
  private func tenDays() throws -> TrainingData {
    let rows = (0..<10).flatMap { index in
      let start = Double(index) * day
      return [
        ("s\(index)", "i\(index % 3)", start), ("s\(index)", "j", start + 60),
        ("s\(index)", index == 9 ? "late" : "i0", start + 120),
      ]
    }
    return try ClickFile(rows).data()
  }

  @Test func theLastDayIsHeldOut() throws {
    let data = try tenDays()
    let split = try data.split(.last(milliseconds: 2 * 86_400_000))
    let holdOut = try #require(split.holdOut)
    #expect(split.training.count == 7)
    #expect(holdOut.sessions.count == 3)
    #expect(holdOut.firstTargets == [1, 1, 1])
    #expect(!holdOut.excludesSeen)
    #expect(split.training.times.allSatisfy { $0 < holdOut.sessions.times.min() ?? 0 })
  }

  @Test func itemsOfTheHeldOutPartAloneAreUnknown() throws {
    let data = try tenDays()
    let split = try data.split(.share(0.1))
    let holdOut = try #require(split.holdOut)
    #expect(split.itemCount == data.itemCount - 1)
    #expect(split.rows.map { data.vocabulary.id(of: $0) } == ["i0", "j", "i1", "i2"])
    #expect(holdOut.sessions.count == 1)
    #expect(holdOut.sessions[0].last == .unknown)
    // What both parts have is the same item in both numberings.
    #expect(holdOut.sessions[0].dropLast().map { data.vocabulary.id(of: split.rows[Int($0)]) } == ["i0", "j"])
    #expect(
      (0..<split.training.count).allSatisfy { session in
        split.training[session].map { split.rows[Int($0)] } == Array(data.sessions[session])
      })
  }

  @Test func withoutTimesTheLastEventOfEachSessionIsLeftOut() throws {
    let file = try ClickFile(text: "1 2 3\n4 5\n2 3 1 4\n", name: "sequences.txt")
    var options = file.options
    options.format = .sequences
    let data = try TrainingData.read(options)
    #expect(!data.hasTimes)
    #expect(data.sessions.times.isEmpty)
    #expect(data.usualValidation == .leaveOneOut)
    let split = try data.split(.automatic)
    let holdOut = try #require(split.holdOut)
    #expect(split.validation == .leaveOneOut)
    #expect(holdOut.excludesSeen)
    #expect(holdOut.firstTargets == [2, 3])
    #expect((0..<3).map { split.training[$0].count } == [2, 2, 3])
    #expect(throws: TrainingDataFailure.self) { try data.split(.last(milliseconds: 1000)) }
    // A share goes by the order of the file.
    let shared = try data.split(.share(1.0 / 3))
    #expect(shared.holdOut?.sessions[0].count == 4)
  }

  /// What is held out does not count for an item's support, and keeps its rare items as targets that are missed.
  @Test func supportIsThatOfTheTrainingPart() throws {
    var rows: [(String, String, Double)] = []
    func session(_ name: String, _ items: [String]) {
      for item in items { rows.append((name, item, Double(rows.count * 60))) }
    }
    for index in 0..<8 { session("t\(index)", ["a", "b", "c"]) }
    session("u", ["a", "once", "b"])
    session("v", ["a", "once", "never", "b"])
    let file = try ClickFile(rows)
    var options = file.options
    options.minItemSupport = 2
    let data = try TrainingData.read(options)
    #expect(data.catalogue == ["a", "b", "c", "once"])
    let split = try data.split(.share(0.1))
    #expect(split.rows.map { data.vocabulary.id(of: $0) } == ["a", "b", "c"])
    #expect(Array(split.training[8]) == [0, 1])
    #expect(split.holdOut.map { Array($0.sessions[0]) } == [0, .unknown, .unknown, 1])
    #expect(split.answerableTargets == 1)
    let left = try data.split(.leaveOneOut)
    #expect(left.holdOut?.sessions.count == 10)
    #expect(left.holdOut.map { Array($0.sessions[9]) } == [0, 2, .unknown, 1])
    // The whole is what a refit trains on.
    #expect(try data.split(.none).training == data.sessions)
  }

  /// Where nothing that is held out can be predicted, no epoch can be chosen by it.
  @Test func aSplitWithoutAnAnswerIsRefused() throws {
    let rows = (0..<10).flatMap { index in
      let start = (Double(index) + (index == 9 ? 0.5 : 0)) * day
      return (0..<4).map { ("s\(index)", "\(index == 9 ? "new" : "i")\($0 % 3)", start + Double($0)) }
    }
    let data = try ClickFile(rows).data()
    #expect(throws: TrainingDataFailure.self) { try data.split(.last(milliseconds: 86_400_000)) }
    #expect(throws: TrainingDataFailure.self) { try data.split(.share(0.1)) }
    let split = try data.split(.automatic)
    #expect(split.validation == .leaveOneOut && split.answerableTargets == 10)
  }

  @Test func theUsualSplitIsTheLastDayWhereThatIsEnough() throws {
    #expect(try tenDays().usualValidation == .last(milliseconds: 86_400_000))
    let short = try ClickFile([("a", "x", 1), ("a", "y", 2), ("b", "x", 3), ("b", "y", 4)])
    #expect(try short.data().usualValidation == .share(0.1))
  }

  @Test func whatCannotBeSplitIsRefused() throws {
    let data = try tenDays()
    #expect(throws: TrainingDataFailure.self) { try data.split(.last(milliseconds: 100 * 86_400_000)) }
    #expect(throws: TrainingDataFailure.self) { try data.split(.share(0.01)) }
    let whole = try data.split(.none)
    #expect(whole.holdOut == nil)
    #expect(whole.training == data.sessions)
    #expect(whole.itemCount == data.itemCount)
  }

  /// The public sample of Yoochoose clicks, where it is at hand: its own files split the last day off in the same way.
  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: DataSplitTests.yoochoose + "/train.tsv"), "needs ../shared/data"))
  func theLastDayOfYoochooseIsThatOfItsFiles() throws {
    let all = try TrainingData.read(DataOptions(files: [DataSplitTests.yoochoose + "/train.tsv"]))
    let split = try all.split(.last(milliseconds: 86_400_000))
    let part = try TrainingData.read(DataOptions(files: [DataSplitTests.yoochoose + "/train_tr.tsv"]))
    let rest = try TrainingData.read(DataOptions(files: [DataSplitTests.yoochoose + "/train_valid.tsv"]))
    let holdOut = try #require(split.holdOut)
    print(
      "Yoochoose: \(all.sessions.count) sessions; \(split.training.count) and \(holdOut.sessions.count) by the split, "
        + "\(part.sessions.count) and \(rest.sessions.count) in the files; items \(split.itemCount) and \(part.itemCount)"
    )
    let named = Set(
      (0..<split.training.count).map { session in
        split.training[session].map { all.vocabulary.id(of: split.rows[Int($0)]) }.joined(separator: " ")
      })
    let shared = part.ids.count { named.contains($0.joined(separator: " ")) }
    #expect(Double(shared) > 0.99 * Double(part.sessions.count))
    #expect(abs(split.training.count - part.sessions.count) < part.sessions.count / 100)
    // The files leave items out of the second part that the first one lacks, and then sessions of one event.
    #expect((rest.sessions.count...rest.sessions.count * 21 / 20).contains(holdOut.sessions.count))
  }

  private static let yoochoose = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/data/yoochoose-100k").path
}

@Suite struct MetadataFileTests {
  private let vocabulary = Vocabulary(["tent", "7", "stove"].map { Array($0.utf8) })!

  private func lines(_ text: String) throws -> [String] {
    let metadata = try MetadataFile.lines(Array(text.utf8), vocabulary, file: "items.jsonl")
    return (0..<metadata.count).map { metadata.line(of: ItemIndex($0)) }
  }

  @Test func linesStandInTheCataloguesOrder() throws {
    let text = """
      {"id": "stove", "title": "Stove", "price": [1, 2]}

      {"id": "nobody clicked", "title": "X"}
      {"id": 7, "category": null}
      """
    #expect(
      try lines(text) == [
        "{}", "{\"id\": 7, \"category\": null}", "{\"id\": \"stove\", \"title\": \"Stove\", \"price\": [1, 2]}",
      ])
  }

  /// What a model knew of its items stays where the file says nothing new.
  @Test func olderLinesStay() throws {
    let older = try ItemMetadata(bytes: Array("{\"title\": \"T\"}\n{\"title\": \"Seven\"}\n".utf8), count: 2)
    let metadata = try MetadataFile.lines(
      Array("{\"id\": \"7\", \"title\": \"New\"}".utf8), vocabulary, file: "items.jsonl", otherwise: older)
    #expect(
      (0..<3).map { metadata.line(of: ItemIndex($0)) } == [
        "{\"title\": \"T\"}", "{\"id\": \"7\", \"title\": \"New\"}", "{}",
      ])
  }

  @Test(arguments: [
    "[]", "{\"title\": \"x\"}", "{\"id\": \"tent\", \"title\": 3}", "{\"id\": \"tent\"}\n{\"id\": \"tent\"}",
    "{\"id\": 1.5}", "{",
  ])
  func aWrongLineIsNamed(text: String) throws {
    do {
      _ = try lines(text)
      Issue.record("taken: \(text)")
    } catch let failure as TrainingDataFailure {
      #expect("\(failure)".hasPrefix("items.jsonl:"))
    }
  }

  @Test func aMissingFileIsNamed() throws {
    #expect(throws: TrainingDataFailure.self) { try MetadataFile.read("/no/such/file", vocabulary) }
  }
}
