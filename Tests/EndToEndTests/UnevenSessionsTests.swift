import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// Clicks that are not spread as they should be.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct UnevenSessionsTests {
    /// A robot, or a shared device: one session with thousands of clicks between thousands of ordinary ones.
    @Test func oneSessionIsHuge() throws {
      let model = try TestModel.shop.path()
      let (count, sessions) = TestServer.isLong ? (100_000, 20_000) : (20_000, 4_000)
      let clicks = Clicks(count, visitors: 800, longSession: 5000, seed: 61, sessions: sessions)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: model,
        settings: "workers: 2\npredictions:\n  top_k: 5\n  exclude: seen")
      try setup.produce(clicks.all, with: try setup.producer())
      let began = ContinuousClock.now
      let daemon = try setup.start()
      #expect(try setup.waitUntilCommitted(clicks.all.count), "\(daemon.error.suffix(3000))")
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      let peak = try #require(daemon.peakMiB)
      let outcome = try daemon.terminate()
      #expect(outcome.exit == .status(0), "\(outcome.error)")
      #expect(peak < 600, "\(peak) MiB")
      let check = try DeliveryCheck(setup, clicks, model: model, ["--top-k", "5", "--exclude", "seen"])
      #expect(check.isComplete && check.copies == 0, "\(check)")
      let longest = clicks.events.count { $0.key == Clicks.longSession }
      #expect(longest == 5000)
      try setup.expectStored(check.source, latest: check.last)
      print(
        """
        Huge session: \(longest) of \(clicks.events.count) clicks, \(Int(Double(clicks.events.count) / seconds)) clicks/s \
        with start and last commit, \(peak) MiB
        """)
    }

    /// Records keyed by something else than the session: its clicks come on several partitions, to several workers, in no
    /// particular order. Redis decides on one, and every prediction is that of its click in it.
    @Test func aSessionOnAllPartitionsStaysRight() throws {
      let model = try TestModel.shop.path()
      let original = Clicks(3000, visitors: 40, longSession: 60, seed: 67)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), partitions: 4, model: model,
        settings: "workers: 2")
      let scattered = original.events.map { click in
        var click = click
        click.key = click.item
        return click
      }
      let first = try IntentdProcess(["--config", setup.unnamed])
      let second = try IntentdProcess(["--config", setup.unnamed])
      let writer = try Background(pausing: 30_000, of: scattered, by: 30, setup)
      try writer.join()
      #expect(try setup.waitUntilCommitted(scattered.count), "\(first.error.suffix(3000))")
      for member in [first, second] { #expect(try member.terminate().exit == .status(0), "\(member.error)") }

      let source = try setup.records(of: setup.clicks, atLeast: scattered.count)
      let predictions = try setup.records(of: setup.predictions, atLeast: scattered.count)
      let copies = try Copies(predictions)
      let order = try StoredOrder(try setup.stored("events"), source)
      #expect(order.isContiguous, "\(order)")
      #expect(order.records.count == scattered.count)
      #expect(order.turns > 100, "sessions came on one partition each: nothing was tested")
      // A replay in the order that Redis decided on gives the very predictions.
      let ordered = Clicks(
        events: order.records.map {
          Click(key: "", item: "", time: 0, value: String(decoding: $0.value ?? [], as: UTF8.self))
        })
      let replayed = try LiveSetup.replay(ordered, model: model)
      let places = Dictionary(uniqueKeysWithValues: order.records.enumerated().map { (StoredOrder.origin($1), $0) })
      let sorted = try copies.first.map { (place: places[try Copies.origin($0)] ?? -1, record: $0) }
        .sorted { $0.place < $1.place }.map(\.record)
      #expect(copies.differing == 0)
      let comparison = Comparison(live: try sorted.map { try WrittenPrediction($0) }, replayed: replayed)
      #expect(comparison.isEqual, "\(comparison)")
      print(
        """
        Scattered sessions: \(comparison.compared) predictions, \(predictions.count - copies.first.count) copies, \
        \(order.turns) changes of partition within sessions
        """)
    }
  }
}

/// The order in which Redis has the events of sessions that are short enough to be kept whole.
struct StoredOrder: CustomStringConvertible {
  /// The records, session by session, in that order.
  private(set) var records: [KafkaRecord] = []
  /// How often two neighbours of a session are of different partitions.
  private(set) var turns = 0
  private var gaps = 0
  private var reversals = 0
  private var strangers = 0

  init(_ stored: [String: [String]], _ source: [KafkaRecord]) throws {
    let byOrigin = Dictionary(uniqueKeysWithValues: source.map { (StoredOrder.origin($0), $0) })
    for session in stored.keys.sorted() {
      var offsets: [Substring: Int64] = [:]
      var last: Substring?
      for (index, entry) in (stored[session] ?? []).enumerated() {
        let fields = entry.split(separator: " ")
        let partition = try #require(fields[2].split(separator: ":").last)
        let offset = try #require(Int64(fields[3]))
        if Int(fields[0]) != index + 1 { gaps += 1 }
        if offset <= offsets[partition] ?? -1 { reversals += 1 }
        offsets[partition] = offset
        if let last, last != partition { turns += 1 }
        last = partition
        if let record = byOrigin["\(partition) \(offset)"] { records.append(record) } else { strangers += 1 }
      }
    }
  }

  /// Every event once, numbered from 1 without gaps, each partition's in its order.
  var isContiguous: Bool { gaps + reversals + strangers == 0 }

  var description: String {
    "\(records.count) events, \(gaps) gaps, \(reversals) out of order, \(strangers) that are no records"
  }

  static func origin(_ record: KafkaRecord) -> String { "\(record.partition) \(record.offset)" }
}
