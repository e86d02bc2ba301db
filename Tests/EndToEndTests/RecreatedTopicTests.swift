import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// A topic of clicks that was deleted and made anew: its offsets begin again, below the marks in Redis.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct RecreatedTopicTests {
    @Test func itIsAnErrorThatNamesTheWayOut() throws {
      let model = try TestModel.shop.path()
      let redis = try RedisServer()
      let servers = try KafkaBroker.shared().bootstrapServers
      let setup = try LiveSetup(servers: servers, redis: redis, model: model)
      let before = Clicks(600, visitors: 40, seed: 51)
      try setup.produce(before.all, with: try setup.producer())
      let first = try setup.start()
      #expect(try setup.waitUntilCommitted(before.all.count))
      #expect(try first.terminate().exit == .status(0))

      let admin = try KafkaAdmin(setup.kafka)
      try admin.deleteTopic(setup.clicks)
      try makeAnew(setup, admin)
      let after = Clicks(60, visitors: 10, longSession: 20, seed: 52)
      try setup.produce(after.all, with: try setup.producer())
      let stored = try setup.stored("events")
      let second = try setup.start().wait(seconds: 60)
      #expect(second.exit == .status(1), "\(second.error)")
      #expect(second.error.contains("state.generation"), "\(second.error)")
      #expect(second.error.contains(setup.clicks), "\(second.error)")
      // It has touched nothing.
      #expect(try setup.stored("events") == stored)

      // What the error asks for helps.
      let again = try setup.configuration(named: "again")
      let text = try String(contentsOfFile: again, encoding: .utf8)
      try text.replacing("state:\n", with: "state:\n  generation: second\n")
        .write(toFile: again, atomically: true, encoding: .utf8)
      let third = try IntentdProcess(["--config", again])
      #expect(try setup.waitUntilCommitted(after.all.count), "\(third.error)")
      #expect(try third.terminate().exit == .status(0))
      let records = try setup.records(of: setup.predictions, atLeast: before.events.count + after.events.count)
      let comparison = Comparison(
        live: try records.map { try WrittenPrediction($0) },
        replayed: try LiveSetup.replay(before, model: model) + LiveSetup.replay(after, model: model))
      #expect(comparison.isEqual, "\(comparison)")
      print("Recreated topic: refused, then \(after.events.count) clicks of another generation")
    }

    /// The broker still removes the old one for a moment.
    private func makeAnew(_ setup: LiveSetup, _ admin: KafkaAdmin) throws {
      let deadline = Deadline(seconds: 30)
      while true {
        do {
          return try admin.createTopic(setup.clicks, partitions: setup.partitions)
        } catch {
          if deadline.isOver { throw error }
          usleep(200_000)
        }
      }
    }
  }
}
