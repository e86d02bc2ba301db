import Events
import SessionState
import TestSupport
import Testing

/// What sessions cost: allocations for each click, and bytes of Redis.
@Suite(.serialized, RedisServer.needed) struct RedisCostTests {
  private func store(_ server: RedisServer, maxLength: Int = 50) throws -> RedisSessionStore {
    let table = PartitionTable()
    for partition in 0..<4 { _ = table.slot(topic: "clicks", partition: Int32(partition)) }
    return try RedisSessionStore(
      RedisConfiguration(.unix(path: server.socket)), rules: SessionRules(maxLength: maxLength), partitions: table)
  }

  private func fill(_ appends: inout SessionAppends, round: Int, sessions: Int, prediction: String) {
    appends.removeAll()
    for session in 0..<sessions {
      appends.add(
        Array("session-\(session)".utf8), expected: Int64(round), items: [Array("item-123456".utf8)],
        offset: Int64(round * sessions + session), prediction: prediction)
    }
    appends.partitions.append(Mark(partition: 0, offset: Int64((round + 1) * sessions)))
  }

  /// One allocation a click, hiredis' own: the reply, an integer. The rest does not grow with the number of clicks.
  @Test func anAppendAllocatesAReplyASessionAndNothingElse() throws {
    let server = try RedisServer()
    var store = try store(server)
    let prediction = String(repeating: "p", count: 800)
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    var counts: [Int: Int] = [:]
    var round = 0
    for sessions in [256, 64] {
      for _ in 0..<4 {
        fill(&appends, round: round, sessions: sessions, prediction: prediction)
        let counted = try allocations { try store.append(appends, into: &outcomes) }
        #expect(outcomes.outcomes.count == sessions && !outcomes.outcomes.contains { $0 != .stored })
        counts[sessions] = counted
        round += 1
      }
    }
    guard let many = counts[256], let few = counts[64] else { return }
    print("allocations of an append: \(many) for 256 sessions, \(few) for 64")
    #if !DEBUG
      #expect(Double(many - few) / 192 <= 1.01)
      #expect(few <= 64 + 40)
    #endif
  }

  /// The estimate of the documents: bytes for a million sessions of `events` events and a prediction of `prediction` bytes.
  static func estimate(events: Int, prediction: Int) -> Int { 1_000_000 * (590 + events * 52 + prediction * 112 / 100) }

  @Test(arguments: [(4, 800), (12, 800), (4, 1600)])
  func memoryIsWhatTheDocumentsSay(events: Int, prediction: Int) throws {
    let server = try RedisServer()
    var store = try store(server)
    let text = String(repeating: "p", count: prediction)
    func used() throws -> Int {
      let line = try server.command(["INFO", "memory"]).split(whereSeparator: \.isNewline).first {
        $0.hasPrefix("used_memory:")
      }
      return Int(line?.dropFirst(12) ?? "") ?? 0
    }
    try store.connect()
    let before = try used()
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    let sessions = 20_000
    for round in 0..<events {
      for start in stride(from: 0, to: sessions, by: 250) {
        appends.removeAll()
        for session in start..<start + 250 {
          appends.add(
            Array("session-\(1_000_000 + session)".utf8), expected: Int64(round),
            items: [Array("item-\(100_000 + session)".utf8)], offset: Int64(1_000_000 + round * sessions + session),
            time: 1_700_000_000_000 + Int64(round), prediction: text)
        }
        try store.append(appends, into: &outcomes)
        #expect(!outcomes.outcomes.contains { $0 != .stored })
      }
    }
    let each = Double(try used() - before) / Double(sessions)
    let estimated = Double(Self.estimate(events: events, prediction: prediction)) / 1e6
    print("a session of \(events) events and \(prediction) bytes of prediction: \(each) bytes, estimated \(estimated)")
    #expect(abs(each / estimated - 1) < 0.2)
  }
}
