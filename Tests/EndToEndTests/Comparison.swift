import Foundation
import Kafka
import Platform
import Testing

/// A prediction as it was written, without its origin, which differs between a file and a topic.
struct WrittenPrediction: Equatable {
  let session: String
  /// The bytes up to the origin: session, item, time, items with scores, model, status.
  let text: String
  /// Topic, partition and offset, or file and line, as JSON.
  let source: String

  init(_ line: String) throws {
    let cut = try #require(line.range(of: ",\"source\":", options: .backwards))
    text = String(line[..<cut.lowerBound])
    source = WrittenPrediction.lasting(Array(line[cut.upperBound...].utf8))
    let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
    session = try #require(object?["session"] as? String)
  }

  init(_ record: KafkaRecord) throws {
    try self.init(String(decoding: try #require(record.value), as: UTF8.self))
  }

  /// The bytes that all copies of a prediction share: those before the moment at which a copy was made.
  static func lasting(_ value: [UInt8]) -> String {
    let text = String(decoding: value, as: UTF8.self)
    return text.range(of: ",\"processed_at\":", options: .backwards).map { String(text[..<$0.lowerBound]) } ?? text
  }

  static func bySession(_ predictions: [WrittenPrediction]) -> [String: [WrittenPrediction]] {
    Dictionary(grouping: predictions, by: \.session)
  }
}

/// Live predictions held against those of a replay, session by session, in order.
struct Comparison {
  var compared = 0
  var differing = 0
  var missing = 0
  var surplus = 0
  /// The first few that differ.
  var examples: [String] = []

  init(live: [WrittenPrediction], replayed: [WrittenPrediction]) {
    let live = WrittenPrediction.bySession(live)
    let replayed = WrittenPrediction.bySession(replayed)
    for session in Set(live.keys).union(replayed.keys) {
      let (left, right) = (live[session] ?? [], replayed[session] ?? [])
      missing += max(0, right.count - left.count)
      surplus += max(0, left.count - right.count)
      for (one, other) in zip(left, right) {
        compared += 1
        guard one.text != other.text else { continue }
        differing += 1
        if examples.count < 3 { examples.append("live   \(one.text)\nreplay \(other.text)") }
      }
    }
  }

  var isEqual: Bool { differing + missing + surplus == 0 }
}

/// What a session's list in Redis must hold, recomputed from the topic's records without any of the product's code.
struct PlainSessions {
  /// By session as it stands in a key: entries, oldest first.
  private(set) var lists: [String: [String]] = [:]

  init(_ records: [KafkaRecord], keep: Int, idleTimeout: Int64 = 24 * 3_600_000) {
    var states: [String: (number: Int, ordinal: Int, greatest: Int64)] = [:]
    for record in records {
      guard let value = record.value,
        let object = try? JSONSerialization.jsonObject(with: Data(value)) as? [String: Any],
        let session = object["session"] as? String, let item = object["item"] as? String,
        let time = object["time"] as? Int64, time > 946_684_800_000
      else { continue }
      var state = states[session] ?? (0, 0, time)
      state.number += 1
      state.ordinal = time - state.greatest > idleTimeout ? 1 : state.ordinal + 1
      state.greatest = max(state.greatest, time)
      states[session] = state
      let key = PlainSessions.key(of: session)
      let origin = "\(record.topic):\(record.partition) \(record.offset)"
      lists[key, default: []].append("\(state.number) \(state.ordinal) \(origin) \(time) \(item)")
    }
    lists = lists.mapValues { Array($0.suffix(keep)) }
  }

  /// A session's id as it stands in a key.
  static func key(of session: String) -> String {
    session.replacing("%", with: "%25").replacing("{", with: "%7B").replacing("}", with: "%7D")
  }
}

extension LiveSetup {
  /// The predictions that `--replay` gives for `clicks` as a file.
  static func replay(_ clicks: Clicks, model: String, _ more: [String] = []) throws -> [WrittenPrediction] {
    let folder = try TemporaryFolder(prefix: "intentd-replay")
    let file = folder.file("clicks.jsonl")
    try clicks.file.write(toFile: file, atomically: true, encoding: .utf8)
    let outcome = try IntentdProcess.run(["--replay", file, "--model", model, "--format", "native"] + more)
    try #require(outcome.isSuccess, "\(outcome.error)")
    return try outcome.lines.map { try WrittenPrediction($0) }
  }

  /// Redis holds each session's sequence once, its newest events, and its latest prediction.
  func expectStored(_ records: [KafkaRecord], latest predictions: [KafkaRecord], keep: Int = TestModel.shop.keep) throws
  {
    let expected = PlainSessions(records, keep: keep).lists
    let events = try stored("events")
    #expect(events.count == expected.count)
    let wrong = expected.filter { events[$0.key] != $0.value }
    let example = wrong.first.map { "\(wrong.count) sessions; stored \(events[$0.key] ?? []), right \($0.value)" }
    #expect(wrong.isEmpty, "\(example ?? "")")
    var latest: [String: String] = [:]
    for record in predictions {
      latest[PlainSessions.key(of: String(decoding: record.key ?? [], as: UTF8.self))] =
        WrittenPrediction.lasting(record.value ?? [])
    }
    let next = try stored("next")
    #expect(next.count == latest.count)
    let stale = latest.filter { next[$0.key]?.first.map { WrittenPrediction.lasting(Array($0.utf8)) } != $0.value }
    #expect(
      stale.isEmpty,
      "the latest predictions of \(stale.count) sessions are not those that were published last: \(stale.keys.sorted().prefix(5))"
    )
  }
}
