import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// Servers that hang, restart or go away for a while: the daemon waits and goes on by itself.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct OutageTests {
    @Test func redisHangsRestartsAndStaysAway() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(4000, seed: 21)
      let redis = try RedisServer(["--appendonly", "yes", "--appendfsync", "always"])
      let setup = try LiveSetup(servers: try KafkaBroker.shared().bootstrapServers, redis: redis, model: model)
      let daemon = try setup.start()
      let writer = try Background(pausing: 50_000, of: clicks.all, by: 40, setup)
      #expect(try setup.waitUntilCommitted(200))
      // Longer than the time-out of 500 ms, so that the daemon gives the connection up while the server still has its commands.
      redis.pause()
      usleep(1_500_000)
      redis.resume()
      usleep(300_000)
      redis.kill()
      usleep(700_000)
      try redis.start()
      usleep(300_000)
      redis.stop()
      usleep(300_000)
      try redis.start()
      try writer.join()
      #expect(try setup.waitUntilCommitted(clicks.all.count))
      let outcome = try daemon.terminate()
      #expect(outcome.exit == .status(0), "\(outcome.error)")
      #expect(outcome.error.contains("next_try_ms"))
      let check = try DeliveryCheck(setup, clicks, model: model)
      #expect(check.isComplete, "\(check)")
      try setup.expectStored(check.source, latest: check.last)
    }

    /// It answers, but late: now within the time-out, now beyond it.
    @Test func redisIsSlow() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(4000, seed: 25)
      let redis = try RedisServer(["--enable-debug-command", "local"])
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: redis, model: model, settings: "workers: 2")
      let daemon = try setup.start()
      let writer = try Background(pausing: 60_000, of: clicks.all, by: 40, setup)
      #expect(try setup.waitUntilCommitted(200), "\(daemon.error.suffix(3000))")
      let before = try #require(daemon.peakMiB)
      for seconds in ["0.2", "0.3", "1.2", "0.4"] {
        _ = try redis.command(["DEBUG", "SLEEP", seconds])
        usleep(100_000)
      }
      _ = try redis.command(["CLIENT", "PAUSE", "2500", "ALL"])
      try writer.join()
      #expect(try setup.waitUntilCommitted(clicks.all.count), "\(daemon.error.suffix(3000))")
      let peak = try #require(daemon.peakMiB)
      #expect(peak < before + 150, "\(before), then \(peak) MiB")
      let outcome = try daemon.terminate()
      #expect(outcome.exit == .status(0), "\(outcome.error)")
      #expect(outcome.error.contains("next_try_ms"), "\(outcome.error)")
      let check = try DeliveryCheck(setup, clicks, model: model)
      #expect(check.isComplete, "\(check)")
      try setup.expectStored(check.source, latest: check.last)
      print("Slow Redis: \(check.predictions) predictions, \(check.copies) copies, \(before), then \(peak) MiB")
    }

    @Test func theDaemonStartsBeforeRedis() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(300, visitors: 20)
      let redis = try RedisServer()
      let setup = try LiveSetup(servers: try KafkaBroker.shared().bootstrapServers, redis: redis, model: model)
      redis.stop()
      let daemon = try setup.start()
      try setup.produce(clicks.all, with: try setup.producer())
      _ = try daemon.log("Redis does not answer yet")
      try redis.start()
      #expect(try setup.waitUntilCommitted(clicks.all.count))
      #expect(try daemon.terminate().exit == .status(0))
      #expect(try DeliveryCheck(setup, clicks, model: model).isComplete)
    }

    @Test func withRedisAwayADaemonStillEndsInTime() throws {
      let clicks = Clicks(600, visitors: 20)
      let redis = try RedisServer()
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: redis, model: try TestModel.shop.path(),
        settings: "drain_timeout: 4s")
      let daemon = try setup.start()
      let producer = try setup.producer()
      try setup.produce(clicks.all[..<200], with: producer)
      #expect(try setup.waitUntilCommitted(200))
      redis.stop()
      try setup.produce(clicks.all[200...], with: producer)
      let deadline = Deadline(seconds: 30)
      while !daemon.error.contains("next_try_ms"), daemon.isRunning, !deadline.isOver { usleep(20_000) }
      let outcome = try daemon.terminate(seconds: 30)
      // What could not be stored is not committed, and the next daemon gets it.
      #expect(outcome.exit == .status(1), "\(outcome.error)")
      #expect(outcome.error.contains("next_try_ms"))
      #expect(try setup.committed().reduce(0) { $0 + ($1 ?? 0) } == 200)
    }
  }

  /// A broker of its own, as it is stopped.
  @Suite(KafkaBroker.needed, RedisServer.needed, KafkaBroker.isStarted) struct BrokerOutageTests {
    /// Killed in the middle of everything, and started again with what it had on its disk.
    @Test func theBrokerIsKilledAndComesBack() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(4000, seed: 27)
      let broker = try KafkaBroker()
      let setups = try Delivery.allCases.map {
        try LiveSetup(
          servers: broker.bootstrapServers, redis: try RedisServer(), model: model, delivery: $0,
          settings: "workers: 2")
      }
      let daemons = try setups.map { try $0.start() }
      let writers = try setups.map { try Background(pausing: 60_000, of: clicks.all, by: 40, $0) }
      for (setup, daemon) in zip(setups, daemons) {
        #expect(try setup.waitUntilCommitted(400), "\(daemon.error.suffix(3000))")
      }
      let began = ContinuousClock.now
      broker.kill()
      sleep(TestServer.isLong ? 10 : 2)
      try broker.restart()
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      for writer in writers { try writer.join() }
      for (delivery, (setup, daemon)) in zip(Delivery.allCases, zip(setups, daemons)) {
        #expect(
          try setup.waitUntilCommitted(clicks.all.count, seconds: 90), "\(delivery): \(daemon.error.suffix(3000))")
        let peak = daemon.peakMiB ?? 0
        let outcome = try daemon.terminate(seconds: 40)
        #expect(outcome.exit == .status(0), "\(delivery): \(outcome.error)")
        // It says that the broker is away.
        #expect(outcome.error.contains(broker.bootstrapServers), "\(delivery): \(outcome.error)")
        let check = try DeliveryCheck(setup, clicks, model: model)
        #expect(check.keeps(delivery), "\(delivery): \(check)")
        try setup.expectStored(check.source, latest: check.last)
        print("Broker killed, \(delivery): \(Int(seconds)) s away, \(check.copies) copies, \(peak) MiB")
      }
    }

    @Test func theBrokerHangs() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(3000, seed: 23)
      let broker = try KafkaBroker()
      let setup = try LiveSetup(servers: broker.bootstrapServers, redis: try RedisServer(), model: model)
      let daemon = try setup.start()
      let writer = try Background(pausing: 50_000, of: clicks.all, by: 40, setup)
      #expect(try setup.waitUntilCommitted(400))
      for seconds in [2, 7] {
        broker.pause()
        sleep(UInt32(seconds))
        broker.resume()
        let resumed = ContinuousClock.now
        let before = try setup.committed().reduce(0) { $0 + ($1 ?? 0) }
        #expect(
          try setup.waitUntilCommitted(min(Int(before) + 1, clicks.all.count)),
          "no progress after \(seconds) s without the broker")
        print(
          "Broker hung for \(seconds) s: commits go on after \((ContinuousClock.now - resumed) / .milliseconds(1)) ms")
        sleep(1)
      }
      try writer.join()
      #expect(try setup.waitUntilCommitted(clicks.all.count))
      let outcome = try daemon.terminate()
      #expect(outcome.exit == .status(0), "\(outcome.error)")
      let check = try DeliveryCheck(setup, clicks, model: model)
      #expect(check.isComplete, "\(check)")
      try setup.expectStored(check.source, latest: check.last)
    }
  }
}
