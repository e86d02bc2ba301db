import Demo
import Events
import Foundation
import Kafka
import Platform
import TestSupport
import Testing

/// A way to write clicks, and the configuration that reads them.
private enum Records: String, CaseIterable {
  /// Other names of fields, times in seconds.
  case fields
  /// Sessions are users; the records' own session ids differ each time.
  case users
  /// Some types are passed over.
  case ignoredTypes
  /// Attributes as headers, the time among them.
  case cloudEvents
  /// The format is not the configuration's, but that of `--format`.
  case segment
  /// Kafka timestamps that can't be.
  case oddTimestamps

  /// Lines of the configuration, and more variables for the daemon that serves.
  var settings: (consumer: String, live: [String: String]) {
    switch self {
    case .fields:
      (
        "  fields:\n    session: $.visitor.id\n    item: $.product\n    time: $.at\n    time_unit: s", [:]
      )
    case .users: ("  session_key: user", [:])
    case .ignoredTypes: ("  ignored_types: [impression]", [:])
    case .cloudEvents: ("  envelope: cloudevents", [:])
    case .segment: ("", ["INTENTD_CONSUMER_FORMAT": "segment"])
    case .oddTimestamps: ("", [:])
    }
  }

  /// What `--replay` is told besides the configuration.
  var arguments: [String] { self == .segment ? ["--format", "segment"] : [] }

  /// True where the click of this number is no event.
  func isIgnored(_ number: Int) -> Bool { self == .ignoredTypes && number % 7 == 3 }

  func value(_ visitor: String, _ item: String, _ time: Int64, _ number: Int) -> String {
    switch self {
    case .fields: #"{"visitor":{"id":"\#(visitor)"},"product":"\#(item)","at":\#(time / 1000)}"#
    case .users: #"{"session":"visit \#(number)","user":"\#(visitor)","item":"\#(item)","time":\#(time)}"#
    case .ignoredTypes:
      #"{"session":"\#(visitor)","item":"\#(item)","time":\#(time),"#
        + #""type":"\#(isIgnored(number) ? "impression" : "click")"}"#
    case .cloudEvents: #"{"session":"\#(visitor)","item":"\#(item)"}"#
    case .segment:
      #"{"type":"track","event":"Product Viewed","anonymousId":"\#(visitor)","#
        + #""properties":{"product_id":"\#(item)"},"originalTimestamp":"\#(Records.text(time))"}"#
    case .oddTimestamps: #"{"session":"\#(visitor)","item":"\#(item)","time":\#(time)}"#
    }
  }

  func headers(_ time: Int64, _ number: Int) -> RecordHeaders {
    var headers = RecordHeaders()
    guard self == .cloudEvents else { return headers }
    headers.add("ce_specversion", "1.0")
    headers.add("ce_id", "\(number)")
    headers.add("ce_source", "/shop")
    headers.add("ce_type", "shop.viewed")
    headers.add("ce_time", Records.text(time))
    headers.add("content-type", "application/json")
    return headers
  }

  func timestamp(_ time: Int64, _ number: Int) -> Int64 {
    guard self == .oddTimestamps else { return time }
    return [time, .max, -7, .max - 1, -1, time][number % 6]
  }

  private static func text(_ time: Int64) -> String {
    Date(timeIntervalSince1970: Double(time) / 1000).ISO8601Format()
  }
}

extension ServerTests {
  /// `--replay topic:NAME` reads records by the same rules as the daemon, whatever they are. On an in-process broker, with Redis.
  @Suite(RedisServer.needed) struct ConfiguredReplayTests {
    private static let start: Int64 = 1_700_000_000_000
    private static let visitors = 12
    private static let count = 480

    /// Each visitor clicks every minute, with a pause of an hour after each eight clicks: that cuts visits where the idle timeout is half
    /// an hour, and only there.
    private func write(_ records: Records, _ kafka: KafkaConfiguration) throws {
      let shop = Shop(seed: 1)
      var numbers = Numbers(state: 5)
      let producer = try KafkaProducer(kafka, log: { _ in })
      let topic = try producer.topic("clicks")
      for number in 0..<Self.count {
        let round = number / Self.visitors
        let visitor = "v\(number % Self.visitors)"
        let time = Self.start + Int64(round + round / 8 * 60) * 60_000
        let item = shop.id(of: ItemIndex(numbers.below(Shop.itemCount)))
        let key = Array(visitor.utf8)
        let value = Array(records.value(visitor, item, time, number).utf8)
        let isQueued = try producer.produce(
          to: topic, key: key.span, value: value.span, headers: records.headers(time, number),
          timestamp: records.timestamp(time, number))
        #expect(isQueued)
      }
      #expect(try producer.flush(milliseconds: 30_000))
    }

    @Test(arguments: Records.allCases.map(\.rawValue))
    func aReplayReadsRecordsAsTheDaemonDid(kind: String) throws {
      let records = try #require(Records(rawValue: kind))
      let broker = try EmbeddedBroker(log: { _ in })
      try broker.createTopic("clicks", partitions: 3)
      try broker.createTopic("predictions", partitions: 2)
      let redis = try RedisServer()
      let folder = try TemporaryFolder(prefix: "intentd-configured")
      let configuration = folder.file("intentd.yaml")
      let text = """
        model: \(try TestModel.shop.path())
        kafka:
          bootstrap_servers: \(broker.bootstrapServers)
        redis:
          url: redis://127.0.0.1:\(redis.port)
        consumer:
          offset_reset: earliest
        \(records.settings.consumer)

        """
      try text.write(toFile: configuration, atomically: true, encoding: .utf8)
      let kafka = KafkaConfiguration(bootstrapServers: broker.bootstrapServers)
      try write(records, kafka)
      let events = (0..<Self.count).count { !records.isIgnored($0) }
      let daemon = try IntentdProcess(["--config", configuration], environment: records.settings.live)
      var reader = try TopicReader(kafka, topic: "predictions")
      let published = try reader.read(events, milliseconds: 60_000)
      let outcome = try daemon.terminate()
      #expect(outcome.exit == .status(0), "\(outcome.error.suffix(2000))")
      let live = try TopicPrediction.byOrigin(published.map { String(decoding: $0.value ?? [], as: UTF8.self) })
      #expect(live.count == events, "\(outcome.error.suffix(2000))")
      #expect(try reader.next(milliseconds: 500) == nil)

      let replay = try IntentdProcess.run(["--replay", "topic:clicks", "--config", configuration] + records.arguments)
      try #require(replay.isSuccess, "\(replay.error)")
      #expect(replay.error.contains("all predictions are exact"), "\(replay.error)")
      let replayed = try TopicPrediction.byOrigin(replay.lines)
      #expect(Set(replayed.keys) == Set(live.keys))
      let differing = replayed.filter { live[$0.key]?.text != $0.value.text }
      #expect(differing.isEmpty, "\(differing.count) of \(replayed.count) differ: \(differing.first?.value.text ?? "")")
      // Half an hour or a day: as the sessions are.
      let visits = records == .users || records == .segment ? Self.visitors * 5 : Self.visitors
      #expect(replay.error.contains("\(visits) visits"), "\(replay.error)")
    }

    /// What the daemon would read otherwise, or not at all, is not sent.
    @Test(arguments: [
      ("INTENTD_CONSUMER_SESSION_KEY", "user", "session_key"), ("INTENTD_CONSUMER_EVENT_TYPES", "click", "event_types"),
      ("INTENTD_CONSUMER_IGNORED_TYPES", "click", "ignored_types"),
      ("INTENTD_CONSUMER_ENVELOPE", "cloudevents", "envelope"), ("INTENTD_CONSUMER_FORMAT", "ga4", "format"),
    ])
    func eventsAreNotSentToADaemonThatReadsThemOtherwise(variable: String, value: String, setting: String) throws {
      let outcome = try IntentdProcess.run(
        ["--replay", "/no/such/file", "--to", "kafka"],
        environment: ["INTENTD_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", variable: value])
      #expect(outcome.exit == .status(1))
      #expect(outcome.error.contains("consumer.\(setting): \(value)"), "\(outcome.error)")
    }
  }
}
