import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// Members that freeze, leave under load, or are replaced one after the other.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct MembershipTests {
    /// Two members of a group, one of which sleeps.
    private struct Pair {
      let delivery: Delivery
      let setup: LiveSetup
      let sleeper: IntentdProcess
      let other: IntentdProcess

      init(_ delivery: Delivery, model: String) throws {
        self.delivery = delivery
        setup = try LiveSetup(
          servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), partitions: 4, model: model,
          delivery: delivery, settings: "workers: 2")
        sleeper = try IntentdProcess(["--config", setup.unnamed])
        other = try IntentdProcess(["--config", setup.unnamed])
      }

      var committed: Int64 { get throws { try setup.committed().reduce(0) { $0 + ($1 ?? 0) } } }
      var words: String { "\(sleeper.error.suffix(3000))\n\(other.error.suffix(3000))" }
    }

    /// A process that sleeps past the session time-out wakes as a zombie, with records of partitions that others have now.
    @Test func aFrozenMemberDoublesNothing() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(4000, seed: 41)
      let pairs = try Delivery.allCases.map { try Pair($0, model: model) }
      for pair in pairs {
        _ = try pair.sleeper.log("serving")
        _ = try pair.other.log("serving")
      }
      let writers = try pairs.map { try Background(pausing: 120_000, of: clicks.all, by: 30, $0.setup) }
      for pair in pairs { #expect(try pair.setup.waitUntilCommitted(600), "\(pair.words)") }
      for pair in pairs { pair.sleeper.freeze() }
      let before = try pairs.map { try $0.committed }
      // Past the session time-out, and until the others have taken over.
      sleep(9)
      let deadline = Deadline(seconds: 40)
      var after = try pairs.map { try $0.committed }
      while !zip(before, after).allSatisfy({ $0 < $1 }), !deadline.isOver {
        usleep(500_000)
        after = try pairs.map { try $0.committed }
      }
      for pair in pairs { pair.sleeper.wake() }
      #expect(zip(before, after).allSatisfy { $0 < $1 }, "\(before) \(after)")
      for writer in writers { try writer.join() }
      for pair in pairs {
        #expect(try pair.setup.waitUntilCommitted(clicks.all.count), "\(pair.words)")
        for member in [pair.sleeper, pair.other] { member.process.signal(.terminate) }
        for member in [pair.sleeper, pair.other] {
          let outcome = try member.wait(seconds: 40)
          #expect(outcome.exit == .status(0), "\(pair.delivery): \(outcome.error)")
        }
        let check = try DeliveryCheck(pair.setup, clicks, model: model)
        #expect(check.keeps(pair.delivery), "\(pair.delivery): \(check)")
        try pair.setup.expectStored(check.source, latest: check.last)
        print("Frozen, \(pair.delivery): 9 s, \(check.predictions) predictions, \(check.copies) copies")
      }
    }

    /// What a member has taken on when it is asked to end is finished and committed: who comes next begins after it.
    @Test func leavingUnderLoadDoublesNothing() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(TestServer.isLong ? 60_000 : 20_000, seed: 43, sessions: 1500)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), partitions: 4, model: model,
        settings: "workers: 2\npredictions:\n  top_k: 5")
      let writer = try Background(pausing: 40_000, of: clicks.all, by: 200, setup)
      var longest = 0.0
      for part in 1...4 {
        let daemon = try setup.start()
        #expect(try setup.waitUntilCommitted(clicks.all.count * part / 5), "\(daemon.error.suffix(3000))")
        let asked = ContinuousClock.now
        let outcome = try daemon.terminate(seconds: 20)
        longest = max(longest, (ContinuousClock.now - asked) / .seconds(1))
        #expect(outcome.exit == .status(0), "\(outcome.error)")
      }
      try writer.join()
      let last = try setup.start()
      #expect(try setup.waitUntilCommitted(clicks.all.count), "\(last.error.suffix(3000))")
      _ = try last.log("serving")
      let end = try last.terminate()
      #expect(end.exit == .status(0), "\(end.error)")
      let check = try DeliveryCheck(setup, clicks, model: model, ["--top-k", "5"])
      #expect(check.isComplete && check.copies == 0, "\(check)")
      try setup.expectStored(check.source, latest: check.last)
      print("Leaving under load: 4 times, the longest took \(longest) s, \(check.copies) copies")
    }

    /// An update of all members, one after the other; with names they keep their partitions meanwhile.
    @Test func aRollingRestartMovesNothing() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(4000, seed: 47)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), partitions: 4, model: model)
      let configurations = try ["a", "b"].map { try setup.configuration(named: $0) }
      var members = try configurations.map { try IntentdProcess(["--config", $0]) }
      for member in members { _ = try member.log("serving") }
      let writer = try Background(pausing: 50_000, of: clicks.all, by: 30, setup)
      #expect(try setup.waitUntilCommitted(800))
      for index in [0, 1] {
        let outcome = try members[index].terminate()
        #expect(outcome.exit == .status(0), "\(outcome.error)")
        members[index] = try IntentdProcess(["--config", configurations[index]])
        _ = try members[index].log("serving")
        usleep(500_000)
      }
      try writer.join()
      #expect(try setup.waitUntilCommitted(clicks.all.count), "\(members.map { $0.error.suffix(3000) })")
      let outcomes = try members.map { try $0.terminate() }
      #expect(outcomes.allSatisfy { $0.exit == .status(0) }, "\(outcomes.map(\.error))")
      // Both took part all the time: nobody had to take over.
      #expect(outcomes.allSatisfy { $0.counters["events"] ?? 0 > 0 }, "\(outcomes.map(\.counters))")
      let check = try DeliveryCheck(setup, clicks, model: model)
      #expect(check.isComplete && check.copies == 0, "\(check)")
      try setup.expectStored(check.source, latest: check.last)
      print("Rolling restart: \(outcomes.map { $0.counters["events"] ?? 0 }) clicks, \(check.copies) copies")
    }
  }
}
