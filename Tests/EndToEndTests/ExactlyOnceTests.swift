import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// Readers of committed records see each click's prediction once, whatever happens to the daemon.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct ExactlyOnceTests {
    @Test func killsDoubleNothing() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(4000, visitors: 60, longSession: 400, seed: UInt64.random(in: 1...1000))
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: model,
        delivery: .exactlyOnce)
      let writer = try Background(pausing: 50_000, of: clicks.all, by: 30, setup)
      // Sees what is written before it is committed, so that kills hit open transactions too.
      var reader = try setup.reader(of: setup.predictions, isolation: .uncommitted)
      var kills = 0
      while kills < 5 {
        let daemon = try setup.start()
        let hasBegun = try reader.next(milliseconds: 30_000) != nil
        #expect(hasBegun, "\(daemon.error.suffix(2000))")
        usleep(UInt32.random(in: 0...300_000))
        daemon.kill()
        kills += 1
        while try reader.next(milliseconds: 200) != nil {}
      }
      try writer.join()
      let daemon = try setup.start()
      _ = try daemon.log("serving")
      #expect(try setup.waitUntilCommitted(clicks.all.count))
      let outcome = try daemon.terminate()
      #expect(outcome.exit == .status(0), "\(outcome.error)")
      let check = try DeliveryCheck(setup, clicks, model: model)
      #expect(check.isComplete, "\(check)")
      #expect(check.predictions == clicks.events.count, "\(check)")
      let letters = try setup.records(of: setup.deadLetters, atLeast: clicks.poisonCount)
      let origins = letters.map { "\($0.header("source_partition") ?? "") \($0.header("source_offset") ?? "")" }
      #expect(letters.count == clicks.poisonCount)
      #expect(Set(origins).count == clicks.poisonCount)
      try setup.expectStored(check.source, latest: check.last)
      var all = try setup.reader(of: setup.predictions, isolation: .uncommitted)
      var written = try all.read(clicks.events.count, milliseconds: 20_000).count
      while try all.next(milliseconds: 300) != nil { written += 1 }
      print(
        "Exactly once: \(kills) kills, \(clicks.events.count) clicks, \(check.predictions) predictions committed, \(written) written; \(clicks.poisonCount) records that are none, \(letters.count) dead letters"
      )
    }
  }
}
