import Events
import Pipeline
import Sequential
import Testing

/// Partitions that come and go, and stores that lose what they had acknowledged: at the end all is as if nothing had happened.
@Suite struct RebuildTests {
  /// What a worker did with a log.
  struct Outcome {
    var contents: PlainStoreContents
    var counters: PipelineCounters
    var notices: [PipelineNotice] = []
    var rebuilds = 0
  }

  private func work(
    _ scenario: Scenario, _ log: PartitionedLog, _ contents: PlainStoreContents, size: Int = 40,
    commitMilliseconds: Int = 0
  ) throws -> Outcome {
    let processor = try BatchProcessor(
      scenario.model, scenario.options, store: PlainStore(contents: contents, keep: scenario.options.rules.keep),
      encoder: PlainEncoder())
    var outcome = Outcome(contents: contents, counters: PipelineCounters())
    var worker = Worker(
      source: PartitionedSource(log: log, size: size), sink: OriginSink(log: log), processor: processor,
      mailbox: Mailbox(), commitMilliseconds: commitMilliseconds, wait: { _ in },
      news: {
        switch $0 {
        case .rebuilding: outcome.rebuilds += 1
        case .noticed(let notice): outcome.notices.append(notice)
        case .worked, .waiting: break
        }
      })
    try worker.run()
    outcome.counters = worker.processor.counters
    return outcome
  }

  /// The line that each click gets from a plain computation, one click at a time.
  private func expected(_ scenario: Scenario) throws -> (lines: [Origin: String], contents: PlainStoreContents) {
    let (lines, contents) = try scenario.expected()
    var byOrigin: [Origin: String] = [:]
    for (click, line) in zip(scenario.clicks, lines) {
      byOrigin[Origin(partition: click.partition, offset: click.offset)] = line
    }
    return (byOrigin, contents)
  }

  private func check(_ scenario: Scenario, _ log: PartitionedLog, _ contents: PlainStoreContents) throws {
    let (lines, stored) = try expected(scenario)
    #expect(contents.sessions.mapValues(\.events) == stored.sessions.mapValues(\.events))
    #expect(contents.sessions.mapValues(\.marks) == stored.sessions.mapValues(\.marks))
    #expect(contents.sessions.mapValues(\.prediction) == stored.sessions.mapValues(\.prediction))
    #expect(log.published.keys.count == lines.count)
    for (origin, published) in log.published {
      // Published twice is the same twice.
      #expect(published.allSatisfy { $0 == lines[origin] })
    }
  }

  @Test("Partitions come and go at random", arguments: Family.allCases) func rebalances(family: Family) throws {
    for seed in UInt64(0)..<4 {
      let scenario = try Scenario(seed: seed, family: family, sessions: 25, clicks: 900)
      let log = PartitionedLog(scenario.clicks)
      var random = SplitMix(seed: seed)
      log.beforeTake = { log in
        let partition = random.below(3)
        if random.below(3) == 0 { log.revoke(partition) } else { log.assign(partition) }
        if log.takes > 60 { for partition in 0..<3 { log.assign(partition) } }
      }
      let outcome = try work(scenario, log, PlainStoreContents(), commitMilliseconds: seed == 0 ? 0 : 60_000)
      try check(scenario, log, outcome.contents)
      #expect(log.reconciled.count > 5)
    }
  }

  @Test(
    "A store that restarts, empty or without its last writes, while partitions come and go", arguments: Family.allCases)
  func lostWrites(family: Family) throws {
    for seed in UInt64(40)..<46 {
      let scenario = try Scenario(seed: seed, family: family, sessions: 25, clicks: 900)
      let log = PartitionedLog(scenario.clicks)
      let contents = PlainStoreContents()
      var random = SplitMix(seed: seed)
      var snapshot = (contents.sessions, contents.partitions)
      var restarts = 0
      log.beforeTake = { log in
        for partition in 0..<3 where log.takes < 3 || log.takes > 80 { log.assign(partition) }
        if log.takes < 80, random.below(6) == 0 { log.revoke(random.below(3)) }
        if log.takes < 80, random.below(4) == 0 { log.assign(random.below(3)) }
        guard log.takes < 90 else { return }
        if log.takes % 5 == 0 { snapshot = (contents.sessions, contents.partitions) }
        if random.below(9) == 0 {
          // A replica without the last writes takes over, or the server comes back with nothing.
          contents.run += 1
          restarts += 1
          (contents.sessions, contents.partitions) = random.below(4) == 0 ? ([:], [:]) : snapshot
          snapshot = (contents.sessions, contents.partitions)
        }
      }
      let outcome = try work(scenario, log, contents, size: 25)
      try check(scenario, log, contents)
      #expect(restarts > 2)
      #expect(outcome.rebuilds > 0 && outcome.counters.rebuilds >= outcome.rebuilds)
      #expect(outcome.counters.rebuilt > 0)
    }
  }

  @Test("After a restart of the store nothing is committed before it was compared") func order() throws {
    let scenario = try Scenario(seed: 3, family: .recurrent, sessions: 10, clicks: 300)
    let log = PartitionedLog(scenario.clicks)
    let contents = PlainStoreContents()
    for partition in 0..<3 { log.assign(partition) }
    log.beforeTake = { if $0.takes == 4 { contents.run += 1 } }
    _ = try work(scenario, log, contents, size: 30)
    // Assigned: compared at once. Then batches, each committed; the third finds another server.
    #expect(
      log.journal.prefix(8) == [
        "reconcile [0, 1, 2]", "publish", "commit", "publish", "commit", "reconcile [0, 1, 2]", "publish", "publish",
      ] || log.journal.prefix(6).last == "reconcile [0, 1, 2]")
    try check(scenario, log, contents)
  }

  @Test("State that is there already costs no read and no prediction") func cheap() throws {
    let scenario = try Scenario(seed: 5, family: .incremental, sessions: 10, clicks: 300)
    let contents = PlainStoreContents()
    var harness = try ProcessorHarness(scenario.model, scenario.options, contents)
    _ = try harness.process(scenario.clicks)
    let (reads, steps) = (contents.reads, harness.processor.counters.steps)
    let lines = try harness.process(scenario.clicks, stateOnly: true)
    #expect(lines == Array(repeating: "", count: 300))
    #expect(contents.reads == reads)
    #expect(harness.processor.counters.steps == steps)
    #expect(harness.processor.counters.redelivered == 0)
    #expect(harness.processor.counters.rebuilt == 0)
  }

  @Test("State-only records are stored, predictions included, and not published") func stateOnly() throws {
    let scenario = try Scenario(seed: 6, family: .incremental, sessions: 10, clicks: 300)
    let contents = PlainStoreContents()
    var harness = try ProcessorHarness(scenario.model, scenario.options, contents)
    _ = try harness.process(scenario.clicks, stateOnly: true)
    let (_, stored) = try scenario.expected()
    #expect(contents.sessions.mapValues(\.events) == stored.sessions.mapValues(\.events))
    #expect(contents.sessions.mapValues(\.prediction) == stored.sessions.mapValues(\.prediction))
    #expect(harness.published == 0)
    #expect(harness.commits == 0)
    #expect(contents.partitions.isEmpty)
    #expect(harness.processor.counters.rebuilt == 300)
  }

  @Test("latest: the last click of each session in a batch, the same bytes as with every") func latest() throws {
    var scenario = try Scenario(seed: 8, family: .incremental, sessions: 12, clicks: 600)
    let (lines, _) = try expected(scenario)
    scenario.options.publishesLatestOnly = true
    let log = PartitionedLog(scenario.clicks)
    for partition in 0..<3 { log.assign(partition) }
    let outcome = try work(scenario, log, PlainStoreContents(), size: 60)
    let (_, stored) = try scenario.expected()
    #expect(outcome.contents.sessions.mapValues(\.prediction) == stored.sessions.mapValues(\.prediction))
    #expect(log.published.count < 300 && log.published.count > 60)
    for (origin, published) in log.published { #expect(published == [lines[origin]]) }
    // The last click of every session is among them.
    var last: [String: Origin] = [:]
    for click in scenario.clicks { last[click.session] = Origin(partition: click.partition, offset: click.offset) }
    #expect(last.values.allSatisfy { log.published[$0] != nil })
  }

  @Test("A session on several partitions is counted, and named once") func severalPartitions() throws {
    var scenario = try Scenario(seed: 9, family: .incremental, sessions: 5, clicks: 0)
    for number in 0..<120 {
      scenario.clicks.append(
        Click(
          session: "s\(number % 5)", item: "\(number % 40)", time: 1_700_000_000_000 + Int64(number),
          partition: Int32(number % 5 < 2 ? number / 5 % 2 : 0), offset: 0))
    }
    var offsets: [Int32: Int64] = [:]
    for index in scenario.clicks.indices {
      scenario.clicks[index].offset = offsets[scenario.clicks[index].partition, default: 0]
      offsets[scenario.clicks[index].partition, default: 0] += 1
    }
    let log = PartitionedLog(scenario.clicks)
    for partition in 0..<2 { log.assign(partition) }
    let outcome = try work(scenario, log, PlainStoreContents(), size: 20)
    #expect(outcome.counters.severalPartitions == 2)
    #expect(outcome.notices.count == 1)
    #expect(outcome.notices.first?.description.contains("several partitions") == true)
    #expect(outcome.contents.sessions.values.map(\.events.count).reduce(0, +) == 120)
    #expect(outcome.contents.sessions.values.allSatisfy { $0.events.map(\.number) == Array(1...24) })
  }
}
