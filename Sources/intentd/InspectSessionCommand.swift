import Control
import Events
import Foundation
import SessionState

/// `intentd inspect session ID --config FILE`: what Redis holds of a session, decoded. Changes nothing.
struct InspectSessionCommand {
  /// There is nothing under the session's keys.
  struct NoSuchSession: Error, CustomStringConvertible {
    let description: String
  }

  private let options: InspectSessionOptions

  init(_ options: InspectSessionOptions) { self.options = options }

  func run() throws {
    let configuration = try Configuration.load(
      file: options.configuration, environment: ProcessInfo.processInfo.environment)
    guard let address = configuration.redis.address else {
      throw ControlFailure.usage("the configuration names no Redis (redis.url)")
    }
    let partitions = PartitionTable()
    // The lengths of windows don't matter for reading.
    var store = try RedisSessionStore(
      RedisConfiguration(configuration, at: address), rules: SessionRules(maxLength: 1), partitions: partitions,
      onlyReads: true)
    let id = Array(options.session.utf8)
    let events = try store.sequence(of: id)
    guard !events.isEmpty else {
      throw NoSuchSession(
        description:
          "there is no session \"\(options.session)\" in Redis at \(address.maskedURL) under \(prefix(configuration)): it never "
          + "clicked, its time to live is over, or prefix or generation are others")
    }
    let session = Session(
      session: options.session,
      events: events.map { event in
        Session.Event(
          number: event.number, ordinal: event.ordinal,
          origin: "\(name(event.origin.partition, partitions))@\(event.origin.offset)", time: event.time,
          item: String(decoding: event.item, as: UTF8.self))
      },
      marks: Dictionary(
        uniqueKeysWithValues: try store.marks(of: id).map { (name($0.key, partitions), $0.value) }),
      ttl: try store.timeToLive(of: id), prediction: try store.storedPrediction(of: id))
    print(options.json ? try session.json() : session.text)
  }

  private func prefix(_ configuration: Configuration) -> String {
    ([configuration.state.prefix] + (configuration.state.generation.map { [$0] } ?? [])).joined(separator: ":")
  }

  private func name(_ slot: Int32, _ partitions: PartitionTable) -> String {
    String(decoding: partitions.names[Int(slot)].utf8, as: UTF8.self)
  }
}

/// A session as it is shown.
private struct Session {
  struct Event {
    var number: Int64
    var ordinal: Int64
    var origin: String
    var time: EventTime
    var item: String
  }

  var session: String
  var events: [Event]
  var marks: [String: Int64]
  /// Milliseconds; nil where the keys never expire.
  var ttl: Int64?
  /// As it is stored.
  var prediction: [UInt8]?

  /// The time to the millisecond; `Date`'s own formatting would go through fractions that it rounds down.
  private static func iso(_ time: EventTime) -> String {
    let milliseconds = (time % 1000 + 1000) % 1000
    let seconds = Date(timeIntervalSince1970: Double((time - milliseconds) / 1000)).formatted(.iso8601)
    let digits = "\(1000 + milliseconds)".dropFirst()
    return "\(seconds.dropLast()).\(digits)Z"
  }

  /// For people.
  var text: String {
    var lines = [
      "session \(session)", "expires in \(ttl.map { "\($0 / 1000) s" } ?? "never")", "", "events, oldest first:",
    ]
    let rows =
      [["number", "ordinal", "topic:partition@offset", "time", "item"]]
      + events.map { ["\($0.number)", "\($0.ordinal)", $0.origin, Self.iso($0.time), $0.item] }
    let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    for row in rows {
      let cells = (0..<4).map { row[$0].padding(toLength: widths[$0], withPad: " ", startingAt: 0) }
      lines.append("  " + (cells + [row[4]]).joined(separator: "  "))
    }
    lines += ["", "applied up to:"] + marks.sorted { $0.key < $1.key }.map { "  \($0.key)@\($0.value)" }
    lines += ["", "next prediction:"]
    guard let prediction else { return (lines + ["  none"]).joined(separator: "\n") }
    let pretty = (try? JSONSerialization.jsonObject(with: Data(prediction))).flatMap {
      try? JSONSerialization.data(withJSONObject: $0, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    }
    lines.append(String(decoding: pretty ?? Data(prediction), as: UTF8.self))
    return lines.joined(separator: "\n")
  }

  /// For scripts.
  func json() throws -> String {
    let prediction = try prediction.map { try JSONSerialization.jsonObject(with: Data($0)) } ?? NSNull()
    let object: [String: Any] = [
      "session": session, "ttl_ms": ttl.map { $0 as Any } ?? NSNull(), "marks": marks, "next": prediction,
      "events": events.map { event -> [String: Any] in
        [
          "number": event.number, "ordinal": event.ordinal, "origin": event.origin, "time": event.time,
          "time_iso": Self.iso(event.time), "item": event.item,
        ]
      },
    ]
    let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
  }
}

extension RedisConfiguration {
  /// The Redis at `address`, with the rest as `configuration` says.
  init(_ configuration: Configuration, at address: RedisAddress) {
    let endpoint: Address =
      switch address.endpoint {
      case .tcp(let host, let port): .tcp(host: host, port: port)
      case .unix(let path): .unix(path: path)
      }
    self.init(
      endpoint, user: address.user, password: address.password, database: address.database,
      prefix: configuration.state.prefix, generation: configuration.state.generation,
      timeout: Int(configuration.redis.timeout))
  }
}
