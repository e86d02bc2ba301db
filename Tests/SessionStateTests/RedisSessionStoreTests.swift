import Events
import SessionState
import TestSupport
import Testing

@Suite(.serialized, RedisServer.needed) struct RedisSessionStoreTests {
  private func table() -> PartitionTable {
    let table = PartitionTable()
    for partition in 0..<4 { _ = table.slot(topic: "clicks", partition: Int32(partition)) }
    return table
  }

  private func configuration(_ server: RedisServer, prefix: String = "test") -> RedisConfiguration {
    RedisConfiguration(.tcp(host: "127.0.0.1", port: server.port), prefix: prefix)
  }

  private func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func itKeepsTheContract() throws {
    let server = try RedisServer()
    var store = try RedisSessionStore(configuration(server), rules: StoreContract.rules, partitions: table())
    try StoreContract.check(&store)
    #expect(store.server?.runID.count == 40)
    #expect(store.server?.version.isEmpty == false)
    #expect(store.server?.evictionPolicy == "noeviction")
    #expect(store.server?.warning == nil)
  }

  @Test func itKeepsTheContractOnAUnixSocketWithUserAndDatabase() throws {
    let server = try RedisServer([
      "--user", "worker", "on", ">secret", "~*", "+@all", "--maxmemory-policy", "allkeys-lru",
    ])
    let way = RedisConfiguration(.unix(path: server.socket), user: "worker", password: "secret", database: 3)
    var store = try RedisSessionStore(way, rules: StoreContract.rules, partitions: table())
    try StoreContract.check(&store)
    #expect(store.server?.warning?.contains("allkeys-lru") == true)
  }

  @Test func anotherProcessReadsTheTextOfTheFirst() throws {
    let server = try RedisServer()
    var store = try RedisSessionStore(configuration(server), rules: StoreContract.rules, partitions: table())
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    appends.add(
      utf8("a{b"), expected: 0, items: [utf8("sku 1")], partition: 2, offset: 123_456, time: 1_700_000_000_000,
      prediction: "{}")
    try store.append(appends, into: &outcomes)
    #expect(
      try server.command(["LRANGE", "test:{a%7Bb}:events", "0", "-1"]) == "1 1 clicks:2 123456 1700000000000 sku 1")
    #expect(try server.command(["HGETALL", "test:{a%7Bb}:marks"]) == "time\n1700000000000\nclicks:2\n123456")
    #expect(try server.command(["GET", "test:{a%7Bb}:next"]) == "{}")
    // Its table knows no partition yet: slots are its own, names are not.
    let fresh = PartitionTable()
    var other = try RedisSessionStore(configuration(server), rules: StoreContract.rules, partitions: fresh)
    let events = try other.sequence(of: utf8("a{b"))
    #expect(events.map(\.origin) == [Origin(partition: 0, offset: 123_456)])
    #expect(fresh.names.map(\.topic) == ["clicks"])
    #expect(fresh.names.map(\.partition) == [2])
  }

  @Test func allThreeKeysLiveAsLongAsTheRulesSay() throws {
    let server = try RedisServer()
    let rules = SessionRules(maxLength: 6, idleTimeout: 60_000, maxLag: 30_000)
    var store = try RedisSessionStore(configuration(server), rules: rules, partitions: table())
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    appends.add(utf8("s"), expected: 0, items: [utf8("a")], offset: 0, prediction: "p")
    try store.append(appends, into: &outcomes)
    for kind in ["events", "marks", "next"] {
      let left = try #require(Int(try server.command(["PTTL", "test:{s}:\(kind)"])))
      #expect(left > 80_000 && left <= 90_000)
    }
  }

  @Test func aScriptThatTheServerForgotIsLoadedAgain() throws {
    let server = try RedisServer()
    var store = try RedisSessionStore(configuration(server), rules: StoreContract.rules, partitions: table())
    try store.connect()
    #expect(try server.command(["SCRIPT", "FLUSH"]) == "OK")
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    for number in 0..<20 { appends.add(utf8("s\(number)"), expected: 0, items: [utf8("a")], offset: 0) }
    try store.append(appends, into: &outcomes)
    #expect(outcomes.outcomes == [AppendOutcomes.Outcome](repeating: .stored, count: 20))
  }

  @Test func aServerThatRestartsIsFoundAgainAndShowsAnotherRun() throws {
    let server = try RedisServer()
    var store = try RedisSessionStore(configuration(server), rules: StoreContract.rules, partitions: table())
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    appends.add(utf8("s"), expected: 0, items: [utf8("a")], offset: 0)
    try store.append(appends, into: &outcomes)
    let firstRun = store.server?.runID
    server.kill()
    for _ in 0..<5 {
      do throws(SessionStoreFailure) {
        try store.append(appends, into: &outcomes)
        Issue.record("the server is dead")
      } catch {
        #expect(error.disposition == .retry)
        guard case .unreachable = error else {
          Issue.record("\(error)")
          continue
        }
      }
    }
    try server.start()
    let deadline = Deadline(seconds: 10)
    var isBack = false
    while !isBack && !deadline.isOver {
      do throws(SessionStoreFailure) {
        // Nothing is persisted: the session is new again.
        try store.append(appends, into: &outcomes)
        isBack = true
      } catch {
        #expect(error.disposition == .retry)
      }
    }
    #expect(outcomes.outcomes == [.stored])
    #expect(store.server?.runID != firstRun)
  }

  @Test(arguments: [
    ["RPUSH", "test:{s}:events", "what is this"], ["RPUSH", "test:{s}:events", "1 1 clicks:0 5 5"],
    ["RPUSH", "test:{s}:events", "01 1 clicks:0 5 5 a"], ["RPUSH", "test:{s}:events", "1 1 clicks 5 5 a"],
    ["SET", "test:{s}:events", "x"], ["HSET", "test:{s}:marks", "clicks:0", "x"],
    ["RPUSH", "test:{s}:events", "9223372036854775807 1 clicks:0 5 5 a"],
    ["RPUSH", "test:{s}:events", "9007199254740993 9007199254740993 clicks:0 5 5 a"],
    ["RPUSH", "test:{s}:events", "1 1 clicks:0 -9223372036854775808 5 a"],
    ["HSET", "test:{s}:marks", "clicks:0", "9223372036854775807"], ["HSET", "test:{s}:marks", "clicks", "1"],
    ["SET", "test:{s}:marks", "x"],
  ])
  func whatSomeoneElseWroteIsSetAsideAndTheSessionBeginsAnew(command: [String]) throws {
    for isReadFirst in [true, false] {
      let server = try RedisServer()
      _ = try server.command(command)
      var reader = try RedisSessionStore(
        configuration(server), rules: StoreContract.rules, partitions: table(), onlyReads: true)
      do throws(SessionStoreFailure) {
        _ = try reader.sequence(of: utf8("s"))
        Issue.record("read")
      } catch {
        guard case .malformed(let key, _) = error else {
          Issue.record("\(error)")
          return
        }
        #expect(key.hasPrefix("test:{s}:"))
      }
      #expect(try server.command(["EXISTS", command[1]]) == "1")
      var store = try RedisSessionStore(configuration(server), rules: StoreContract.rules, partitions: table())
      if isReadFirst {
        var readout = SessionReadout()
        let keys = [ByteRange(start: 0, count: 1), ByteRange(start: 1, count: 1)]
        try store.read(keys, of: utf8("sx"), into: &readout)
        #expect(readout.sessions.count == 2 && readout.events.isEmpty && readout.marks.isEmpty)
        #expect(readout.setAside.count == 1)
        #expect(readout.setAside.first?.contains("test:{s}:") == true)
      }
      var appends = SessionAppends()
      var outcomes = AppendOutcomes()
      appends.add(utf8("s"), expected: 0, items: [utf8("a")], offset: 9)
      appends.add(utf8("beside"), expected: 0, items: [utf8("a")], offset: 9)
      try store.append(appends, into: &outcomes)
      #expect(outcomes.outcomes[1] == .stored)
      if outcomes.outcomes[0] != .stored {
        #expect(!isReadFirst)
        #expect(outcomes.readout.setAside.count == 1)
        #expect(outcomes.readout.sessions.map(\.events.count) == [0])
        appends.removeAll()
        appends.add(utf8("s"), expected: 0, items: [utf8("a")], offset: 9)
        try store.append(appends, into: &outcomes)
        #expect(outcomes.outcomes == [.stored])
      } else if !isReadFirst {
        // A hash with a field of someone else's does not hinder an append; the next read finds it.
        #expect(try store.sequence(of: utf8("s")).isEmpty)
        return
      }
      #expect(try store.sequence(of: utf8("s")).map(\.origin.offset) == [9])
      #expect(try server.command(["EXISTS", "\(command[1]):malformed"]) == "1")
      #expect(Int(try server.command(["PTTL", "\(command[1]):malformed"])) ?? 0 > 0)
    }
  }

  @Test func aWrongPasswordHaltsAndAFullServerIsWaitedFor() throws {
    let closed = try RedisServer(["--requirepass", "secret"])
    for password in [nil, "wrong"] {
      var way = configuration(closed)
      way.password = password
      var store = try RedisSessionStore(way, rules: StoreContract.rules, partitions: table())
      do throws(SessionStoreFailure) {
        try store.connect()
        Issue.record("let in")
      } catch {
        guard case .denied = error else {
          Issue.record("\(error)")
          continue
        }
        #expect(error.disposition == .halt)
      }
    }
    let full = try RedisServer()
    var store = try RedisSessionStore(configuration(full), rules: StoreContract.rules, partitions: table())
    try store.connect()
    _ = try full.command(["CONFIG", "SET", "maxmemory", "1"])
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    appends.add(utf8("s"), expected: 0, items: [utf8("a")], offset: 0)
    do throws(SessionStoreFailure) {
      try store.append(appends, into: &outcomes)
      Issue.record("stored")
    } catch {
      guard case .busy = error else {
        Issue.record("\(error)")
        return
      }
      #expect(error.disposition == .retry)
    }
    _ = try full.command(["CONFIG", "SET", "maxmemory", "0"])
    try store.append(appends, into: &outcomes)
    #expect(outcomes.outcomes == [.stored])
  }

  @Test func aServerThatHangsIsGivenUpInTime() throws {
    let server = try RedisServer()
    var way = configuration(server)
    way.timeout = 200
    var store = try RedisSessionStore(way, rules: StoreContract.rules, partitions: table())
    try store.connect()
    server.pause()
    let start = ContinuousClock.now
    #expect(throws: SessionStoreFailure.self) { _ = try store.sequence(of: utf8("s")) }
    #expect(ContinuousClock.now - start < .seconds(2))
    server.resume()
    let deadline = Deadline(seconds: 10)
    var isBack = false
    while !isBack && !deadline.isOver {
      isBack = (try? store.sequence(of: utf8("s")).isEmpty) ?? false
    }
    #expect(isBack)
  }

  @Test func settingsThatCannotWorkAreRefusedByName() {
    var way = RedisConfiguration(.tcp(host: "127.0.0.1", port: 1), prefix: "a{b}")
    #expect(throws: SessionStoreFailure.self) {
      _ = try RedisSessionStore(way, rules: StoreContract.rules, partitions: table())
    }
    way.prefix = "intentd"
    way.user = "u"
    #expect(throws: SessionStoreFailure.self) { try way.check() }
    way.generation = "a}"
    way.password = "p"
    #expect(throws: SessionStoreFailure.self) { try way.check() }
    way.generation = "2"
    #expect(throws: Never.self) { try way.check() }
  }
}
