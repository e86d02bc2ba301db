import Events
import Pipeline
import Sequential
import Testing

/// What the ports of a worker saw, in order.
private final class Journal {
  enum Entry: Equatable {
    case published(Int)
    case flushed
    case committed(upTo: Int)
    case rejected(Int)
    case refused
  }

  var entries: [Entry] = []
  var lines: [String] = []
  /// Calls left that fail, by port.
  var failures: [String: Int] = [:]

  func fails(_ port: String) -> Bool {
    guard let left = failures[port], left > 0 else { return false }
    failures[port] = left - 1
    return true
  }
}

private enum PortAway: PortFailure {
  case away
  case broken
  var disposition: Disposition { self == .away ? .retry : .halt }
  var description: String { self == .away ? "away" : "broken" }
}

/// Hands over clicks in batches of `size`, then ends.
private struct ClickSource: EventSource, ~Copyable {
  let journal: Journal
  let clicks: [Click]
  let size: Int
  var next = 0

  mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(PortAway) -> SourceState {
    if journal.fails("source") { throw .away }
    for click in clicks[next..<min(next + size, clicks.count)] {
      let session = batch.bytes.appendBytes(Array(click.session.utf8).span)
      let item = batch.bytes.appendBytes(Array(click.item.utf8).span)
      batch.append(
        Event(
          session: session, item: item, time: click.time,
          origin: Origin(partition: click.partition, offset: click.offset)))
    }
    if next == 0 {
      batch.append(
        Rejection(
          reason: .malformed, origin: Origin(partition: 0, offset: 999), key: .empty, payload: .empty, payloadBytes: 3))
    }
    next = min(next + size, clicks.count)
    if journal.fails("staying") { return .yielding }
    return next < clicks.count ? .open : .ended
  }

  mutating func commit(except pending: ArraySlice<Event>) throws(PortAway) -> Bool {
    if journal.fails("commit") { throw .away }
    if journal.fails("group") {
      journal.entries.append(.refused)
      // These clicks are of one partition here: what is pending is handed over again.
      next -= pending.count
      return false
    }
    journal.entries.append(.committed(upTo: Int(pending.first?.origin.offset ?? Int64(next))))
    return true
  }
}

private struct LineSink: PredictionSink, ~Copyable {
  let journal: Journal

  mutating func publish(_ predictions: borrowing PredictionBatch, of events: borrowing EventBatch) throws(PortAway) {
    if journal.fails("sink") { throw .away }
    if journal.fails("sink for good") { throw .broken }
    for prediction in predictions.predictions { journal.lines.append(predictions.bytes.text(prediction.encoded)) }
    journal.entries.append(.published(predictions.predictions.count))
  }

  mutating func reject(_ rejections: [Rejection], of events: borrowing EventBatch) throws(PortAway) {
    journal.entries.append(.rejected(rejections.count))
  }

  mutating func flush() throws(PortAway) {
    if journal.fails("flush") { throw .away }
    journal.entries.append(.flushed)
  }
}

@Suite struct WorkerTests {
  private func work(
    _ journal: Journal, _ clicks: [Click], size: Int, _ scenario: Scenario, mailbox: Mailbox = Mailbox(),
    commitMilliseconds: Int = 0
  )
    throws -> (waits: [Int], contents: PlainStoreContents)
  {
    let contents = PlainStoreContents()
    let processor = try BatchProcessor(
      scenario.model, scenario.options, store: PlainStore(contents: contents, keep: scenario.options.rules.keep),
      encoder: PlainEncoder())
    var waits: [Int] = []
    var worker = Worker(
      source: ClickSource(journal: journal, clicks: clicks, size: size), sink: LineSink(journal: journal),
      processor: processor, mailbox: mailbox, commitMilliseconds: commitMilliseconds, wait: { waits.append($0) },
      news: { _ in })
    try worker.run()
    return (waits, contents)
  }

  @Test("Every click is published once, in order, and committed only after its acknowledgement") func order() throws {
    let scenario = try Scenario(seed: 1, family: .incremental, sessions: 10, clicks: 200)
    let journal = Journal()
    let (_, contents) = try work(journal, scenario.clicks, size: 30, scenario)
    let (expected, stored) = try scenario.expected()
    #expect(journal.lines == expected)
    #expect(contents.sessions.mapValues(\.events) == stored.sessions.mapValues(\.events))
    #expect(journal.entries.filter { $0 == .rejected(1) }.count == 1)
    #expect(journal.entries.prefix { $0 != .flushed }.contains(.rejected(1)))
    var unflushed = 0
    var published = 0
    for entry in journal.entries {
      switch entry {
      case .published(let count):
        published += count
        unflushed += count
      case .flushed: unflushed = 0
      case .committed(let offset):
        #expect(unflushed == 0)
        #expect(offset <= published)
      case .rejected, .refused: break
      }
    }
    #expect(journal.entries.last == .committed(upTo: 200))
  }

  @Test("Ports that are away are waited for; nothing is lost or doubled") func retries() throws {
    let scenario = try Scenario(seed: 2, family: .incremental, sessions: 10, clicks: 200)
    let journal = Journal()
    journal.failures = ["source": 2, "sink": 3, "flush": 2, "commit": 4]
    let (waits, contents) = try work(journal, scenario.clicks, size: 30, scenario)
    let (expected, stored) = try scenario.expected()
    // Longer each time; the two refused reads, three sends, two flushes and four commits.
    #expect(waits == [50, 100, 50, 100, 200, 50, 100, 50, 100, 200, 400])
    #expect(journal.lines == expected)
    #expect(contents.sessions.mapValues(\.events) == stored.sessions.mapValues(\.events))
  }

  @Test("A failure that no retry can help ends the worker with its words") func halts() throws {
    let scenario = try Scenario(seed: 3, family: .incremental, sessions: 10, clicks: 20)
    let journal = Journal()
    journal.failures = ["sink for good": 1]
    #expect { try work(journal, scenario.clicks, size: 30, scenario) } throws: {
      "\($0)" == "publishing predictions: broken"
    }
    #expect(!journal.entries.contains(.flushed))
  }

  @Test("A session with more records than may stay uncommitted is committed in between") func uncommitted() throws {
    let scenario = try Scenario(seed: 4, family: .incremental, sessions: 1, clicks: 200)
    let journal = Journal()
    _ = try work(journal, scenario.clicks, size: 200, scenario)
    let commits = journal.entries.compactMap { if case .committed(let offset) = $0 { offset } else { nil } }
    #expect(commits == [64, 128, 192, 200])
    #expect(journal.lines.count == 200)
  }

  @Test("A refused commit does not count: the rest of the batch comes again, nothing is lost or doubled") func refused()
    throws
  {
    let scenario = try Scenario(seed: 4, family: .incremental, sessions: 1, clicks: 200)
    let journal = Journal()
    journal.failures = ["group": 3]
    let (_, contents) = try work(journal, scenario.clicks, size: 150, scenario)
    let (expected, stored) = try scenario.expected()
    #expect(journal.lines == expected)
    #expect(contents.sessions.mapValues(\.events) == stored.sessions.mapValues(\.events))
    // Never more than 64 records of the session between two commits.
    var uncommitted = 0
    for entry in journal.entries {
      if case .published(let count) = entry { uncommitted += count }
      if case .committed = entry { uncommitted = 0 }
      #expect(uncommitted <= 64)
    }
    #expect(journal.entries.filter { $0 == .refused }.count == 3)
    #expect(journal.entries.last == .committed(upTo: 200))
  }

  @Test("Where the source must yield, the batch at hand is committed at once") func yields() throws {
    let scenario = try Scenario(seed: 6, family: .incremental, sessions: 10, clicks: 90)
    let journal = Journal()
    journal.failures = ["staying": 1]
    _ = try work(journal, scenario.clicks, size: 30, scenario, commitMilliseconds: 60_000)
    let commits = journal.entries.compactMap { if case .committed(let offset) = $0 { offset } else { nil } }
    #expect(commits == [30, 90])
  }

  @Test("Asked to stop, a worker finishes its batch and commits") func stops() throws {
    let scenario = try Scenario(seed: 5, family: .incremental, sessions: 10, clicks: 200)
    let journal = Journal()
    let mailbox = Mailbox()
    mailbox.stop(within: 10)
    _ = try work(journal, scenario.clicks, size: 30, scenario, mailbox: mailbox)
    #expect(journal.lines.count == 30)
    #expect(journal.entries.last == .committed(upTo: 30))
  }
}
