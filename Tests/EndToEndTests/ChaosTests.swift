import Foundation
import Kafka
import TestSupport
import Testing

extension ServerTests {
  /// Three daemons of two workers each on twelve partitions, which join, leave and are killed at random while clicks come.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct ChaosTests {
    /// How much: `make test` has a short form. A few records are no clicks, and a fifth of the session ids get no visit.
    private struct Size {
      var clicks: Int
      var sessions: Int
      var seconds: Double
      static let now =
        TestServer.isLong
        ? Size(clicks: 206_000, sessions: 25_000, seconds: 60) : Size(clicks: 31_000, sessions: 2_000, seconds: 15)
    }

    /// A run of the past can be repeated, as far as time allows, with its seed in `INTENTD_TEST_SEED`.
    private static var seed: UInt64 {
      TestServer.environment("INTENTD_TEST_SEED").flatMap { UInt64($0) } ?? UInt64.random(in: 1...1_000_000)
    }

    @Test(arguments: Delivery.allCases) func nothingIsLostAndNothingDoubled(_ delivery: Delivery) throws {
      let seed = Self.seed
      let size = Size.now
      print("Chaos, \(delivery): seed \(seed)")
      var numbers = Numbers(state: seed)
      let model = try TestModel.shop.path()
      let clicks = Clicks(size.clicks, visitors: 500, longSession: 400, seed: seed, sessions: size.sessions)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), partitions: 12, model: model,
        delivery: delivery, settings: "workers: 2\npredictions:\n  top_k: 5")
      let began = ContinuousClock.now
      let members = Members(setup.unnamed, most: 3)
      for _ in 0..<3 { try members.join() }
      // In bursts at full speed, so that there is work, and a backlog, all the time.
      let burst = Int(Double(clicks.all.count) / (size.seconds * 2)) + 1
      let writer = try Background(pausing: 450_000, of: clicks.all, by: burst, setup)
      try members.shuffle(seconds: size.seconds, &numbers)
      try writer.join()
      let isCommitted = try setup.waitUntilCommitted(clicks.all.count, seconds: 120)
      let committed = try setup.committed().reduce(0) { $0 + ($1 ?? 0) }
      #expect(isCommitted, "seed \(seed): \(committed) of \(clicks.all.count)\n\(members.words)")
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      try members.leave()

      let check = try DeliveryCheck(setup, clicks, model: model, ["--top-k", "5"])
      #expect(check.keeps(delivery), "seed \(seed): \(check)")
      try setup.expectStored(check.source, latest: check.last)
      print(
        """
        Chaos, \(delivery): \(members.history), \(clicks.events.count) clicks of \(Set(clicks.events.map(\.key)).count) \
        sessions, \(check.copies) copies, \(Int(Double(clicks.events.count) / seconds)) clicks/s in \(Int(seconds)) s, \
        at most \(members.peakMiB) MiB resident
        """)
    }
  }
}
