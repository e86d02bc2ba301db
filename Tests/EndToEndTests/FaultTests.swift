import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// Brokers inside this process that refuse, break connections, and answer late; the daemon is a process of its own, Redis is real.
  @Suite(RedisServer.needed) struct FaultTests {
    /// Each kind of request fails again and again, and all brokers are away for a while.
    @Test func brokersThatErrAreOutlasted() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(3000, seed: 71)
      let broker = try EmbeddedBroker()
      let setup = try LiveSetup(
        broker: broker, redis: try RedisServer(), model: model, settings: "workers: 2\npredictions:\n  top_k: 5")
      let daemon = try setup.start()
      let writer = try Background(pausing: 100_000, of: clicks.all, by: 30, setup)
      #expect(try setup.waitUntilCommitted(300), "\(daemon.error.suffix(3000))")
      let faults: [(EmbeddedBroker.Request, [EmbeddedBroker.Fault])] = [
        (.produce, [.notEnoughReplicas, .timedOut, .disconnect, .notLeader, .notEnoughReplicas]),
        (.fetch, [.notLeader, .disconnect, .disconnect, .timedOut]),
        (.offsetCommit, [.timedOut, .rebalancing, .staleGeneration, .disconnect]),
        (.heartbeat, [.rebalancing, .disconnect, .staleGeneration]),
      ]
      for (request, kinds) in faults {
        broker.fail(request, kinds)
        usleep(1_500_000)
      }
      broker.setDown(true)
      sleep(2)
      broker.setDown(false)
      try writer.join()
      #expect(try setup.waitUntilCommitted(clicks.all.count), "\(daemon.error.suffix(3000))")
      let outcome = try daemon.terminate(seconds: 30)
      #expect(outcome.exit == .status(0), "\(outcome.error)")
      #expect(outcome.error.contains("\"warning\"") || outcome.error.contains("\"error\""), "\(outcome.error)")
      let check = try DeliveryCheck(setup, clicks, model: model, ["--top-k", "5"])
      #expect(check.isComplete, "\(check)")
      try setup.expectStored(check.source, latest: check.last)
      print("Erring brokers: \(faults.map(\.1.count).reduce(0, +)) faults, 2 s away, \(check.copies) copies")
    }

    /// The queue of predictions fills up, as the brokers take their time: the worker waits, and memory stays what it was.
    @Test func aFullQueueHoldsTheWorkerUp() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(3000, seed: 73)
      let broker = try EmbeddedBroker()
      let setup = try LiveSetup(
        broker: broker, redis: try RedisServer(), model: model, settings: "workers: 2\npredictions:\n  top_k: 5",
        sections: ["properties": ["queue.buffering.max.messages: 20", "batch.num.messages: 5"]])
      let producer = try setup.producer()
      try setup.produce(clicks.all, with: producer)
      let daemon = try setup.start()
      #expect(try setup.waitUntilCommitted(1), "\(daemon.error.suffix(3000))")
      let before = try #require(daemon.peakMiB)
      broker.setRoundTrip(milliseconds: 400)
      sleep(6)
      let during = try setup.committed().reduce(0) { $0 + ($1 ?? 0) }
      broker.setRoundTrip(milliseconds: 0)
      #expect(try setup.waitUntilCommitted(clicks.all.count), "\(daemon.error.suffix(3000))")
      let peak = try #require(daemon.peakMiB)
      #expect(peak < before + 100, "\(before), then \(peak) MiB")
      let outcome = try daemon.terminate(seconds: 30)
      #expect(outcome.exit == .status(0), "\(outcome.error)")
      let check = try DeliveryCheck(setup, clicks, model: model, ["--top-k", "5"])
      #expect(check.isComplete, "\(check)")
      try setup.expectStored(check.source, latest: check.last)
      print(
        """
        Full queue: \(during) committed after 6 s of slow brokers, \(check.copies) copies, \(before), then \(peak) MiB
        """)
    }
  }
}
