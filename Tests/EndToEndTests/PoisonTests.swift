import Events
import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// Records that are no events, of every kind, between clicks.
  @Suite(KafkaBroker.needed, RedisServer.needed) struct PoisonTests {
    private static let count = 10_000

    @Test func poisonIsSetAsideAndCostsNobodyAnything() throws {
      let kinds = PoisonRecords.all
      #expect(Set(kinds.map(\.kind)).count >= 30)
      let model = try TestModel.shop.path()
      let clicks = Clicks(events: Clicks(3000, seed: 81).events)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: model,
        settings: "workers: 2\npredictions:\n  top_k: 5")
      try produce(kinds, clicks, try setup.producer())
      let all = Self.count + clicks.all.count
      let began = ContinuousClock.now
      let daemon = try setup.start()
      #expect(try setup.waitUntilCommitted(all), "\(daemon.error.suffix(3000))")
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      let peak = daemon.peakMiB ?? 0
      let outcome = try daemon.terminate()
      #expect(outcome.exit == .status(0), "\(outcome.error)")

      let source = try setup.records(of: setup.clicks, atLeast: all)
      try expectDeadLetters(setup, kinds, source)
      let predictions = try setup.records(of: setup.predictions, atLeast: clicks.all.count)
      let comparison = Comparison(
        live: try predictions.map { try WrittenPrediction($0) },
        replayed: try LiveSetup.replay(clicks, model: model, ["--top-k", "5"]))
      #expect(comparison.isEqual, "\(comparison)")
      let good = Set(clicks.all.compactMap(\.value).map { Array($0.utf8) })
      try setup.expectStored(source.filter { good.contains($0.value ?? []) }, latest: predictions)
      print(
        """
        Poison: \(Self.count) records of \(kinds.count) kinds between \(clicks.all.count) clicks, \
        \(Int(Double(all) / seconds)) records/s with start and last commit, \(peak) MiB
        """)
    }

    /// Each kind three times, then those in turn that are not huge; a click after each few of them.
    private func produce(_ kinds: [PoisonRecords.Bad], _ clicks: Clicks, _ producer: ClickProducer) throws {
      let small = kinds.filter { $0.value.count < 4096 }
      var rest = clicks.all[...]
      for number in 0..<Self.count {
        let one = number < kinds.count * 3 ? kinds[number % kinds.count] : small[number % small.count]
        try producer.produce(key: one.key, value: one.value)
        if number.isMultiple(of: 4), let click = rest.popFirst() { try producer.produce(click) }
      }
      for click in rest { try producer.produce(click) }
      try producer.flush()
    }

    /// One dead letter for each record that is none, with its reason, origin, bytes and key.
    private func expectDeadLetters(_ setup: LiveSetup, _ kinds: [PoisonRecords.Bad], _ source: [KafkaRecord]) throws {
      let letters = try setup.records(of: setup.deadLetters, atLeast: Self.count)
      #expect(letters.count == Self.count)
      let records = Dictionary(uniqueKeysWithValues: source.map { (StoredOrder.origin($0), $0) })
      let known = Dictionary(kinds.map { ([$0.value, $0.key ?? []], $0) }) { $1 }
      var wrong: Set<String> = []
      var seen: Set<String> = []
      for letter in letters {
        let origin = try Copies.origin(letter)
        guard let record = records[origin], seen.insert(origin).inserted,
          let expected = known[[record.value ?? [], record.key ?? []]]
        else {
          wrong.insert("\(origin): not a record that was poison, or set aside twice")
          continue
        }
        // Long ones are cut, and say how long they were.
        let isRight =
          letter.value == Array(expected.value.prefix(Limits.deadLetterBytes))
          && letter.key ?? [] == Array((record.key ?? []).prefix(Limits.sessionBytes))
          && letter.header("reason") == expected.reason.rawValue
          && letter.header("original_length") == "\(expected.value.count)"
          && letter.header("source_topic") == setup.clicks && letter.header("error")?.isEmpty == false
        if !isRight { wrong.insert("\(expected.kind): \(letter.header("reason") ?? "-") for \(expected.reason)") }
      }
      #expect(wrong.isEmpty, "\(wrong.sorted().prefix(20))")
    }
  }
}
