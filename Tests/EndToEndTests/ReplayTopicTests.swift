import Events
import Foundation
import Kafka
import Platform
import TestSupport
import Testing

/// Where a prediction's record stands.
struct TopicOrigin: Hashable {
  let topic: String
  let partition: Int
  let offset: Int
}

/// A line of a topic's replay, or the value of a live prediction.
struct TopicPrediction {
  let origin: TopicOrigin
  /// What both must have in common, in its bytes.
  let text: String
  let isExact: Bool

  init(_ line: String) throws {
    text = try WrittenPrediction(line).text
    let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
    let source = try #require(object?["source"] as? [String: Any])
    origin = TopicOrigin(
      topic: try #require(source["topic"] as? String), partition: try #require(source["partition"] as? Int),
      offset: try #require(source["offset"] as? Int))
    isExact = object?["exact"] as? Bool ?? true
  }

  static func byOrigin(_ lines: [String]) throws -> [TopicOrigin: TopicPrediction] {
    var all: [TopicOrigin: TopicPrediction] = [:]
    for line in lines {
      let prediction = try TopicPrediction(line)
      #expect(all.updateValue(prediction, forKey: prediction.origin) == nil, "two of \(prediction.origin)")
    }
    return all
  }
}

extension ServerTests {
  /// `--replay FILE --to kafka` and `--replay topic:NAME`, on the in-process broker.
  @Suite struct ReplayTopicTests {
    @Test func aFileSentToATopicIsPredictedAsTheFile() throws {
      let broker = try EmbeddedBroker()
      try broker.createTopic("clicks", partitions: 3)
      let environment = ["INTENTD_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers]
      let model = try TestModel.shop.path()
      let clicks = Clicks(1500, visitors: 60)
      let folder = try TemporaryFolder(prefix: "intentd-topic")
      let file = folder.file("clicks.jsonl")
      try clicks.file.write(toFile: file, atomically: true, encoding: .utf8)
      let sent = try IntentdProcess.run(
        ["--replay", file, "--format", "native", "--to", "kafka"], environment: environment)
      #expect(sent.isSuccess, "\(sent.error)")
      #expect(sent.output.isEmpty)
      #expect(sent.error.contains("\(clicks.events.count) events to topic clicks in"), "\(sent.error)")
      #expect(sent.error.contains("\(clicks.poisonCount) malformed"))

      let replayed = try LiveSetup.replay(clicks, model: model)
      var outputs: Set<String> = []
      for arguments in [["--workers", "1"], ["--workers", "2", "--batch", "7"], ["--workers", "3"]] {
        let outcome = try IntentdProcess.run(
          ["--replay", "topic:clicks", "--model", model] + arguments, environment: environment)
        try #require(outcome.isSuccess, "\(outcome.error)")
        #expect(outcome.error.contains("all predictions are exact"), "\(outcome.error)")
        outputs.insert(outcome.output)
      }
      #expect(outputs.count == 1)
      let lines = try #require(outputs.first).split(separator: "\n").map(String.init)
      let comparison = Comparison(live: try lines.map { try WrittenPrediction($0) }, replayed: replayed)
      #expect(comparison.isEqual && comparison.compared == clicks.events.count, "\(comparison)")
      #expect(try TopicPrediction.byOrigin(lines).count == clicks.events.count)

      let limited = try IntentdProcess.run(
        ["--replay", "topic:clicks", "--model", model, "--limit", "100"], environment: environment)
      #expect(limited.lines == Array(lines.prefix(100)))
    }

    @Test func theSpeedIsThatOfLife() throws {
      let broker = try EmbeddedBroker()
      try broker.createTopic("clicks", partitions: 1)
      let folder = try TemporaryFolder(prefix: "intentd-topic")
      let file = folder.file("clicks.jsonl")
      let clicks = Clicks(events: (0..<11).map { Clicks.click("s", "tea-0001", 1_700_000_000_000 + Int64($0) * 2_000) })
      try clicks.file.write(toFile: file, atomically: true, encoding: .utf8)
      let began = ContinuousClock.now
      let sent = try IntentdProcess.run(
        ["--replay", file, "--to", "kafka", "--speed", "10x"],
        environment: ["INTENTD_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers])
      #expect(sent.isSuccess, "\(sent.error)")
      #expect(ContinuousClock.now - began >= .milliseconds(2_000))
      var reader = try TopicReader(KafkaConfiguration(bootstrapServers: broker.bootstrapServers), topic: "clicks")
      let records = try reader.read(11, milliseconds: 20_000)
      #expect(records.map(\.time) == clicks.all.map(\.time))
    }

    @Test func whatIsMissingIsNamed() throws {
      let broker = try EmbeddedBroker()
      try broker.createTopic("clicks", partitions: 1)
      let servers = ["INTENTD_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers]
      let model = try TestModel.shop.path()
      let noServers = try IntentdProcess.run(["--replay", "topic:clicks", "--model", model])
      #expect(noServers.exit == .status(1))
      #expect(noServers.error.contains("INTENTD_KAFKA_BOOTSTRAP_SERVERS"), "\(noServers.error)")
      let noModel = try IntentdProcess.run(["--replay", "topic:clicks"], environment: servers)
      #expect(noModel.exit == .status(1))
      #expect(noModel.error.contains("INTENTD_MODEL"), "\(noModel.error)")
      let noFile = try IntentdProcess.run(["--replay", "/no/such/file", "--to", "kafka"], environment: servers)
      #expect(noFile.exit == .status(1))
      #expect(noFile.error.contains("/no/such/file"), "\(noFile.error)")
      let otherFormat = try IntentdProcess.run(
        ["--replay", "/no/such/file", "--to", "kafka"],
        environment: servers.merging(["INTENTD_CONSUMER_FORMAT": "metarank"]) { $1 })
      #expect(otherFormat.exit == .status(1))
      #expect(otherFormat.error.contains("consumer.format"), "\(otherFormat.error)")
      let backwards = try IntentdProcess.run(
        ["--replay", "topic:clicks", "--model", model, "--since", "-1h", "--until", "-2h"], environment: servers)
      #expect(backwards.exit == .status(64))
      let nothing = try IntentdProcess.run(["--replay", "topic:clicks", "--model", model], environment: servers)
      #expect(nothing.isSuccess && nothing.output.isEmpty)
      #expect(nothing.error.contains("no event lies in what was asked for"), "\(nothing.error)")
    }
  }

  /// The same against Apache Kafka and a daemon that serves.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct ReplayTopicLiveTests {
    /// Poison and tombstones among the clicks, three partitions, a list of exclusions: what was published is what a replay gives, origin and all.
    @Test func aReplayOfTheTopicIsWhatWasPublished() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(2000, visitors: 300)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: model,
        settings: "predictions:\n  top_k: 10\n  exclude: seen")
      let daemon = try setup.start()
      try setup.produce(clicks.all, with: try setup.producer())
      #expect(try setup.waitUntilCommitted(clicks.all.count))
      #expect(try daemon.terminate().exit == .status(0))
      let committed = try setup.committed()
      let records = try setup.records(of: setup.predictions, atLeast: clicks.events.count)
      let live = try TopicPrediction.byOrigin(records.map { String(decoding: $0.value ?? [], as: UTF8.self) })
      #expect(live.count == clicks.events.count)

      var outputs: Set<String> = []
      for workers in ["1", "3"] {
        let outcome = try IntentdProcess.run(
          ["--replay", "topic:\(setup.clicks)", "--config", setup.configuration, "--workers", workers])
        try #require(outcome.isSuccess, "\(outcome.error)")
        #expect(outcome.error.contains("\(clicks.tombstoneCount) tombstones, \(clicks.poisonCount) rejected"))
        #expect(outcome.error.contains("all predictions are exact"))
        outputs.insert(outcome.output)
      }
      #expect(outputs.count == 1)
      let replayed = try TopicPrediction.byOrigin(
        try #require(outputs.first).split(separator: "\n").map(String.init))
      #expect(Set(replayed.keys) == Set(live.keys))
      let differing = replayed.filter { live[$0.key]?.text != $0.value.text }
      #expect(differing.isEmpty, "\(differing.count) differ: \(differing.first?.value.text ?? "")")
      #expect(try setup.committed() == committed)
      #expect(try setup.records(of: setup.predictions, atLeast: live.count).count == live.count)
    }

    /// A file sent to the topic, with its own times, is predicted live as the file is; what a part of the topic calls exact is what
    /// all of it gives.
    @Test func aPartOfTheTopicSaysWhatIsExact() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(3000, visitors: 40, longSession: 120)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: model,
        settings: "  idle_timeout: 10m")
      // Old timestamps: the usual retention would delete them.
      let topic = KafkaBroker.uniqueName("sent")
      let admin = try KafkaAdmin(setup.kafka)
      try admin.createTopic(topic, partitions: 3, properties: ["retention.ms": "-1"])
      try ReplayTopicLiveTests.wait(for: topic, admin)
      let environment = ["INTENTD_CONSUMER_TOPIC": topic]
      let folder = try TemporaryFolder(prefix: "intentd-topic")
      let file = folder.file("clicks.jsonl")
      try clicks.file.write(toFile: file, atomically: true, encoding: .utf8)
      let sent = try IntentdProcess.run(
        ["--replay", file, "--format", "native", "--to", "kafka", "--config", setup.configuration],
        environment: environment)
      try #require(sent.isSuccess, "\(sent.error)")
      let daemon = try IntentdProcess(["--config", setup.configuration], environment: environment)
      let records = try setup.records(of: setup.predictions, atLeast: clicks.events.count)
      #expect(try daemon.terminate().exit == .status(0))
      let replayed = try LiveSetup.replay(clicks, model: model, ["--idle-timeout", "10m"])
      let comparison = Comparison(live: try records.map { try WrittenPrediction($0) }, replayed: replayed)
      #expect(comparison.isEqual && comparison.compared == clicks.events.count, "\(comparison)")

      let live = try TopicPrediction.byOrigin(records.map { String(decoding: $0.value ?? [], as: UTF8.self) })
      let times = clicks.events.map(\.time).sorted()
      let since = times[times.count * 2 / 5]
      let until = times[times.count * 4 / 5]
      func replay(_ arguments: [String]) throws -> [TopicOrigin: TopicPrediction] {
        let outcome = try IntentdProcess.run(
          ["--replay", "topic:\(topic)", "--config", setup.configuration] + arguments, environment: environment)
        try #require(outcome.isSuccess, "\(outcome.error)")
        let part = try TopicPrediction.byOrigin(outcome.lines)
        let wrong = part.values.filter { $0.isExact && live[$0.origin]?.text != $0.text }
        #expect(wrong.isEmpty, "\(wrong.count) of \(part.count) are called exact and are not")
        let inexact = part.values.count { !$0.isExact }
        #expect(
          outcome.error.contains(inexact == 0 ? "all predictions are exact" : "\(inexact) predictions are not exact"))
        return part
      }
      func exact(_ part: [TopicOrigin: TopicPrediction]) -> Int { part.values.count(where: \.isExact) }
      let late = try replay(["--since", "\(since)"])
      #expect(exact(late) > 0 && exact(late) < late.count)
      #expect(late.values.contains { !$0.isExact && live[$0.origin]?.text != $0.text })
      let warm = try replay(["--since", "\(since)", "--warm-up", "20m"])
      #expect(Set(warm.keys) == Set(late.keys))
      #expect(exact(warm) > exact(late))
      let middle = try replay(["--since", "\(since)", "--until", "\(until)", "--warm-up", "365d"])
      #expect(exact(middle) == middle.count && middle.count > 0 && middle.count < late.count)
      print(
        "\(live.count) live; since: \(exact(late)) of \(late.count) exact, with warm-up \(exact(warm)), until: \(middle.count)"
      )
    }

    /// A topic that was just made is not known to all of the broker at once.
    private static func wait(for topic: String, _ admin: KafkaAdmin) throws {
      let deadline = Deadline(seconds: 20)
      while true {
        do throws(KafkaFailure) {
          _ = try admin.partitionCount(of: topic)
          return
        } catch {
          if error.disposition != .retry || deadline.isOver { throw error }
          usleep(50_000)
        }
      }
    }

    @Test func aCompactedTopicIsRefused() throws {
      let kafka = KafkaConfiguration(bootstrapServers: try KafkaBroker.shared().bootstrapServers)
      let topic = KafkaBroker.uniqueName("compacted")
      let admin = try KafkaAdmin(kafka)
      try admin.createTopic(topic, partitions: 1, properties: ["cleanup.policy": "compact"])
      try ReplayTopicLiveTests.wait(for: topic, admin)
      let outcome = try IntentdProcess.run(
        ["--replay", "topic:\(topic)", "--model", try TestModel.shop.path()],
        environment: ["INTENTD_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers])
      #expect(outcome.exit == .status(1))
      #expect(outcome.output.isEmpty)
      #expect(outcome.error.contains("compacted (cleanup.policy=compact)"), "\(outcome.error)")
    }
  }
}
