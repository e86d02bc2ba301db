import Events
import Pipeline
import Sequential
import Testing

private enum LedgerFailure: PortFailure {
  case dead
  var disposition: Disposition { .halt }
  var description: String { "the process is dead" }
}

/// Partitions of clicks and of records that are none, and what counts of what was made from them.
private final class Ledger {
  /// With transactions what is sent counts with the next commit, or not at all; without, at once.
  let isTransactional: Bool
  /// Nil for a record that is no event.
  let partitions: [[Click?]]
  var committed: [Int]
  var position: [Int]
  var openLetters: [Origin] = []
  var openPredictions: [Origin] = []
  var letters: [Origin] = []
  var predictions: [Origin] = []
  var isFlushed = true
  /// Calls of ports until the process dies.
  var callsLeft = Int.max
  var random: SplitMix
  var partialCommits = 0
  var refusals = 0
  /// Rejections that a commit in the middle of a batch left for a later one.
  var left = 0

  init(_ scenario: Scenario, isTransactional: Bool, seed: UInt64) {
    self.isTransactional = isTransactional
    random = SplitMix(seed: seed)
    var partitions: [[Click?]] = [[], [], []]
    for var click in scenario.clicks {
      let partition = Int(click.partition)
      if random.below(5) == 0 { partitions[partition].append(nil) }
      click.offset = Int64(partitions[partition].count)
      partitions[partition].append(click)
    }
    self.partitions = partitions
    committed = [0, 0, 0]
    position = [0, 0, 0]
  }

  var isDone: Bool { committed == partitions.map(\.count) }

  /// Origins of records that are events, or of those that are none, up to `ends`.
  func origins(events: Bool, from starts: [Int] = [0, 0, 0], to ends: [Int]) -> [Origin] {
    partitions.indices.flatMap { partition in
      (starts[partition]..<max(starts[partition], ends[partition])).compactMap {
        (partitions[partition][$0] != nil) == events ? Origin(partition: Int32(partition), offset: Int64($0)) : nil
      }
    }
  }

  func call() throws(LedgerFailure) {
    callsLeft -= 1
    if callsLeft < 0 { throw .dead }
  }

  /// What a dead process leaves behind.
  func restart() {
    position = committed
    openLetters = []
    openPredictions = []
    isFlushed = true
  }
}

private struct LedgerSource: EventSource, ~Copyable {
  let ledger: Ledger
  let size: Int

  mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(LedgerFailure) -> SourceState {
    try ledger.call()
    while batch.events.count + batch.rejections.count < size, ledger.position != ledger.partitions.map(\.count) {
      let partition = ledger.random.below(3)
      let position = ledger.position[partition]
      guard position < ledger.partitions[partition].count else { continue }
      let origin = Origin(partition: Int32(partition), offset: Int64(position))
      if let click = ledger.partitions[partition][position] {
        let session = batch.bytes.appendBytes(Array(click.session.utf8).span)
        let item = batch.bytes.appendBytes(Array(click.item.utf8).span)
        batch.append(Event(session: session, item: item, time: click.time, origin: origin))
      } else {
        batch.append(
          Rejection(reason: .malformed, origin: origin, key: .empty, payload: .empty, payloadBytes: 1))
      }
      ledger.position[partition] += 1
    }
    return ledger.position == ledger.partitions.map(\.count) ? .ended : .open
  }

  mutating func commit(except pending: ArraySlice<Event>) throws(LedgerFailure) -> Bool {
    try ledger.call()
    #expect(ledger.isFlushed)
    var ends = ledger.position
    for event in pending {
      ends[Int(event.origin.partition)] = min(ends[Int(event.origin.partition)], Int(event.origin.offset))
    }
    // A refused commit at the very end would be a death: what is not committed comes again to whoever begins anew.
    if ledger.isTransactional || !pending.isEmpty, ledger.random.below(3) == 0 {
      ledger.refusals += 1
      if ledger.isTransactional { ledger.restart() } else { ledger.position = ends }
      return false
    }
    if !pending.isEmpty {
      ledger.partialCommits += 1
      ledger.left += ledger.origins(events: false, from: ends, to: ledger.position).count
    }
    let covered = Set(ledger.origins(events: false, from: ledger.committed, to: ends))
    if ledger.isTransactional {
      // Neither one that would come again nor one less than are committed.
      #expect(Set(ledger.openLetters) == covered)
      ledger.letters += ledger.openLetters
      ledger.predictions += ledger.openPredictions
      ledger.openLetters = []
      ledger.openPredictions = []
    } else {
      #expect(covered.isSubset(of: ledger.letters))
    }
    ledger.committed = ends
    // The answer may come too late for the one who asked.
    try ledger.call()
    return true
  }
}

private struct LedgerSink: PredictionSink, ~Copyable {
  let ledger: Ledger

  mutating func publish(_ predictions: borrowing PredictionBatch, of events: borrowing EventBatch)
    throws(LedgerFailure)
  {
    try ledger.call()
    let origins = predictions.predictions.map { events.events[Int($0.event)].origin }
    if ledger.isTransactional { ledger.openPredictions += origins } else { ledger.predictions += origins }
    ledger.isFlushed = false
  }

  mutating func reject(_ rejections: [Rejection], of events: borrowing EventBatch) throws(LedgerFailure) {
    try ledger.call()
    #expect(!rejections.isEmpty)
    let origins = rejections.map(\.origin)
    if ledger.isTransactional { ledger.openLetters += origins } else { ledger.letters += origins }
    ledger.isFlushed = false
  }

  mutating func flush() throws(LedgerFailure) {
    try ledger.call()
    ledger.isFlushed = true
  }
}

/// Records that are no events, in batches that are committed in parts.
@Suite struct WorkerRejectionTests {
  /// Works until everything is committed; how often the process died, `most` times at most.
  private func work(_ scenario: Scenario, _ ledger: Ledger, deaths most: Int) throws -> Int {
    let contents = PlainStoreContents()
    var deaths = 0
    var lives = 0
    while !ledger.isDone, lives < 500 {
      lives += 1
      ledger.callsLeft = deaths < most ? 4 + ledger.random.below(25) : Int.max
      let processor = try BatchProcessor(
        scenario.model, scenario.options, store: PlainStore(contents: contents, keep: scenario.options.rules.keep),
        encoder: PlainEncoder())
      var worker = Worker(
        source: LedgerSource(ledger: ledger, size: 100), sink: LedgerSink(ledger: ledger), processor: processor,
        mailbox: Mailbox(), commitMilliseconds: 60_000, wait: { _ in }, news: { _ in })
      do {
        try worker.run()
      } catch {
        deaths += 1
      }
      ledger.restart()
    }
    return deaths
  }

  private func expectOnce(_ origins: [Origin], _ expected: [Origin]) {
    #expect(origins.count == expected.count)
    #expect(Set(origins) == Set(expected))
  }

  @Test("In transactions, whatever is refused and whoever dies, each is set aside once", arguments: 0..<8)
  func transactions(seed: Int) throws {
    let scenario = try Scenario(seed: UInt64(seed), family: .recurrent, sessions: 4, clicks: 1500)
    let ledger = Ledger(scenario, isTransactional: true, seed: UInt64(seed))
    #expect(try work(scenario, ledger, deaths: 8) > 2)
    let ends = ledger.partitions.map(\.count)
    expectOnce(ledger.letters, ledger.origins(events: false, to: ends))
    expectOnce(ledger.predictions, ledger.origins(events: true, to: ends))
    #expect(ledger.partialCommits > 3 && ledger.left > 0 && ledger.refusals > 0)
  }

  @Test("Without transactions, commits in the middle of a batch that are refused double none", arguments: 0..<8)
  func refusals(seed: Int) throws {
    let scenario = try Scenario(seed: UInt64(seed), family: .recurrent, sessions: 4, clicks: 1500)
    let ledger = Ledger(scenario, isTransactional: false, seed: UInt64(seed))
    #expect(try work(scenario, ledger, deaths: 0) == 0)
    expectOnce(ledger.letters, ledger.origins(events: false, to: ledger.partitions.map(\.count)))
    #expect(ledger.partialCommits > 3 && ledger.left > 0 && ledger.refusals > 0)
  }
}
