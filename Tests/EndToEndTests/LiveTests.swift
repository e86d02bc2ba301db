import Events
import Foundation
import Kafka
import Platform
import TestSupport
import Testing

/// What needs servers, one test at a time: they are about time as much as about results.
@Suite(.serialized) enum ServerTests {}

extension ServerTests {
  /// The daemon between Apache Kafka and Redis: what comes out is what a replay of the same clicks gives.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct LiveTests {
    /// Each way to serve, each list of exclusions; with a cache for all sessions, and with one that forgets most of them all the time.
    @Test(arguments: [
      (TestModel.shop, "none", "64MiB"), (.shop, "seen", "1MiB"), (.recurrent, "last", "1MiB"),
      (.recomputed, "seen", "64MiB"),
    ])
    func predictionsAreThoseOfAReplay(_ kind: TestModel, exclude: String, cache: String) throws {
      let model = try kind.path()
      let clicks = Clicks(2500, visitors: 800)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: model,
        cache: cache, settings: "predictions:\n  top_k: 10\n  exclude: \(exclude)")
      let daemon = try setup.start()
      // Half is there before the daemon is, half comes while it works.
      let producer = try setup.producer()
      let half = clicks.all.count / 2
      try setup.produce(clicks.all[..<half], with: producer)
      try setup.produce(clicks.all[half...], with: producer)
      #expect(try setup.waitUntilCommitted(clicks.all.count))
      let outcome = try daemon.terminate()
      #expect(outcome.exit == .status(0), "\(outcome.error)")

      let replayed = try LiveSetup.replay(clicks, model: model, ["--top-k", "10", "--exclude", exclude])
      #expect(replayed.count == clicks.events.count)
      let records = try setup.records(of: setup.predictions, atLeast: replayed.count)
      let comparison = Comparison(live: try records.map { try WrittenPrediction($0) }, replayed: replayed)
      #expect(comparison.isEqual, "\(comparison)")
      #expect(comparison.compared == clicks.events.count)
      let schema = try JSONSchema(named: "prediction")
      for record in records {
        let session = try WrittenPrediction(record).session
        let complaints = schema.complaints(about: record.value ?? [])
        #expect(complaints.isEmpty, "\(complaints)")
        #expect(record.key == Array(session.utf8))
        #expect(record.header("source_topic") == setup.clicks)
      }

      let source = try setup.records(of: setup.clicks, atLeast: clicks.all.count)
      #expect(source.count == clicks.all.count)
      try setup.expectStored(source, latest: records, keep: kind.keep)
      if cache == "1MiB" { #expect(outcome.counters["evictions"] ?? 0 > 100, "\(outcome.counters)") }
      let ends = (0..<setup.partitions).map { partition in Int64(source.count { $0.partition == partition }) }
      #expect(try setup.committed() == ends.map { $0 })
      try expectDeadLetters(setup, clicks, source, outcome)
    }

    /// Records that are no events are counted, set aside with their origin, and cost nobody else anything.
    private func expectDeadLetters(
      _ setup: LiveSetup, _ clicks: Clicks, _ source: [KafkaRecord], _ outcome: IntentdProcess.Outcome
    ) throws {
      let letters = try setup.records(of: setup.deadLetters, atLeast: clicks.poisonCount)
      #expect(clicks.poisonCount > 0)
      #expect(letters.count == clicks.poisonCount)
      let schema = try JSONSchema(named: "dead-letter-headers")
      for letter in letters {
        let headers = letter.headers.map { ($0.name, String(decoding: $0.value, as: UTF8.self)) }
        let complaints = schema.complaints(about: Dictionary(headers) { $1 })
        #expect(complaints.isEmpty, "\(complaints)")
        let origin = source.first {
          "\($0.partition)" == letter.header("source_partition") && "\($0.offset)" == letter.header("source_offset")
        }
        #expect(origin?.value == letter.value)
        #expect(RejectionReason(rawValue: letter.header("reason") ?? "") != nil)
      }
      #expect(outcome.counters["events"] == clicks.events.count)
      #expect(outcome.counters["rejected"] == clicks.poisonCount)
      #expect(outcome.counters["tombstones"] == clicks.tombstoneCount)
    }

    @Test func anIdleDaemonEndsAtOnce() throws {
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: try TestModel.shop.path())
      let daemon = try setup.start()
      _ = try daemon.log("serving")
      let outcome = try daemon.terminate(seconds: 10)
      #expect(outcome.exit == .status(0), "\(outcome.error)")
      #expect(outcome.output.isEmpty)
    }

    @Test func twoDaemonsShareTheWork() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(2000, seed: 11)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), partitions: 4, model: model)
      let first = try IntentdProcess(["--config", setup.unnamed])
      let producer = try setup.producer()
      try setup.produce(clicks.all[..<700], with: producer)
      #expect(try setup.waitUntilCommitted(700))
      let second = try IntentdProcess(["--config", setup.unnamed])
      // Clicks go on while partitions move over, and again while they move back.
      for start in stride(from: 700, to: 1500, by: 40) {
        try setup.produce(clicks.all[start..<start + 40], with: producer)
        usleep(150_000)
      }
      #expect(try second.terminate().exit == .status(0))
      try setup.produce(clicks.all[1500...], with: producer)
      #expect(try setup.waitUntilCommitted(clicks.all.count))
      #expect(try first.terminate().exit == .status(0))
      let check = try DeliveryCheck(setup, clicks, model: model)
      #expect(check.isComplete, "\(check)")
      try setup.expectStored(check.source, latest: check.last)
    }
  }
}
