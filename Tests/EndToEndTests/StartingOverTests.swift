import Demo
import Events
import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// `--from`, `--rebuild-state` and `publish: latest`, through the executable.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct StartingOverTests {
    /// 30 clicks whose records are three hours old, then 30 of an hour ago, in one partition.
    private func writeOldClicks(_ setup: LiveSetup) throws {
      let shop = Shop(seed: 1)
      let now = Int64(Date().timeIntervalSince1970 * 1000)
      let producer = try KafkaProducer(setup.kafka, log: { _ in })
      let topic = try producer.topic(setup.clicks)
      for index in 0..<60 {
        let time = now - (index < 30 ? 3 : 1) * 3_600_000 + Int64(index) * 1000
        let click = Clicks.click("s\(index % 7)", shop.id(of: ItemIndex(index % Shop.itemCount)), time)
        let (key, value) = (Array(click.key.utf8), Array((click.value ?? "").utf8))
        #expect(try producer.produce(to: topic, key: key.span, value: value.span, timestamp: time))
      }
      #expect(try producer.flush(milliseconds: 30_000))
    }

    @Test func fromSaysWhereTheGroupGoesOn() throws {
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), partitions: 1,
        model: try TestModel.shop.path())
      try writeOldClicks(setup)
      // Without a lasting name, so that the group is empty as soon as the daemon has ended.
      let first = try IntentdProcess(["--config", setup.unnamed])
      #expect(try setup.waitUntilCommitted(60))
      let refused = try IntentdProcess.run(["--config", setup.unnamed, "--from", "earliest"])
      #expect(refused.exit == .status(1))
      #expect(refused.error.contains("can't be set while it has members"), "\(refused.error)")
      #expect(try setup.committed() == [60])
      #expect(try first.terminate().exit == .status(0))
      #expect(try setup.records(of: setup.predictions, atLeast: 60).count == 60)

      var expected = 60
      for (from, offset) in [("-2h", 30), ("earliest", 0), ("latest", 60)] {
        let daemon = try IntentdProcess(["--config", setup.unnamed, "--from", from])
        let fields = try daemon.log("the group goes on from")
        #expect(fields["offset"] == "\(offset)" && fields["partition"] == "\(setup.clicks):0", "\(fields)")
        expected += 60 - offset
        #expect(try setup.records(of: setup.predictions, atLeast: expected).count == expected, "from \(from)")
        #expect(try setup.waitUntilCommitted(60))
        #expect(try daemon.terminate().exit == .status(0))
      }
      // What was predicted again is what was predicted then.
      var texts: [String: Set<String>] = [:]
      for record in try setup.records(of: setup.predictions, atLeast: expected) {
        texts[record.header("source_offset") ?? "", default: []].insert(WrittenPrediction.lasting(record.value ?? []))
      }
      #expect(texts.count == 60 && texts.values.allSatisfy { $0.count == 1 })
      #expect(try setup.committed() == [60])
    }

    /// Redis without everything, and without one session.
    @Test(arguments: [true, false])
    func whatRedisLostIsRebuiltAndNothingIsPublishedTwice(all: Bool) throws {
      let clicks = Clicks(1200, visitors: 60)
      let redis = try RedisServer()
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: redis, model: try TestModel.shop.path())
      let first = try setup.start()
      try setup.produce(clicks.all, with: try setup.producer())
      #expect(try setup.waitUntilCommitted(clicks.all.count))
      #expect(try first.terminate().exit == .status(0))
      func latest() throws -> [String: [String]] {
        try setup.stored("next").mapValues { $0.map { WrittenPrediction.lasting(Array($0.utf8)) } }
      }
      let (events, next, committed) = (try setup.stored("events"), try latest(), try setup.committed())
      let published = try setup.records(of: setup.predictions, atLeast: clicks.events.count).count
      #expect(published == clicks.events.count && events.count == next.count && !events.isEmpty)
      if all {
        _ = try redis.command(["FLUSHALL"])
      } else {
        let keys = ["events", "marks", "next"].map { "\(LiveSetup.prefix):{\(Clicks.longSession)}:\($0)" }
        #expect(try redis.command(["DEL"] + keys) == "3")
      }
      #expect(try setup.stored("events") != events)

      let second = try IntentdProcess(
        ["--config", setup.configuration, "--rebuild-state", "--since", "earliest"])
      let deadline = Deadline(seconds: 60)
      while try setup.stored("events") != events, second.isRunning, !deadline.isOver { usleep(100_000) }
      #expect(try setup.stored("events") == events)
      #expect(try latest() == next)
      let outcome = try second.terminate()
      #expect(outcome.exit == .status(0), "\(outcome.error.suffix(2000))")
      #expect(outcome.error.contains("for the sessions alone"), "\(outcome.error.suffix(2000))")
      #expect(try setup.records(of: setup.predictions, atLeast: published).count == published)
      #expect(try setup.committed() == committed)
    }

    /// Of clicks that are worked on together only the last of each session: a subset of `every`, with each session's last one.
    @Test func latestPublishesASubsetWithTheLastOfEachSession() throws {
      let clicks = Clicks(1500, visitors: 25)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: try TestModel.shop.path())
      // All of it is there when the daemon begins, so that its batches hold several clicks of a session.
      try setup.produce(clicks.all, with: try setup.producer())
      let daemon = try IntentdProcess(
        ["--config", setup.configuration], environment: ["INTENTD_PUBLISHER_PUBLISH": "latest"])
      #expect(try setup.waitUntilCommitted(clicks.all.count))
      #expect(try daemon.terminate().exit == .status(0))
      var reader = try setup.reader(of: setup.predictions)
      var records: [KafkaRecord] = []
      while let record = try reader.next(milliseconds: 2_000) { records.append(record) }
      let live = try TopicPrediction.byOrigin(records.map { String(decoding: $0.value ?? [], as: UTF8.self) })

      let replay = try IntentdProcess.run(["--replay", "topic:\(setup.clicks)", "--config", setup.configuration])
      try #require(replay.isSuccess, "\(replay.error)")
      let every = try TopicPrediction.byOrigin(replay.lines)
      #expect(every.count == clicks.events.count)
      #expect(!live.isEmpty && live.count < every.count, "\(live.count) of \(every.count)")
      print("publish: latest: \(live.count) of \(every.count) predictions")
      let differing = live.filter { every[$0.key]?.text != $0.value.text }
      #expect(differing.isEmpty, "\(differing.count) are not among those of every click")
      var last: [String: TopicOrigin] = [:]
      for line in replay.lines {
        let (session, origin) = (try WrittenPrediction(line).session, try TopicPrediction(line).origin)
        if origin.offset > last[session]?.offset ?? -1 { last[session] = origin }
      }
      #expect(last.count > 25)
      #expect(last.values.allSatisfy { live[$0] != nil })
    }
  }
}
