import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// Power failures: the daemon is killed again and again at random moments.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct CrashTests {
    @Test(arguments: [TestModel.shop, .recurrent])
    func aKillLosesNoClickAndDoublesNoSequence(_ kind: TestModel) throws {
      let model = try kind.path()
      let clicks = Clicks(5000, visitors: 60, longSession: 600, seed: UInt64.random(in: 1...1000))
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: model,
        settings: "predictions:\n  exclude: seen")
      let writer = try Background(pausing: 50_000, of: clicks.all, by: 30, setup)
      var reader = try setup.reader(of: setup.predictions)
      var kills = 0
      while kills < 5 {
        let daemon = try setup.start()
        // Killed between its first predictions and a moment in which it writes, publishes, or commits.
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
      let check = try DeliveryCheck(setup, clicks, model: model, ["--exclude", "seen"])
      #expect(check.isComplete, "\(check)")
      try setup.expectStored(check.source, latest: check.last, keep: kind.keep)
      print("Crashes: \(kills) kills, \(check.predictions) predictions of \(clicks.events.count) clicks")
    }

    @Test func aKilledMemberWithoutANameIsTakenOver() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(1500, seed: 5)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: model)
      let first = try IntentdProcess(["--config", setup.unnamed])
      let producer = try setup.producer()
      try setup.produce(clicks.all[..<900], with: producer)
      #expect(try setup.records(of: setup.predictions, atLeast: 300, seconds: 30).count >= 300)
      first.kill()
      let second = try IntentdProcess(["--config", setup.unnamed])
      try setup.produce(clicks.all[900...], with: producer)
      #expect(try setup.waitUntilCommitted(clicks.all.count))
      #expect(try second.terminate().exit == .status(0))
      let check = try DeliveryCheck(setup, clicks, model: model)
      #expect(check.isComplete, "\(check)")
      try setup.expectStored(check.source, latest: check.last)
    }
  }
}

/// Writes clicks to a topic on a thread of its own, some at a time.
final class Background: @unchecked Sendable {
  private var failure: (any Error)?
  private var thread: WorkerThread?

  init(pausing microseconds: UInt32, of clicks: [Click], by step: Int, _ setup: LiveSetup) throws {
    let kafka = setup.kafka
    let topic = setup.clicks
    thread = try WorkerThread(name: "clicks") { [self] in
      do {
        let producer = try ClickProducer(kafka, topic: topic)
        for start in stride(from: 0, to: clicks.count, by: step) {
          for click in clicks[start..<min(clicks.count, start + step)] { try producer.produce(click) }
          try producer.flush()
          usleep(microseconds)
        }
      } catch {
        failure = error
      }
    }
  }

  /// Waits until all is written.
  func join() throws {
    thread?.join()
    if let failure { throw failure }
  }
}
