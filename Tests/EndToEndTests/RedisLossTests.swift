import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// Redis loses writes that it had acknowledged, or takes none: at the end it holds what a single-threaded replay would.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct RedisLossTests {
    enum Loss: String, CaseIterable {
      /// It goes away for a while, and comes back with all it had.
      case stopped
      /// It comes back empty.
      case emptied
      /// A replica takes its place that lacks the last second.
      case demoted
      /// It has no memory left for a while.
      case full

      /// What the log says of it.
      var trace: String {
        switch self {
        case .stopped: "next_try_ms"
        case .emptied, .demoted: "is read again from"
        case .full: "OOM"
        }
      }
    }

    @Test(arguments: Loss.allCases) func sequencesAreWholeAgain(_ loss: Loss) throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(TestServer.isLong ? 20_000 : 4000, seed: 31)
      let redis = try RedisServer(loss == .stopped ? ["--appendonly", "yes"] : [])
      let folder = try TemporaryFolder(prefix: "intentd-switch")
      let address = folder.file("redis")
      try RedisSwitch.turn(address, to: redis)
      var setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: redis, model: model,
        settings: "workers: 2", redisURL: "unix://\(address)")
      let began = ContinuousClock.now
      let daemon = try setup.start()
      let step = clicks.all.count / 100
      let writer = try Background(pausing: 80_000, of: clicks.all, by: step, setup)
      #expect(try setup.waitUntilCommitted(step * 20), "\(daemon.error.suffix(4000))")
      let words: String
      switch loss {
      case .stopped: words = try stop(redis, seconds: TestServer.isLong ? 10 : 3)
      case .emptied: words = try empty(redis)
      case .full: words = try fill(redis)
      case .demoted:
        let replica = try RedisServer(["--replicaof", "127.0.0.1", "\(redis.port)"])
        words = try promote(replica, instead: redis, at: address)
        setup.redis = replica
      }
      try writer.join()
      #expect(try setup.waitUntilCommitted(clicks.all.count, seconds: 90), "\(daemon.error.suffix(4000))")
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      let peak = daemon.peakMiB ?? 0
      let outcome = try daemon.terminate(seconds: 30)
      #expect(outcome.exit == .status(0), "\(outcome.error)")
      #expect(outcome.error.contains(loss.trace), "\(outcome.error)")
      let check = try DeliveryCheck(setup, clicks, model: model)
      #expect(check.isComplete, "\(check)")
      try setup.expectStored(check.source, latest: check.last)
      print(
        "Redis \(loss): \(words); \(check.predictions) predictions, \(check.copies) copies, \(Int(seconds)) s, \(peak) MiB"
      )
    }

    private func stop(_ redis: RedisServer, seconds: Int) throws -> String {
      redis.stop()
      sleep(UInt32(seconds))
      try redis.start()
      return "away for \(seconds) s"
    }

    private func empty(_ redis: RedisServer) throws -> String {
      let keys = try #require(Int(try redis.command(["DBSIZE"])))
      #expect(keys > 100)
      redis.kill()
      try redis.start()
      return "\(keys) keys gone"
    }

    private func fill(_ redis: RedisServer) throws -> String {
      #expect(try redis.command(["CONFIG", "SET", "maxmemory", "1"]) == "OK")
      sleep(3)
      #expect(try redis.command(["CONFIG", "SET", "maxmemory", "0"]) == "OK")
      return "without memory for 3 s"
    }

    /// The replica stops following, a second of writes later the daemon finds it in the place of its master.
    private func promote(_ replica: RedisServer, instead master: RedisServer, at address: String) throws -> String {
      let deadline = Deadline(seconds: 20)
      while try RedisSwitch.info(replica, "master_link_status") != "up", !deadline.isOver { usleep(20_000) }
      #expect(try replica.command(["REPLICAOF", "NO", "ONE"]) == "OK")
      sleep(1)
      let written = try #require(Int(try RedisSwitch.info(master, "master_repl_offset") ?? ""))
      let copied = try #require(Int(try RedisSwitch.info(replica, "master_repl_offset") ?? ""))
      try RedisSwitch.turn(address, to: replica)
      master.kill()
      // Otherwise nothing was tested: the master had acknowledged writes that its successor does not know.
      #expect(written - copied > 10_000, "\(written), \(copied)")
      return "\(written - copied) bytes of acknowledged writes gone"
    }
  }
}

/// Stands between daemons and their Redis: a name in the file system that leads to the socket of one server or another.
enum RedisSwitch {
  static func turn(_ path: String, to server: RedisServer) throws {
    let next = path + ".next"
    try FileManager.default.createSymbolicLink(atPath: next, withDestinationPath: server.socket)
    // At once: there is no moment without a server.
    guard unsafe rename(next, path) == 0 else { throw IntentdProcess.TimeoutFailure(description: "no link at \(path)") }
  }

  /// One line of what a server says of its replication.
  static func info(_ server: RedisServer, _ name: String) throws -> String? {
    try server.command(["INFO", "replication"]).split(whereSeparator: \.isNewline)
      .first { $0.hasPrefix("\(name):") }.map { String($0.dropFirst(name.count + 1)) }
  }
}
