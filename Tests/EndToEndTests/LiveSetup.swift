import Events
import Foundation
import Kafka
import Platform
import TestSupport
import Testing

/// One daemon's world: topics and a group of its own on Apache Kafka, keys of its own in Redis, a configuration file.
struct LiveSetup {
  let kafka: KafkaConfiguration
  /// The server whose keys are looked at.
  var redis: RedisServer
  let clicks = KafkaBroker.uniqueName("clicks")
  let predictions = KafkaBroker.uniqueName("predictions")
  let deadLetters = KafkaBroker.uniqueName("rejected")
  let group = KafkaBroker.uniqueName("group")
  let partitions: Int
  /// The configuration of a member with a name, which takes its own place again after a kill without waiting for the session time-out.
  let configuration: String
  /// The same without a name.
  let unnamed: String
  private let folder: TemporaryFolder
  private let text: String

  static let prefix = "shop"

  /// Topics of `partitions` on the broker at `servers`. `settings` are lines for the end of the configuration, `sections` are lines for
  /// the sections that are there anyway; `properties` is the one of librdkafka's. `redisURL` is where daemons find Redis, if not at
  /// the port of `redis`.
  init(
    servers: String, redis: RedisServer, partitions: Int = 3, model: String, cache: String = "64MiB",
    delivery: Delivery = .atLeastOnce, settings: String = "", sections: [String: [String]] = [:],
    redisURL: String? = nil
  ) throws {
    let admin = try KafkaAdmin(KafkaConfiguration(bootstrapServers: servers))
    let sections = sections.merging(delivery.sections) { $0 + $1 }
    try self.init(
      servers: servers, redis: redis, partitions: partitions, model: model, cache: cache, settings: settings,
      sections: sections, redisURL: redisURL
    ) { try admin.createTopic($0, partitions: $1) }
  }

  /// The same on brokers inside this process, which take faults.
  init(
    broker: EmbeddedBroker, redis: RedisServer, partitions: Int = 3, model: String, settings: String = "",
    sections: [String: [String]] = [:]
  ) throws {
    var sections = sections
    // They do not wake a waiting fetch when a record comes.
    sections["properties", default: []].append("fetch.wait.max.ms: 5")
    try self.init(
      servers: broker.bootstrapServers, redis: redis, partitions: partitions, model: model, cache: "64MiB",
      settings: settings, sections: sections, redisURL: nil
    ) { try broker.createTopic($0, partitions: $1) }
  }

  private init(
    servers: String, redis: RedisServer, partitions: Int, model: String, cache: String, settings: String,
    sections: [String: [String]], redisURL: String?, createTopic: (String, Int) throws -> Void
  ) throws {
    self.redis = redis
    self.partitions = partitions
    kafka = KafkaConfiguration(bootstrapServers: servers)
    folder = try TemporaryFolder(prefix: "intentd-live")
    configuration = folder.file("intentd.yaml")
    unnamed = folder.file("unnamed.yaml")
    try createTopic(clicks, partitions)
    try createTopic(predictions, 2)
    try createTopic(deadLetters, 1)
    let lines: (String) -> String = { (sections[$0] ?? []).joined(separator: $0 == "properties" ? "\n    " : "\n  ") }
    text = """
      model: \(model)
      kafka:
        bootstrap_servers: \(servers)
        group_id: \(group)
        \(lines("kafka"))
        properties:
          session.timeout.ms: 6000
          \(lines("properties"))
      consumer:
        topic: \(clicks)
        offset_reset: earliest
        \(lines("consumer"))
      publisher:
        topic: \(predictions)
        dead_letter_topic: \(deadLetters)
        \(lines("publisher"))
      redis:
        url: \(redisURL ?? "redis://127.0.0.1:\(redis.port)")
        timeout: 500ms
        \(lines("redis"))
      state:
        prefix: \(LiveSetup.prefix)
        cache_bytes: \(cache)
        \(lines("state"))
      \(settings)

      """
    try text.write(toFile: unnamed, atomically: true, encoding: .utf8)
    try Self.named("\(group)-1", text).write(toFile: configuration, atomically: true, encoding: .utf8)
  }

  /// The configuration of the member `name`, which keeps its place in the group over a restart.
  func configuration(named name: String) throws -> String {
    let path = folder.file("\(name).yaml")
    try Self.named("\(group)-\(name)", text).write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private static func named(_ name: String, _ text: String) -> String {
    text.replacing(/group_id: .*/) { "\($0.output)\n  instance_id: \(name)" }
  }

  func start() throws -> IntentdProcess { try IntentdProcess(["--config", configuration]) }

  /// Produces `clicks` in their order, keyed by session.
  func produce(_ clicks: some Collection<Click>, with producer: ClickProducer) throws {
    for click in clicks { try producer.produce(click) }
    try producer.flush()
  }

  func producer() throws -> ClickProducer { try ClickProducer(kafka, topic: clicks) }

  /// A reader of a topic, which may be so new that not all of the broker knows it.
  func reader(of topic: String, isolation: TopicReader.Isolation = .committed) throws -> TopicReader {
    let deadline = Deadline(seconds: 20)
    while true {
      do throws(KafkaFailure) {
        return try TopicReader(kafka, topic: topic, isolation: isolation)
      } catch {
        if error.disposition != .retry || deadline.isOver { throw error }
        usleep(50_000)
      }
    }
  }

  /// The records of a topic, all that are there when `count` are or `seconds` are over; of each partition in its order.
  func records(of topic: String, atLeast count: Int, seconds: Double = 60) throws -> [KafkaRecord] {
    var reader = try reader(of: topic)
    var records = try reader.read(count, milliseconds: Int(seconds * 1000))
    // More than expected would be a fault; it has had its time to come.
    while let record = try reader.next(milliseconds: 300) { records.append(record) }
    return records
  }

  /// Waits until the group has committed everything up to the end of the topic of clicks; false where it has not in time.
  func waitUntilCommitted(_ records: Int, seconds: Double = 150) throws -> Bool {
    let deadline = Deadline(seconds: seconds)
    let offsets = try CommittedOffsets(self)
    while true {
      // A broker that is away for a while is no answer.
      do throws(KafkaFailure) {
        if try offsets.now().reduce(0, { $0 + ($1 ?? 0) }) >= Int64(records) { return true }
      } catch {
        if error.disposition != .retry { throw error }
      }
      if deadline.isOver { return false }
      usleep(100_000)
    }
  }

  /// What the group has committed for each partition.
  func committed() throws -> [Int64?] { try CommittedOffsets(self).now() }

  /// What Redis holds: keys without the prefix, lists as arrays. Read page by page, as all of it may be more than one reply holds.
  func stored(_ kind: String) throws -> [String: [String]] {
    let type = kind == "events" ? "redis.call('LRANGE', key, 0, -1)" : "{redis.call('GET', key)}"
    let script = """
      local page = redis.call('SCAN', ARGV[1], 'MATCH', '\(LiveSetup.prefix):{*}:\(kind)', 'COUNT', 5000)
      local all = {}
      for _, key in ipairs(page[2]) do all[key] = \(type) end
      return cjson.encode({page[1], all})
      """
    let beginning = LiveSetup.prefix.count + 2
    var all: [String: [String]] = [:]
    var cursor = "0"
    repeat {
      let text = try redis.command(["EVAL", script, "0", cursor])
      let reply = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [Any]
      let page = try #require(reply?.last as? [String: [String]], "Redis: \(text.prefix(200))")
      cursor = try #require(reply?.first as? String)
      for (key, value) in page { all[String(key.dropFirst(beginning).dropLast(kind.count + 2))] = value }
    } while cursor != "0"
    return all
  }
}

/// What a daemon promises of deliveries.
enum Delivery: String, CaseIterable {
  case atLeastOnce = "at-least-once"
  case exactlyOnce = "exactly-once"

  /// Lines of the configuration. What a killed member left open in a transaction hides what comes after it until the broker gives it up,
  /// so that is soon.
  var sections: [String: [String]] {
    let properties = self == .exactlyOnce ? ["transaction.timeout.ms: 10000"] : []
    return ["publisher": ["delivery: \(rawValue)"], "properties": properties]
  }
}

/// Asks again and again what a group has committed, without being a member.
struct CommittedOffsets {
  private let consumer: KafkaConsumer
  private let slots: [Int32]

  init(_ setup: LiveSetup) throws {
    let table = PartitionTable()
    consumer = try KafkaConsumer(setup.kafka, group: setup.group, topics: [], partitions: table, log: { _ in })
    slots = (0..<setup.partitions).compactMap { table.slot(topic: setup.clicks, partition: Int32($0)) }
  }

  /// What is committed for each partition.
  func now() throws(KafkaFailure) -> [Int64?] { try consumer.committed(slots, milliseconds: 20_000) }
}

/// Writes clicks to a topic. Belongs to one thread.
final class ClickProducer {
  private let producer: KafkaProducer
  private let topic: KafkaProducer.Topic

  init(_ kafka: KafkaConfiguration, topic: String) throws {
    // Tests write records that are longer than the client's own limit; what counts for the broker is a batch, compressed.
    var kafka = kafka
    kafka.properties["message.max.bytes"] = "4000000"
    producer = try KafkaProducer(kafka, log: { _ in })
    self.topic = try producer.topic(topic)
  }

  func produce(_ click: Click) throws {
    try produce(key: Array(click.key.utf8), value: click.value.map { Array($0.utf8) })
  }

  /// Any bytes; nil for no key, or a tombstone. Waits where the queue is full.
  func produce(key: [UInt8]?, value: [UInt8]?) throws {
    let (keyBytes, valueBytes) = (key ?? [], value ?? [])
    let deadline = Deadline(seconds: 60)
    while !(try producer.produce(
      to: topic, key: keyBytes.span, hasKey: key != nil, value: valueBytes.span, hasValue: value != nil))
    {
      if deadline.isOver { throw IntentdProcess.TimeoutFailure(description: "the queue of the producer stays full") }
      try outlast { () throws(KafkaFailure) in try producer.poll(milliseconds: 50) }
    }
    try outlast { () throws(KafkaFailure) in try producer.poll(milliseconds: 0) }
  }

  func flush(seconds: Double = 60) throws {
    let deadline = Deadline(seconds: seconds)
    var isDone = false
    while !isDone {
      if deadline.isOver {
        throw IntentdProcess.TimeoutFailure(description: "the broker did not take the clicks in \(seconds) s")
      }
      try outlast { () throws(KafkaFailure) in isDone = try producer.flush(milliseconds: 500) }
    }
  }

  /// Brokers that are away for a while are waited for: the records stay queued.
  private func outlast(_ body: () throws(KafkaFailure) -> Void) throws(KafkaFailure) {
    do throws(KafkaFailure) {
      try body()
    } catch {
      if error.disposition != .retry { throw error }
    }
  }
}
