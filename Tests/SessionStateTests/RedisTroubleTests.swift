import Events
import Platform
import TestSupport
import Testing

@testable import SessionState

/// What a Redis can say instead of doing what it is asked, each from a real one.
@Suite(.serialized, RedisServer.needed) struct RedisTroubleTests {
  private let table = PartitionTable()
  private let server: RedisServer
  private func make() throws -> RedisSessionStore { try make(server) }

  init() throws {
    for partition in 0..<4 { _ = table.slot(topic: "clicks", partition: Int32(partition)) }
    server = try RedisServer(["--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024"])
  }

  private func make(_ server: RedisServer, generation: String? = nil) throws -> RedisSessionStore {
    try RedisSessionStore(
      RedisConfiguration(
        .tcp(host: "127.0.0.1", port: server.port), prefix: "test", generation: generation, timeout: 1_000),
      rules: StoreContract.rules, partitions: table)
  }

  private func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

  private func append(_ store: inout RedisSessionStore, _ session: String, offset: Int64 = 0)
    throws(SessionStoreFailure)
  {
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    appends.add(utf8(session), expected: 0, items: [utf8("a")], offset: offset)
    appends.partitions = [Mark(partition: 0, offset: offset)]
    try store.append(appends, into: &outcomes)
    #expect(outcomes.outcomes == [.stored])
  }

  /// Expects that an append is refused as busy, by `name`.
  private func expectBusy(_ name: String, _ store: inout RedisSessionStore, _ session: String = "busy") {
    do throws(SessionStoreFailure) {
      try append(&store, session)
      Issue.record("stored in spite of \(name)")
    } catch {
      #expect(error.disposition == .retry)
      #expect(error.description.contains(name), "\(error)")
    }
  }

  /// Tries until it is stored.
  private func eventually(_ store: inout RedisSessionStore, _ session: String) {
    let deadline = Deadline(seconds: 10)
    while !deadline.isOver {
      do throws(SessionStoreFailure) { return try append(&store, session) } catch {
        #expect(error.disposition == .retry)
      }
    }
    Issue.record("never stored")
  }

  @Test func fullMemory() throws {
    var store = try make()
    try append(&store, "before")
    _ = try server.command(["CONFIG", "SET", "maxmemory", "1"])
    expectBusy("OOM", &store)
    _ = try server.command(["CONFIG", "SET", "maxmemory", "0"])
    eventually(&store, "busy")
  }

  @Test func aLongScript() throws {
    var store = try make()
    try append(&store, "before")
    _ = try server.command(["CONFIG", "SET", "lua-time-limit", "50"])
    let script = try ChildProcess(
      "redis-cli", ["-s", server.socket, "EVAL", "while true do end", "0"], output: .null, error: .null,
      endsWithParent: true)
    let deadline = Deadline(seconds: 10)
    while try !server.command(["PING"]).hasPrefix("BUSY") && !deadline.isOver {}
    expectBusy("BUSY", &store)
    _ = try server.command(["SCRIPT", "KILL"])
    try script.wait()
    eventually(&store, "busy")
  }

  @Test func loading() throws {
    var store = try make()
    try append(&store, "before")
    let value = String((0..<4_000).map { _ in "abcdefghijklmnop".randomElement()! })
    for number in 0..<40 { _ = try server.command(["SET", "filler-\(number)", value]) }
    _ = try server.command(["CONFIG", "SET", "rdbcompression", "no"])
    _ = try server.command(["CONFIG", "SET", "key-load-delay", "50000"])
    let reload = try ChildProcess(
      "redis-cli", ["-s", server.socket, "DEBUG", "RELOAD"], output: .null, error: .null, endsWithParent: true)
    let deadline = Deadline(seconds: 10)
    while try !server.command(["GET", "x"]).hasPrefix("LOADING") && !deadline.isOver {}
    expectBusy("LOADING", &store)
    _ = try server.command(["CONFIG", "SET", "key-load-delay", "0"])
    try reload.wait()
    eventually(&store, "busy")
  }

  @Test func aServerThatBecomesAReplicaAndAMasterAgainIsNotTrusted() throws {
    let other = try RedisServer()
    var store = try make()
    try append(&store, "before", offset: 7)
    #expect(try store.marks(of: [0]) == [PartitionMark(partition: 0, offset: 7, isTrusted: true)])
    _ = try server.command(["REPLICAOF", "127.0.0.1", "\(other.port)"])
    expectBusy("READONLY", &store)
    _ = try server.command(["REPLICAOF", "NO", "ONE"])
    // Its name is the same, its data may not be.
    expectChanged(&store)
    #expect(try store.marks(of: [0]).allSatisfy { !$0.isTrusted })
    try append(&store, "after", offset: 8)
    #expect(try store.marks(of: [0]) == [PartitionMark(partition: 0, offset: 8, isTrusted: true)])
  }

  /// Tries until the server is there, and expects that it is found to be another one.
  private func expectChanged(_ store: inout RedisSessionStore) {
    let deadline = Deadline(seconds: 10)
    while !deadline.isOver {
      do throws(SessionStoreFailure) {
        try append(&store, "unseen")
        Issue.record("stored on a server that changed")
        return
      } catch {
        if case .serverChanged = error {
          #expect(error.disposition == .rebuild)
          #expect(try! server.command(["EXISTS", "test:{unseen}:events"]) == "0")
          return
        }
        #expect(error.disposition == .retry)
      }
    }
    Issue.record("never back")
  }

  @Test func aReplicaWithoutItsMasterIsWaitedFor() throws {
    var store = try make()
    try append(&store, "before")
    _ = try store.marks(of: [0])
    _ = try server.command(["CONFIG", "SET", "replica-serve-stale-data", "no"])
    _ = try server.command(["REPLICAOF", "127.0.0.1", "1"])
    expectBusy("MASTERDOWN", &store)
    _ = try server.command(["REPLICAOF", "NO", "ONE"])
    expectChanged(&store)
  }

  @Test func aScriptThatIsGoneIsLoadedAgainWithItsMarks() throws {
    var store = try make()
    try append(&store, "before")
    for offset in Int64(1)...3 {
      _ = try server.command(["SCRIPT", "FLUSH"])
      try append(&store, "s\(offset)", offset: offset)
    }
    _ = try server.command(["SCRIPT", "FLUSH"])
    #expect(try store.marks(of: [0]) == [PartitionMark(partition: 0, offset: 3, isTrusted: true)])
  }

  @Test func aRestartIsToldBeforeAnythingIsWritten() throws {
    var store = try make()
    #expect(try store.marks(of: [0, 1]).allSatisfy { $0.offset == -1 && !$0.isTrusted })
    try append(&store, "s", offset: 5)
    let hash = try server.command(["HGET", "test:partitions", "clicks:0"])
    #expect(hash == "5 \(store.server?.runID ?? "")")
    server.kill()
    try server.start()
    expectChanged(&store)
    expectChanged(&store)
    // Asked for all: what was noted on the other run is not there; from now on this is the server.
    #expect(try store.marks(of: [0, 1]).allSatisfy { $0.offset == -1 && !$0.isTrusted })
    try append(&store, "s", offset: 6)
    #expect(try store.marks(of: [0]) == [PartitionMark(partition: 0, offset: 6, isTrusted: true)])
  }

  @Test func aChangeIsNotSwallowedByAQuestionForNewPartitions() throws {
    var store = try make()
    _ = try store.marks(of: [0])
    try append(&store, "s", offset: 5)
    server.kill()
    try server.start()
    var answers: [Disposition] = []
    let deadline = Deadline(seconds: 10)
    while answers.last != .rebuild && !deadline.isOver {
      do throws(SessionStoreFailure) {
        _ = try store.marks(of: [1])
        Issue.record("answered")
      } catch {
        answers.append(error.disposition)
      }
    }
    #expect(answers.last == .rebuild)
    #expect(try store.marks(of: [0, 1]).count == 2)
  }

  @Test func marksOfAnotherRunAreNotTrusted() throws {
    _ = try server.command(["HSET", "test:partitions", "clicks:0", "41 \(String(repeating: "a", count: 40))"])
    _ = try server.command(["HSET", "test:partitions", "clicks:1", "what is this", "clicks:2", "-4 x"])
    var store = try make()
    #expect(
      try store.marks(of: [0, 1, 2]) == [
        PartitionMark(partition: 0, offset: 41, isTrusted: false),
        PartitionMark(partition: 1, offset: -1, isTrusted: false),
        PartitionMark(partition: 2, offset: -1, isTrusted: false),
      ])
    // Applied on this run, but not further: the run is this one's, the offset stays.
    try append(&store, "s", offset: 30)
    #expect(try store.marks(of: [0]) == [PartitionMark(partition: 0, offset: 41, isTrusted: true)])
  }

  @Test func generationsDontSeeEachOther() throws {
    var first = try make(server)
    var second = try make(server, generation: "g2")
    try append(&first, "s", offset: 1)
    #expect(try second.sequence(of: utf8("s")).isEmpty)
    #expect(try second.marks(of: [0]).map(\.offset) == [-1])
    try append(&second, "s", offset: 2)
    #expect(try server.command(["LRANGE", "test:g2:{s}:events", "0", "-1"]) == "1 1 clicks:0 2 1000 a")
    #expect(try server.command(["HEXISTS", "test:g2:partitions", "clicks:0"]) == "1")
    // The part in braces decides where a key stands in a cluster.
    let slots = try Set(
      ["test:g2:{s}:events", "test:g2:{s}:marks", "s"].map { try server.command(["CLUSTER", "KEYSLOT", $0]) })
    #expect(slots.count == 1 || slots.allSatisfy { $0.contains("cluster support disabled") })
  }

  @Test func aUserWithTheRightsThatTheDocumentsNameIsEnough() throws {
    let rights = [
      "resetkeys", "~test:*", "+info", "+select", "+multi", "+exec", "+watch", "+unwatch", "+script|load", "+eval",
      "+evalsha",
      "+lrange", "+lindex", "+rpush", "+ltrim", "+hget", "+hmget", "+hgetall", "+hset", "+get", "+set", "+exists",
      "+rename", "+pttl", "+pexpire",
    ]
    _ = try server.command(["ACL", "SETUSER", "worker", "on", ">secret"] + rights)
    let way = RedisConfiguration(
      .unix(path: server.socket), user: "worker", password: "secret", database: 2, prefix: "test")
    var store = try RedisSessionStore(way, rules: StoreContract.rules, partitions: table)
    try StoreContract.check(&store)
    #expect(store.server?.evictionPolicy == nil)
    _ = try server.command(["-n", "2", "RPUSH", "test:{broken}:events", "x"])
    #expect(try store.sequence(of: utf8("broken")).isEmpty)
    #expect(try store.timeToLive(of: utf8("reading")) != nil)
  }

  @Test func pausesGrowAndDiffer() {
    var pauses: [Set<Int>] = []
    for failures in 1...8 {
      var seen: Set<Int> = []
      for _ in 0..<20 {
        var backOff = BackOff()
        for _ in 0..<failures { backOff.failed() }
        let pause = backOff.pause ?? .zero
        seen.insert(Int(pause / .microseconds(1)))
        #expect(pause <= .seconds(2))
      }
      pauses.append(seen)
    }
    // By chance, between half and all of what they double to.
    for seen in pauses { #expect(seen.count > 10) }
    #expect((pauses[0].max() ?? 0) <= 50_000 && (pauses[0].min() ?? 0) > 20_000)
    #expect((pauses[7].min() ?? 0) > 900_000)
    var backOff = BackOff()
    backOff.failed()
    backOff.succeeded()
    #expect(backOff.pause == nil)
  }
}
