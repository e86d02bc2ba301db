import Events
import SessionState
import TestSupport
import Testing

/// How quick the stores are. On request: `INTENTD_MEASURE=store`.
@Suite(.enabled(if: TestServer.environment("INTENTD_MEASURE") == "store"), .serialized, RedisServer.needed)
struct SessionStoreMeasurement {
  @Test func memory() throws {
    var store = MemorySessionStore(bytes: 256 << 20, rules: SessionRules(maxLength: 50))
    try measure(&store, "memory", clicks: 1_000_000)
  }

  @Test func redis() throws {
    let server = try RedisServer()
    let table = PartitionTable()
    for partition in 0..<4 { _ = table.slot(topic: "clicks", partition: Int32(partition)) }
    for way in [
      RedisConfiguration(.tcp(host: "127.0.0.1", port: server.port)), RedisConfiguration(.unix(path: server.socket)),
    ] {
      var store = try RedisSessionStore(way, rules: SessionRules(maxLength: 50), partitions: table)
      try measure(&store, "redis \(way.address)", clicks: 100_000)
      _ = try server.command(["FLUSHALL"])
    }
  }

  private func measure<Store: SessionReading & ~Copyable>(_ store: inout Store, _ name: String, clicks: Int) throws {
    let prediction = String(repeating: "p", count: 800)
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    var readout = SessionReadout()
    for batchSize in [1, 32, 256] {
      let total = batchSize == 1 ? clicks / 20 : clicks
      var last: [Int: Int64] = [:]
      var click = 0
      var appendTime = Duration.zero
      var readTime = Duration.zero
      while click < total {
        appends.removeAll()
        var keys: [ByteRange] = []
        // Sessions of about eight clicks, a thousand at once.
        for _ in 0..<batchSize {
          let session = click / 8_000 * 1_000 + click % 1_000
          let number = last[session] ?? 0
          appends.add(
            StoreContract.utf8("\(batchSize)-session-\(session)"), expected: number,
            items: [StoreContract.utf8("item-123456")], offset: Int64(click), prediction: prediction)
          last[session] = number + 1
          click += 1
        }
        for session in appends.sessions { keys.append(session.session) }
        let start = ContinuousClock.now
        try store.append(appends, into: &outcomes)
        let middle = ContinuousClock.now
        try store.read(keys, of: appends.bytes, into: &readout)
        readTime += ContinuousClock.now - middle
        appendTime += middle - start
        #expect(!outcomes.outcomes.contains { $0 != .stored })
      }
      let batches = total / batchSize
      let append = appendTime / .microseconds(1) / Double(batches)
      let read = readTime / .microseconds(1) / Double(batches)
      print("\(name), batches of \(batchSize): append \(append) us, read \(read) us a batch")
    }
  }
}
