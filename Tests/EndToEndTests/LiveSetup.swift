import Events
import Foundation
import Kafka
import Platform
import TestSupport
import Testing

/// One daemon's world: topics and a group of its own on Apache Kafka, keys of its own in Redis, a configuration file.
struct LiveSetup {
  let kafka: KafkaConfiguration
  let redis: RedisServer
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

  static let prefix = "shop"

  /// Topics of `partitions` on the broker at `servers`. `settings` are lines for the end of the configuration.
  init(
    servers: String, redis: RedisServer, partitions: Int = 3, model: String, cache: String = "64MiB",
    delivery: String = "at-least-once", settings: String = ""
  ) throws {
    self.redis = redis
    self.partitions = partitions
    kafka = KafkaConfiguration(bootstrapServers: servers)
    folder = try TemporaryFolder(prefix: "intentd-live")
    configuration = folder.file("intentd.yaml")
    unnamed = folder.file("unnamed.yaml")
    let admin = try KafkaAdmin(kafka)
    try admin.createTopic(clicks, partitions: partitions)
    try admin.createTopic(predictions, partitions: 2)
    try admin.createTopic(deadLetters, partitions: 1)
    let text = """
      model: \(model)
      kafka:
        bootstrap_servers: \(servers)
        group_id: \(group)
        properties:
          session.timeout.ms: 6000
      consumer:
        topic: \(clicks)
        offset_reset: earliest
      publisher:
        topic: \(predictions)
        dead_letter_topic: \(deadLetters)
        delivery: \(delivery)
      redis:
        url: redis://127.0.0.1:\(redis.port)
        timeout: 500ms
      state:
        prefix: \(LiveSetup.prefix)
        cache_bytes: \(cache)
      \(settings)

      """
    try text.write(toFile: unnamed, atomically: true, encoding: .utf8)
    let named = "group_id: \(group)\n  instance_id: \(group)-1\n"
    try text.replacing("group_id: \(group)\n", with: named)
      .write(toFile: configuration, atomically: true, encoding: .utf8)
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
  func waitUntilCommitted(_ records: Int, seconds: Double = 60) throws -> Bool {
    let deadline = Deadline(seconds: seconds)
    while try committed().reduce(0, { $0 + ($1 ?? 0) }) < Int64(records) {
      if deadline.isOver { return false }
      usleep(100_000)
    }
    return true
  }

  /// What the group has committed for each partition.
  func committed() throws -> [Int64?] {
    let table = PartitionTable()
    let consumer = try KafkaConsumer(kafka, group: group, topics: [], partitions: table, log: { _ in })
    let slots = (0..<partitions).compactMap { table.slot(topic: clicks, partition: Int32($0)) }
    return try consumer.committed(slots, milliseconds: 20_000)
  }

  /// What Redis holds: keys without the prefix, lists as arrays.
  func stored(_ kind: String) throws -> [String: [String]] {
    let type = kind == "events" ? "redis.call('LRANGE', key, 0, -1)" : "{redis.call('GET', key)}"
    let script = """
      local all = {}
      for _, key in ipairs(redis.call('KEYS', '\(LiveSetup.prefix):{*}:\(kind)')) do all[key] = \(type) end
      return cjson.encode(all)
      """
    let text = try redis.command(["EVAL", script, "0"])
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
    let beginning = LiveSetup.prefix.count + 2
    let pairs = try #require(object as? [String: [String]]).map { key, value in
      (String(key.dropFirst(beginning).dropLast(kind.count + 2)), value)
    }
    return Dictionary(uniqueKeysWithValues: pairs)
  }
}

/// Writes clicks to a topic. Belongs to one thread.
final class ClickProducer {
  private let producer: KafkaProducer
  private let topic: KafkaProducer.Topic

  init(_ kafka: KafkaConfiguration, topic: String) throws {
    producer = try KafkaProducer(kafka, log: { _ in })
    self.topic = try producer.topic(topic)
  }

  func produce(_ click: Click) throws {
    let key = Array(click.key.utf8)
    let value = Array((click.value ?? "").utf8)
    let deadline = Deadline(seconds: 60)
    while !(try producer.produce(to: topic, key: key.span, value: value.span, hasValue: click.value != nil)) {
      if deadline.isOver { throw IntentdProcess.TimeoutFailure(description: "the queue of the producer stays full") }
      try producer.poll(milliseconds: 50)
    }
    try producer.poll(milliseconds: 0)
  }

  func flush(seconds: Int = 60) throws {
    guard try producer.flush(milliseconds: seconds * 1000) else {
      throw IntentdProcess.TimeoutFailure(description: "the broker did not take the clicks in \(seconds) s")
    }
  }
}
