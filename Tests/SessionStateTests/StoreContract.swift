import Events
import SessionState
import Testing

extension SessionAppends {
  /// Adds one session's part: `items` from running number `expected` + 1 on, at offsets from `offset` on.
  mutating func add(
    _ session: [UInt8], expected: Int64, items: [[UInt8]], partition: Int32 = 0, offset: Int64, time: EventTime = 1_000,
    greatestTime: EventTime = .min, prediction: String = ""
  ) {
    let id = bytes.appendBytes(session.span)
    let first = events.count
    for (index, item) in items.enumerated() {
      let range = bytes.appendBytes(item.span)
      events.append(
        StoredEvent(
          number: expected + 1 + Int64(index), ordinal: expected + 1 + Int64(index),
          origin: Origin(partition: partition, offset: offset + Int64(index)), time: time + Int64(index), item: range))
    }
    let encoded = bytes.appendBytes(Array(prediction.utf8).span)
    sessions.append(
      SessionAppend(
        session: id, expected: expected, events: first..<events.count, prediction: encoded,
        greatestTime: max(greatestTime, time + Int64(max(0, items.count - 1)))))
  }
}

/// What every store owes, checked on each of them.
struct StoreContract {
  static let rules = SessionRules(maxLength: 6)

  static func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static func append<Store: SessionReading & ~Copyable>(
    _ store: inout Store, _ build: (inout SessionAppends) -> Void
  ) throws -> [AppendOutcomes.Outcome] {
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    build(&appends)
    try store.append(appends, into: &outcomes)
    return outcomes.outcomes
  }

  /// Runs all checks. Sessions' names begin with `prefix`, so that several runs may share a server.
  static func check<Store: SessionReading & ~Copyable>(_ store: inout Store) throws {
    try emptySessions(&store)
    try appendingAndReading(&store)
    try conflicts(&store)
    try marks(&store)
    try trimming(&store)
    try bytes(&store)
    try manySessions(&store)
    try predictions(&store)
    try partitions(&store)
  }

  /// What is noted of partitions as a whole, for slots 0…3 of the table.
  private static func partitions<Store: SessionReading & ~Copyable>(_ store: inout Store) throws {
    #expect(try store.marks(of: [0, 3]).map(\.offset) == [-1, -1])
    _ = try append(&store) {
      $0.add(utf8("partitions"), expected: 0, items: [utf8("a")], partition: 0, offset: 10)
      $0.partitions = [Mark(partition: 0, offset: 10), Mark(partition: 1, offset: 4)]
    }
    #expect(try store.marks(of: [1, 0, 2]).map(\.offset) == [4, 10, -1])
    #expect(try store.marks(of: [1, 0]).map(\.partition) == [1, 0])
    #expect(try store.marks(of: [1, 0]).allSatisfy(\.isTrusted))
    // Never lowered.
    _ = try append(&store) {
      $0.add(utf8("partitions"), expected: 1, items: [utf8("b")], partition: 0, offset: 11)
      $0.partitions = [Mark(partition: 0, offset: 3), Mark(partition: 1, offset: 5)]
    }
    #expect(try store.marks(of: [0, 1]).map(\.offset) == [10, 5])
    // Not raised where a session of the batch was not stored: what the mark speaks of is missing.
    _ = try append(&store) {
      $0.add(utf8("partitions"), expected: 0, items: [utf8("b")], partition: 0, offset: 12)
      $0.add(utf8("partitions-2"), expected: 0, items: [utf8("b")], partition: 0, offset: 13)
      $0.partitions = [Mark(partition: 0, offset: 13)]
    }
    #expect(try store.marks(of: [0]).map(\.offset) == [10])
    _ = try append(&store) { $0.add(utf8("partitions-3"), expected: 0, items: [utf8("b")], partition: 0, offset: 14) }
    #expect(try store.marks(of: [0]).map(\.offset) == [10])
    #expect(try store.marks(of: []).isEmpty)
  }

  private static func emptySessions<Store: SessionReading & ~Copyable>(_ store: inout Store) throws {
    #expect(try store.sequence(of: utf8("nobody")).isEmpty)
    #expect(try store.storedPrediction(of: utf8("nobody")) == nil)
    var readout = SessionReadout()
    try store.read([], of: [], into: &readout)
    #expect(readout.sessions.isEmpty)
    #expect(try append(&store) { _ in } == [])
  }

  private static func appendingAndReading<Store: SessionReading & ~Copyable>(_ store: inout Store) throws {
    let id = utf8("reading")
    #expect(
      try append(&store) { $0.add(id, expected: 0, items: [utf8("a"), utf8("b")], offset: 7, prediction: "p1") }
        == [.stored])
    #expect(
      try append(&store) { $0.add(id, expected: 2, items: [utf8("c")], offset: 9, time: -5, greatestTime: 1_001) } == [
        .stored
      ])
    let events = try store.sequence(of: id)
    #expect(events.map(\.number) == [1, 2, 3])
    #expect(events.map(\.ordinal) == [1, 2, 3])
    #expect(events.map(\.origin.offset) == [7, 8, 9])
    #expect(events.map(\.time) == [1_000, 1_001, -5])
    #expect(events.map(\.item) == [utf8("a"), utf8("b"), utf8("c")])
    var readout = SessionReadout()
    let keys = [readout.bytes.appendBytes(id.span), readout.bytes.appendBytes(utf8("new").span)]
    let arena = readout.bytes
    try store.read(keys, of: arena, into: &readout)
    #expect(readout.sessions.map(\.greatestTime) == [1_001, .min])
  }

  private static func conflicts<Store: SessionReading & ~Copyable>(_ store: inout Store) throws {
    let id = utf8("conflict")
    let other = utf8("beside")
    #expect(
      try append(&store) { $0.add(id, expected: 0, items: [utf8("a")], offset: 1, prediction: "first") } == [.stored])
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    appends.add(id, expected: 0, items: [utf8("x"), utf8("y")], offset: 50, prediction: "wrong")
    appends.add(other, expected: 0, items: [utf8("z")], offset: 2, prediction: "right")
    appends.add(utf8("gone"), expected: 4, items: [utf8("z")], offset: 3)
    try store.append(appends, into: &outcomes)
    #expect(outcomes.outcomes == [.conflict(0), .stored, .conflict(1)])
    // The conflict tells what is stored …
    let stored = outcomes.readout.sessions[0]
    #expect(outcomes.readout.events[stored.events].map(\.number) == [1])
    #expect(outcomes.readout.bytes.text(outcomes.readout.events[stored.events.lowerBound].item) == "a")
    #expect(outcomes.readout.marks[stored.marks].map(\.offset) == [1])
    #expect(outcomes.readout.sessions[1].events.isEmpty)
    // … and has changed nothing.
    #expect(try store.sequence(of: id).map(\.item) == [utf8("a")])
    #expect(try store.marks(of: id) == [0: 1])
    #expect(try store.storedPrediction(of: id) == utf8("first"))
    #expect(try store.storedPrediction(of: other) == utf8("right"))
    // The same append, sent again after a broken connection, is a conflict that shows it was applied.
    try store.append(appends, into: &outcomes)
    #expect(outcomes.outcomes[1] == .conflict(1))
    let again = outcomes.readout.sessions[1]
    #expect(outcomes.readout.marks[again.marks].map(\.offset) == [2])
  }

  private static func marks<Store: SessionReading & ~Copyable>(_ store: inout Store) throws {
    let id = utf8("marks")
    _ = try append(&store) { $0.add(id, expected: 0, items: [utf8("a")], partition: 0, offset: 100) }
    _ = try append(&store) { $0.add(id, expected: 1, items: [utf8("b")], partition: 1, offset: 5) }
    #expect(try store.marks(of: id) == [0: 100, 1: 5])
    // A mark is only ever raised.
    _ = try append(&store) { $0.add(id, expected: 2, items: [utf8("c")], partition: 0, offset: 40) }
    #expect(try store.marks(of: id) == [0: 100, 1: 5])
    _ = try append(&store) { $0.add(id, expected: 3, items: [utf8("d"), utf8("e")], partition: 1, offset: 6) }
    #expect(try store.marks(of: id) == [0: 100, 1: 7])
  }

  private static func trimming<Store: SessionReading & ~Copyable>(_ store: inout Store) throws {
    let id = utf8("trimming")
    var number: Int64 = 0
    for _ in 0..<30 {
      let items = (0..<7).map { utf8("item-\(number + 1 + Int64($0))") }
      #expect(try append(&store) { $0.add(id, expected: number, items: items, offset: number) } == [.stored])
      number += 7
    }
    let events = try store.sequence(of: id)
    #expect(events.count == rules.keep)
    #expect(events.map(\.number) == Array(Int64(211 - rules.keep)...210))
    #expect(events.last?.item == utf8("item-210"))
  }

  private static func bytes<Store: SessionReading & ~Copyable>(_ store: inout Store) throws {
    let ids: [[UInt8]] = [
      [0, 1, 2, 255, 254], utf8("a{b}c%d"), utf8("a%7Bb}c%d"), utf8("}{"), utf8(" space "), utf8("a:b"),
      [UInt8](repeating: 200, count: Limits.sessionBytes),
    ]
    let items: [[UInt8]] = [[0, 10, 13, 32, 255], utf8("two words"), [UInt8](repeating: 7, count: Limits.itemBytes)]
    for (index, id) in ids.enumerated() {
      #expect(try append(&store) { $0.add(id, expected: 0, items: items, offset: Int64(index)) } == [.stored])
    }
    for (index, id) in ids.enumerated() {
      let events = try store.sequence(of: id)
      #expect(events.map(\.item) == items)
      #expect(events.first?.origin.offset == Int64(index))
    }
  }

  private static func manySessions<Store: SessionReading & ~Copyable>(_ store: inout Store) throws {
    let ids = (0..<500).map { utf8("many-\($0)") }
    let outcomes = try append(&store) { appends in
      for (index, id) in ids.enumerated() { appends.add(id, expected: 0, items: [utf8("i\(index)")], offset: 1) }
    }
    #expect(outcomes == [AppendOutcomes.Outcome](repeating: .stored, count: 500))
    var arena: [UInt8] = []
    let keys = ids.map { arena.appendBytes($0.span) } + [arena.appendBytes(utf8("absent").span)]
    var readout = SessionReadout()
    try store.read(keys, of: arena, into: &readout)
    #expect(readout.sessions.count == 501)
    for index in 0..<500 {
      let session = readout.sessions[index]
      #expect(session.events.count == 1)
      #expect(readout.bytes.text(readout.events[session.events.lowerBound].item) == "i\(index)")
    }
    #expect(readout.sessions[500].events.isEmpty && readout.sessions[500].marks.isEmpty)
  }

  private static func predictions<Store: SessionReading & ~Copyable>(_ store: inout Store) throws {
    let id = utf8("predictions")
    let long = String(repeating: "0123456789", count: 5_000)
    for (index, prediction) in ["one", long, "two"].enumerated() {
      _ = try append(&store) {
        $0.add(id, expected: Int64(index), items: [utf8("a")], offset: Int64(index), prediction: prediction)
      }
      #expect(try store.storedPrediction(of: id) == utf8(prediction))
    }
    // None leaves the last one.
    _ = try append(&store) { $0.add(id, expected: 3, items: [utf8("a")], offset: 3) }
    #expect(try store.storedPrediction(of: id) == utf8("two"))
  }
}
