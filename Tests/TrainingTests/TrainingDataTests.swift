import Events
import Formats
import Foundation
import Platform
import TestSupport
import Testing

@testable import Training

@Suite struct TrainingDataTests {
  @Test func sessionsStandByTimeAndItemsByFirstAppearance() throws {
    // Sessions interleave, one has its events out of order, two events have one time.
    let file = try ClickFile([
      ("a", "x", 100), ("b", "y", 101), ("a", "z", 99), ("b", "x", 102), ("a", "w", 100), ("c", "q", 5), ("c", "q", 6),
    ])
    let data = try TrainingData.read(file.options)
    #expect(data.ids == [["z", "x", "w"], ["y", "x"], ["q", "q"]])
    #expect(data.catalogue == ["x", "y", "z", "w", "q"])
    #expect(data.sessions.times == [100_000, 102_000, 6000].map { $0 + EventTime(ClickFile.origin) * 1000 })
    #expect(data.counts.events == 7)
    #expect(data.counts.sessionsRead == 3)
    #expect(data.hasTimes)

    var asTheyStand = file.options
    asTheyStand.ordersByTime = false
    #expect(try TrainingData.read(asTheyStand).ids == [["x", "z", "w"], ["y", "x"], ["q", "q"]])
  }

  @Test func aGapAboveTheIdleTimeoutCuts() throws {
    let hour = 3600.0
    let file = try ClickFile([
      ("a", "1", 0), ("a", "2", 24 * hour), ("a", "3", 48 * hour + 1), ("a", "4", 49 * hour),
    ])
    #expect(try TrainingData.read(file.options).ids == [["1", "2"], ["3", "4"]])
    var options = file.options
    options.idleTimeout = 3_600_000
    options.minSessionLength = 1
    let cut = try TrainingData.read(options)
    #expect(cut.ids == [["1"], ["2"], ["3", "4"]])
    #expect(cut.counts.sessionIDs == 1)
  }

  @Test func supportAndLengthAreFilteredUntilNothingChanges() throws {
    // "r" is rare; without it session c is too short; without c, "s" has too little support; without it d is too short.
    let file = try ClickFile([
      ("a", "x", 1), ("a", "y", 2), ("b", "y", 3), ("b", "x", 4), ("c", "s", 5), ("c", "r", 6), ("d", "s", 7),
      ("d", "x", 8),
    ])
    var options = file.options
    options.minItemSupport = 2
    let data = try TrainingData.read(options)
    #expect(data.ids == [["x", "y"], ["y", "x"]])
    #expect(data.catalogue == ["x", "y"])
    #expect(data.counts.rareItemEvents == 2)
    #expect(data.counts.shortSessionEvents == 2)
    #expect(data.counts.itemsRead == 4)
  }

  @Test func whatIsNoEventIsCountedOrEnds() throws {
    let text = "SessionId\tItemId\tTime\na\tx\t1700000001\na\ty\tnever\na\tz\t1700000002\n"
    let file = try ClickFile(text: text, name: "clicks.tsv")
    let data = try TrainingData.read(file.options)
    #expect(data.counts.malformed == 1)
    #expect(data.counts.messages.first?.contains("clicks.tsv:3") == true)
    var strict = file.options
    strict.strict = true
    #expect(throws: TrainingDataFailure.self) { try TrainingData.read(strict) }
    var limited = file.options
    limited.limit = 1
    #expect(throws: TrainingDataFailure.self) { try TrainingData.read(limited) }
  }

  /// An id that `items.txt` can't hold would make a model that can't be loaded: such events are counted as malformed.
  @Test func idsThatNoModelCanHaveAreLeftOut() throws {
    let lines = ["x", "line\\nfeed", "y", "car\\rriage", "\\ufeffmark", "line\\nfeed", "z"].enumerated().map {
      "{\"session\": \"a\", \"item\": \"\($1)\", \"time\": \(1_700_000_000_000 + $0 * 1000)}\n"
    }
    let file = try ClickFile(text: lines.joined(), name: "clicks.jsonl")
    let data = try TrainingData.read(file.options)
    #expect(data.ids == [["x", "y", "z"]] && data.catalogue == ["x", "y", "z"])
    #expect(data.counts.malformed == 4 && data.counts.events == 3 && data.counts.itemsRead == 3)
    #expect(data.counts.messages.contains { $0.contains("line feed") && $0.contains("line?feed") })
    var strict = file.options
    strict.strict = true
    #expect(throws: TrainingDataFailure.item("an id with a line feed: \"line?feed\"")) {
      try TrainingData.read(strict)
    }
  }

  /// A request to end is heard between two batches of events.
  @Test func readingCanBeEnded() throws {
    let file = try ClickFile((0..<20_000).map { ("s\($0 / 4)", "i\($0 % 50)", Double($0)) })
    var asked = 0
    #expect(throws: TrainingDataFailure.stopped) {
      try TrainingData.read(
        file.options,
        isStopped: {
          asked += 1
          return asked > 1
        })
    }
    #expect(asked == 3)
  }

  @Test func memoryIsBounded() throws {
    let file = try ClickFile((0..<2000).map { ("s\($0 / 4)", "i\($0 % 50)", Double($0)) })
    var options = file.options
    options.memory = 40_000
    do {
      _ = try TrainingData.read(options)
      Issue.record("it fits in what is too little")
    } catch {
      guard case .tooLarge(_, let bytes, let limit) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(limit == 40_000 && bytes > limit)
    }
    options.memory = 4 << 20
    #expect(try TrainingData.read(options).eventCount == 2000)
  }

  @Test func manyIdsAreToldApart() throws {
    let file = try ClickFile((0..<20_000).map { ("session-\($0 / 2)", "item-\($0 % 7000)", Double($0)) })
    let data = try TrainingData.read(file.options)
    #expect(data.sessions.count == 10_000)
    #expect(data.itemCount == 7000)
    #expect(data.ids[9_999] == ["item-\(19_998 % 7000)", "item-\(19_999 % 7000)"])
  }

  @Test func theFingerprintTellsDataApart() throws {
    let rows = [("a", "x", 1.0), ("a", "y", 2.0), ("b", "y", 3.0), ("b", "x", 4.0)]
    let one = try ClickFile(rows).data()
    #expect(try ClickFile(rows).data().fingerprint == one.fingerprint)
    var others = [rows, rows, rows, rows]
    others[0][3].2 = 5
    others[1][3].1 = "y"
    others[2][3].0 = "c"
    others[3][0].1 = "xx"
    var seen: Set = [one.fingerprint]
    for other in others {
      let file = try ClickFile(other)
      var options = file.options
      options.minSessionLength = 1
      #expect(seen.insert(try TrainingData.read(options).fingerprint).inserted)
    }
  }

  /// A catalogue that is continued keeps its rows, even those of items that nobody clicks any more.
  @Test func aCatalogueIsContinued() throws {
    let old = try ClickFile([("a", "p", 1), ("a", "q", 2)]).data()
    let newer = try ClickFile([
      ("b", "new", 10), ("b", "q", 11), ("b", "rare", 12), ("b", "new", 12), ("c", "new", 13), ("c", "q", 14),
    ])
    var options = newer.options
    options.minItemSupport = 2
    let data = try TrainingData.read(options, extending: old.vocabulary)
    #expect(data.catalogue == ["p", "q", "new"])
    #expect(data.ids == [["new", "q", "new"], ["new", "q"]])
    let closed = try TrainingData.read(newer.options, extending: data.vocabulary, isClosed: true)
    #expect(closed.catalogue == data.catalogue)
    #expect(closed.counts.rareItemEvents == 1)
    // What the model knows is known to both parts, whoever clicks it.
    let split = try data.split(.share(0.5))
    #expect(split.itemCount == 3 && split.training.count == 1)
  }
}
