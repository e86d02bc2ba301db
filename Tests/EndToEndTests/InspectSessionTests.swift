import Events
import Foundation
import Platform
import SessionState
import TestSupport
import Testing

/// `intentd inspect session`: what Redis holds, for people and for scripts.
@Suite(RedisServer.needed) struct InspectSessionTests {
  private struct Shown: Decodable {
    struct Event: Decodable, Equatable {
      var number: Int
      var ordinal: Int
      var origin: String
      var time: Int64
      var timeIso: String
      var item: String
    }
    struct Next: Decodable, Equatable {
      var session: String
      var predictions: [String]
    }
    var session: String
    var events: [Event]
    var marks: [String: Int64]
    var ttlMs: Int64
    var next: Next?
  }

  private func configuration(_ server: RedisServer, _ folder: TemporaryFolder) throws -> String {
    let path = folder.file("intentd.yaml")
    let text = """
      model: \(try TestModel.shop.path())
      kafka:
        bootstrap_servers: 127.0.0.1:1
      redis:
        url: unix://\(server.socket)
      state:
        prefix: shop
        generation: g2

      """
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private func write(_ server: RedisServer) throws {
    let table = PartitionTable()
    for partition in Int32(0)..<3 { _ = table.slot(topic: "clicks", partition: partition) }
    var store = try RedisSessionStore(
      RedisConfiguration(.unix(path: server.socket), prefix: "shop", generation: "g2"),
      rules: SessionRules(maxLength: 50, idleTimeout: 60_000, maxLag: 40_000), partitions: table)
    var appends = SessionAppends()
    var outcomes = AppendOutcomes()
    let id = appends.bytes.appendBytes(Array("s {81}".utf8).span)
    for (number, item) in ["sku 1", "sku-2"].enumerated() {
      appends.events.append(
        StoredEvent(
          number: Int64(number + 1), ordinal: Int64(number + 1),
          origin: Origin(partition: 2, offset: 40 + Int64(number)),
          time: 1_700_000_000_123 + Int64(number), item: appends.bytes.appendBytes(Array(item.utf8).span)))
    }
    let prediction = appends.bytes.appendBytes(
      Array("{\"session\":\"s {81}\",\"predictions\":[\"a\",\"b\"]}".utf8).span)
    appends.sessions.append(
      SessionAppend(session: id, expected: 0, events: 0..<2, prediction: prediction, greatestTime: 1_700_000_000_124))
    try store.append(appends, into: &outcomes)
    #expect(outcomes.outcomes == [.stored])
  }

  @Test func aSessionIsShownDecoded() throws {
    let server = try RedisServer()
    try write(server)
    let folder = try TemporaryFolder(prefix: "intentd-inspect")
    let path = try configuration(server, folder)
    let text = try IntentdProcess.run(["inspect", "session", "s {81}", "--config", path])
    #expect(text.isSuccess, "\(text.error)")
    for part in ["clicks:2@40", "2023-11-14T22:13:20.123Z", "sku 1", "clicks:2@41", "\"predictions\"", "expires in"] {
      #expect(text.output.contains(part), "\(part) in \(text.output)")
    }
    let json = try IntentdProcess.run(["inspect", "session", "s {81}", "--config", path, "--json"])
    #expect(json.isSuccess, "\(json.error)")
    #expect(json.lines.count == 1)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let shown = try decoder.decode(Shown.self, from: Data(json.output.utf8))
    #expect(shown.session == "s {81}")
    #expect(shown.events.map(\.item) == ["sku 1", "sku-2"])
    #expect(
      shown.events.last
        == Shown.Event(
          number: 2, ordinal: 2, origin: "clicks:2@41", time: 1_700_000_000_124, timeIso: "2023-11-14T22:13:20.124Z",
          item: "sku-2"))
    #expect(shown.marks == ["clicks:2": 41])
    #expect(shown.ttlMs > 50_000 && shown.ttlMs <= 100_000)
    #expect(shown.next == Shown.Next(session: "s {81}", predictions: ["a", "b"]))
  }

  @Test func whatIsNotThereIsSaidAndAStatus() throws {
    let server = try RedisServer()
    let folder = try TemporaryFolder(prefix: "intentd-inspect")
    let path = try configuration(server, folder)
    let nobody = try IntentdProcess.run(["inspect", "session", "nobody", "-c", path])
    #expect(nobody.exit == .status(1))
    #expect(nobody.output.isEmpty)
    #expect(nobody.error.contains("no session \"nobody\"") && nobody.error.contains("shop:g2"), "\(nobody.error)")
    // Nor does it touch what it can't read.
    _ = try server.command(["RPUSH", "shop:g2:{broken}:events", "what is this"])
    let broken = try IntentdProcess.run(["inspect", "session", "broken", "-c", path])
    #expect(broken.exit == .status(1))
    #expect(broken.error.contains("shop:g2:{broken}:events"), "\(broken.error)")
    #expect(try server.command(["LLEN", "shop:g2:{broken}:events"]) == "1")
    server.kill()
    let away = try IntentdProcess.run(["inspect", "session", "nobody", "-c", path])
    #expect(away.exit == .status(1))
    #expect(away.error.contains("is away"), "\(away.error)")
  }
}
