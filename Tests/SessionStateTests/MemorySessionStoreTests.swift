import Events
import SessionState
import TestSupport
import Testing

@Suite struct MemorySessionStoreTests {
  @Test func itKeepsTheContract() throws {
    var store = MemorySessionStore(bytes: 32 << 20, rules: StoreContract.rules)
    try StoreContract.check(&store)
    #expect(store.evictions == 0)
  }

  @Test func itStaysWithinItsBytesAndLetsTheOldestGo() throws {
    let bytes = 16 << 20
    var store = MemorySessionStore(bytes: bytes, rules: StoreContract.rules)
    var outcomes = AppendOutcomes()
    var appends = SessionAppends()
    let kept = StoreContract.utf8("kept")
    let prediction = String(repeating: "p", count: 1_000)
    appends.add(kept, expected: 0, items: [StoreContract.utf8("a")], offset: 0)
    try store.append(appends, into: &outcomes)
    for number in 0..<30_000 {
      appends.removeAll()
      let id = StoreContract.utf8("session-\(number)")
      appends.add(id, expected: 0, items: [StoreContract.utf8("item")], offset: Int64(number), prediction: prediction)
      try store.append(appends, into: &outcomes)
      #expect(outcomes.outcomes == [.stored])
      // What is used stays.
      if number % 1_000 == 0 { #expect(try store.sequence(of: kept).count == 1) }
    }
    #expect(store.usedBytes <= bytes)
    #expect(store.usedBytes > bytes * 9 / 10)
    #expect(store.evictions + store.count == 30_001)
    #expect(try store.sequence(of: StoreContract.utf8("session-0")).isEmpty)
    #expect(try store.sequence(of: StoreContract.utf8("session-29999")).count == 1)
    // One that went and comes back with what it remembers is a conflict.
    appends.removeAll()
    appends.add(StoreContract.utf8("session-0"), expected: 1, items: [StoreContract.utf8("b")], offset: 2)
    try store.append(appends, into: &outcomes)
    #expect(outcomes.outcomes == [.conflict(0)])
  }

  @Test func randomUseAgreesWithAPlainDictionary() throws {
    var store = MemorySessionStore(bytes: 64 << 20, rules: StoreContract.rules)
    var plain: [[UInt8]: [(Int64, [UInt8])]] = [:]
    var random = SplitMix(state: 42)
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    for round in 0..<3_000 {
      appends.removeAll()
      let id = StoreContract.utf8("s\(random.next() % 40)")
      let last = plain[id]?.last?.0 ?? 0
      let items = (0..<Int(random.next() % 9)).map { _ in
        [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: Int(random.next() % 90) + 1)
      }
      let prediction = String(repeating: "x", count: Int(random.next() % 300))
      appends.add(id, expected: last, items: items, offset: Int64(round), prediction: prediction)
      try store.append(appends, into: &outcomes)
      #expect(outcomes.outcomes == [.stored])
      for (index, item) in items.enumerated() { plain[id, default: []].append((last + 1 + Int64(index), item)) }
      plain[id] = plain[id].map { Array($0.suffix(StoreContract.rules.keep)) }
    }
    for (id, events) in plain {
      let stored = try store.sequence(of: id)
      #expect(stored.map(\.number) == events.map(\.0))
      #expect(stored.map(\.item) == events.map(\.1))
    }
  }

  @Test func onceFilledItAllocatesNothing() throws {
    var store = MemorySessionStore(bytes: 16 << 20, rules: StoreContract.rules)
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    var number = 0
    func fill(_ appends: inout SessionAppends) {
      appends.removeAll()
      for _ in 0..<50 {
        number += 1
        let id = StoreContract.utf8("session-\(number)")
        appends.add(
          id, expected: 0, items: [StoreContract.utf8("item-1234567")], offset: Int64(number), prediction: "p")
      }
    }
    while store.evictions < 1_000 {
      fill(&appends)
      try store.append(appends, into: &outcomes)
    }
    fill(&appends)
    let counted = try allocations { try store.append(appends, into: &outcomes) }
    #expect(outcomes.outcomes.count == 50)
    #if !DEBUG
      if let counted { #expect(counted == 0) }
    #else
      _ = counted
    #endif
  }
}

/// A small reproducible generator.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
