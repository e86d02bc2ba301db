import Events
import Pipeline
import Sequential
import Testing

@Suite struct BatchProcessorTests {
  private func scenario(_ seed: UInt64, _ family: Family, clicks: Int = 600) throws -> Scenario {
    try Scenario(seed: seed, family: family, sessions: 25, clicks: clicks)
  }

  @Test("Batches of any size and a cache that forgets give what one click at a time gives", arguments: Family.allCases)
  func batchesAndEvictions(family: Family) throws {
    for seed in UInt64(0)..<6 {
      var scenario = try scenario(seed, family)
      let (expected, stored) = try scenario.expected()
      // Room for a handful of sessions.
      scenario.options.cacheBytes = family == .incremental ? 60_000 : 6_000
      var random = SplitMix(seed: seed)
      let contents = PlainStoreContents()
      var harness = try ProcessorHarness(scenario.model, scenario.options, contents)
      var lines: [String] = []
      var next = 0
      while next < scenario.clicks.count {
        let end = min(scenario.clicks.count, next + 1 + random.below(100))
        lines += try harness.process(Array(scenario.clicks[next..<end]))
        next = end
      }
      #expect(lines == expected)
      #expect(harness.processor.counters.evictions > 0)
      #expect(contents.sessions.mapValues(\.events) == stored.sessions.mapValues(\.events))
    }
  }

  @Test("A processor that starts anew goes on as the old one would have", arguments: Family.allCases)
  func restarts(family: Family) throws {
    let scenario = try scenario(7, family)
    let (expected, _) = try scenario.expected()
    let contents = PlainStoreContents()
    var lines: [String] = []
    for start in stride(from: 0, to: scenario.clicks.count, by: 50) {
      var harness = try ProcessorHarness(scenario.model, scenario.options, contents)
      lines += try harness.process(Array(scenario.clicks[start..<min(start + 50, scenario.clicks.count)]))
    }
    #expect(lines == expected)
  }

  @Test("A redelivered record gets the prediction that it got, and is applied once", arguments: Family.allCases)
  func redelivery(family: Family) throws {
    for seed in UInt64(20)..<24 {
      let scenario = try scenario(seed, family)
      let (expected, stored) = try scenario.expected()
      let contents = PlainStoreContents()
      var random = SplitMix(seed: seed)
      var start = 0
      var redelivered = 0
      while start < scenario.clicks.count {
        // A daemon dies after a batch was stored and begins again up to 60 records earlier.
        let from = max(0, start - random.below(60))
        let end = min(scenario.clicks.count, start + 1 + random.below(60))
        var harness = try ProcessorHarness(scenario.model, scenario.options, contents)
        let lines = try harness.process(Array(scenario.clicks[from..<end]))
        #expect(lines == Array(expected[from..<end]))
        redelivered += harness.processor.counters.redelivered
        #expect(harness.processor.counters.beyondHistory == 0)
        start = end
      }
      #expect(redelivered > 0)
      #expect(contents.sessions.mapValues(\.events) == stored.sessions.mapValues(\.events))
    }
  }

  @Test("Two processors that take turns on the same sessions never lose, double or reorder", arguments: Family.allCases)
  func conflicts(family: Family) throws {
    let scenario = try scenario(31, family)
    let (expected, stored) = try scenario.expected()
    let contents = PlainStoreContents()
    var first = try ProcessorHarness(scenario.model, scenario.options, contents)
    var second = try ProcessorHarness(scenario.model, scenario.options, contents)
    var lines: [String] = []
    for (turn, start) in stride(from: 0, to: scenario.clicks.count, by: 20).enumerated() {
      let batch = Array(scenario.clicks[start..<min(start + 20, scenario.clicks.count)])
      lines += try turn % 2 == 0 ? first.process(batch) : second.process(batch)
    }
    #expect(lines == expected)
    #expect(first.processor.counters.conflicts > 0 && second.processor.counters.conflicts > 0)
    #expect(contents.sessions.mapValues(\.events) == stored.sessions.mapValues(\.events))
  }

  @Test("An append whose answer is lost is not applied twice") func lostAnswers() throws {
    let scenario = try scenario(41, .incremental)
    let (expected, stored) = try scenario.expected()
    let contents = PlainStoreContents()
    var calls = 0
    contents.beforeAppend = { _ throws(PlainStoreFailure) in
      calls += 1
      if calls % 3 == 0 { throw .away }
    }
    contents.afterAppend = { () throws(PlainStoreFailure) in if calls % 5 == 0 { throw .away } }
    var harness = try ProcessorHarness(scenario.model, scenario.options, contents)
    var lines: [String] = []
    for start in stride(from: 0, to: scenario.clicks.count, by: 30) {
      lines += try harness.process(
        Array(scenario.clicks[start..<min(start + 30, scenario.clicks.count)]), tries: 10)
    }
    #expect(lines == expected)
    #expect(contents.sessions.mapValues(\.events) == stored.sessions.mapValues(\.events))
  }

  @Test("A session stops at its uncommitted records until a commit") func uncommitted() throws {
    let scenario = try scenario(51, .incremental, clicks: 1)
    let contents = PlainStoreContents()
    var harness = try ProcessorHarness(scenario.model, scenario.options, contents)
    let clicks = (0..<200).map { Click(session: "one", item: "\($0 % 40)", time: 1_700_000_000_000, offset: Int64($0)) }
    let alone = PlainStoreContents()
    var single = try ProcessorHarness(scenario.model, scenario.options, alone)
    let expected = try clicks.flatMap { click in
      single.processor.noteCommit()
      return try single.process([click])
    }
    #expect(try harness.process(clicks) == expected)
    #expect(contents.sessions["one"]?.events.last?.number == 200)
  }

  @Test("A session that was forgotten keeps its uncommitted records in mind") func uncommittedAndForgotten() throws {
    var scenario = try scenario(52, .recurrent, clicks: 1)
    // Room for very few sessions: each of these pushes the one session out again.
    scenario.options.cacheBytes = 1_500
    let time: EventTime = 1_700_000_000_000
    var harness = try ProcessorHarness(scenario.model, scenario.options, PlainStoreContents())
    var commits = 0
    for number in 0..<130 {
      let clicks = [
        Click(session: "one", item: "1", time: time, offset: Int64(number * 10)),
        Click(session: "a\(number)", item: "2", time: time, offset: Int64(number * 10 + 1)),
        Click(session: "b\(number)", item: "3", time: time, offset: Int64(number * 10 + 2)),
        Click(session: "c\(number)", item: "4", time: time, offset: Int64(number * 10 + 3)),
      ]
      let before = harness.commits
      _ = try harness.process(clicks)
      commits += harness.commits - before
    }
    #expect(harness.processor.counters.evictions > 300)
    #expect(commits >= 2)
  }

  @Test("Exclusions: seen and last items are left out", arguments: [ExclusionMode.seen, .last])
  func exclusions(mode: ExclusionMode) throws {
    var scenario = try scenario(61, .incremental)
    scenario.options.exclude = mode
    scenario.options.topK = 40
    let (expected, _) = try scenario.expected()
    for (click, line) in zip(scenario.clicks, expected) where click.item != "unheard-of" && line.contains("predicted") {
      #expect(!line.contains(" \(click.item)="))
    }
    var small = scenario
    small.options.cacheBytes = 60_000
    var harness = try ProcessorHarness(small.model, small.options, PlainStoreContents())
    #expect(try harness.process(scenario.clicks) == expected)
  }

  @Test(
    "More than the window can be excluded, with a cache that forgets and records that come again",
    arguments: Family.allCases)
  func longExclusions(family: Family) throws {
    var scenario = try Scenario(seed: 62, family: family, sessions: 3, clicks: 600)
    scenario.options.exclude = .seen
    scenario.options.topK = 40
    let live = try scenario.expected().lines
    scenario.options.seenEvents = 12
    scenario.options.rules.keep = 12 + Limits.uncommittedPerSession
    let (expected, _) = try scenario.expected()
    var visits: [String: (items: [String], time: EventTime)] = [:]
    var longest = 0
    for (index, click) in scenario.clicks.enumerated() {
      let before = visits[click.session]
      let begins = before.map { click.time - $0.time > scenario.options.rules.idleTimeout } ?? true
      let items = (begins ? [] : before!.items) + [click.item]
      visits[click.session] = (items, max(before?.time ?? .min, click.time))
      longest = max(longest, items.count)
      for (lines, newest) in [(live, 7), (expected, 12)] where lines[index].contains("predicted") {
        let shown = Set(lines[index].split(separator: " ").dropFirst(3).map { String($0.split(separator: "=")[0]) })
        #expect(shown == Set((0..<40).map { "\($0)" }).subtracting(items.suffix(newest)))
      }
    }
    #expect(longest > 12)
    // Two sessions at a time, begun anew every 50 clicks, 20 of which come again.
    let contents = PlainStoreContents()
    scenario.options.cacheBytes = family == .incremental ? 20_000 : 3_000
    for start in stride(from: 0, to: scenario.clicks.count, by: 50) {
      var harness = try ProcessorHarness(scenario.model, scenario.options, contents)
      let range = max(0, start - 20)..<start + 50
      #expect(try harness.process(Array(scenario.clicks[range])) == Array(expected[range]))
    }
  }

  @Test("A budget for less than two sessions is refused") func tooSmall() throws {
    var scenario = try scenario(71, .incremental, clicks: 1)
    scenario.options.cacheBytes = 5_000
    #expect(throws: PipelineFailure.self) {
      _ = try ProcessorHarness(scenario.model, scenario.options, PlainStoreContents())
    }
  }
}
