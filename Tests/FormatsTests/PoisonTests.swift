import Events
import Formats
import TestSupport
import Testing

/// Bad records, each for its reason; odd ones, each for what it says.
struct PoisonTests {
  private func decode(_ value: [UInt8], key: [UInt8]?, into batch: inout EventBatch) throws -> RecordOutcome {
    var decoder = try JSONEventDecoder()
    let key = key ?? []
    return decoder.decode(
      value.span, key: key.span, origin: Origin(partition: 0, offset: 5), recordTime: PoisonRecords.time,
      into: &batch)
  }

  @Test func eachKindHasItsReason() throws {
    #expect(PoisonRecords.all.count >= 60)
    #expect(Set(PoisonRecords.all.map(\.kind)).count == PoisonRecords.all.count)
    for poison in PoisonRecords.all {
      var batch = EventBatch()
      let outcome = try decode(poison.value, key: poison.key, into: &batch)
      #expect(outcome == .rejected(poison.reason), "\(poison.kind): \(outcome)")
      #expect(batch.events.isEmpty && batch.rejections.count == 1, "\(poison.kind)")
      let rejection = try #require(batch.rejections.first)
      #expect(Int(rejection.payloadBytes) == poison.value.count, "\(poison.kind)")
      #expect(
        batch.bytes[rejection.payload.indices].elementsEqual(poison.value.prefix(Limits.deadLetterBytes)),
        "\(poison.kind)")
      #expect(batch.bytes[rejection.key.indices].elementsEqual(poison.key ?? []), "\(poison.kind)")
    }
  }

  /// One decoder for all of them: nothing that one leaves behind changes what becomes of the next.
  @Test func oneDecoderTakesThemAllInAnyOrder() throws {
    var decoder = try JSONEventDecoder()
    var random = SplitMix(state: 5)
    var expected = DecodeCounts()
    for _ in 0..<20 {
      for poison in PoisonRecords.all.shuffled(using: &random) {
        var batch = EventBatch()
        let odd = try #require(PoisonRecords.odd.randomElement(using: &random))
        let outcome = decoder.decode(
          poison.value.span, key: Span(), origin: Origin(partition: 0, offset: 0), recordTime: nil, into: &batch)
        #expect(outcome == .rejected(poison.reason), "\(poison.kind)")
        decoder.decode(
          odd.value.span, key: Span(), origin: Origin(partition: 0, offset: 1), recordTime: nil, into: &batch)
        #expect(batch.seen().map(\.session) == [odd.session], "\(odd.kind)")
        expected.events += 1
        expected.rejections += 1
      }
    }
    #expect(decoder.counts == expected)
  }

  @Test func oddNeighboursAreEvents() throws {
    for odd in PoisonRecords.odd {
      var batch = EventBatch()
      let outcome = try decode(odd.value, key: odd.key, into: &batch)
      #expect(outcome == .event, "\(odd.kind): \(outcome)")
      #expect(
        batch.seen() == [Seen(session: odd.session, item: odd.item, time: odd.time, offset: 5)], "\(odd.kind)")
    }
  }

  /// What is rejected is rejected in each format that has the same rules: below the data of a CloudEvent too.
  @Test func mutationsNeverCrash() throws {
    var random = SplitMix(state: 77)
    let seeds = PoisonRecords.all.map(\.value) + PoisonRecords.odd.map(\.value) + [ga4Row(items: ["a", "b"])]
    let short = seeds.filter { $0.count < 4096 }
    var selection = EventSelection()
    selection.envelope = .cloudEvents
    selection.ignoredTypes = ["b"]
    var plain = try JSONEventDecoder()
    var row = try JSONEventDecoder(.ga4, EventSelection())
    var wrapped = try JSONEventDecoder(.ga4, selection)
    var headers = RecordHeaderView()
    var batch = EventBatch()
    for round in 0..<50_000 {
      var record = short[Int(random.next() % UInt64(short.count))]
      if round % 4 == 0 { record = Array(#"{"specversion":"1.0","data":"#.utf8) + record + [UInt8(ascii: "}")] }
      mutate(&record, &random, with: short)
      headers.removeAll()
      if round % 3 == 0 {
        headers.add(name: Array("content-type".utf8).span, value: Array("application/cloudevents+json".utf8).span)
        headers.add(name: Array("ce_time".utf8).span, value: record.span.extracting(first: 30))
      }
      batch.removeAll()
      let origin = Origin(partition: 0, offset: Int64(round))
      plain.decode(record.span, key: record.span, origin: origin, recordTime: nil, into: &batch)
      row.decode(record.span, key: Span(), origin: origin, recordTime: 1, into: &batch)
      wrapped.decode(record.span, key: Span(), headers: headers, origin: origin, recordTime: nil, into: &batch)
      for event in batch.events {
        #expect(!event.session.isEmpty && !event.item.isEmpty)
        #expect(String(validating: batch.bytes[event.session.indices], as: UTF8.self) != nil)
        #expect(String(validating: batch.bytes[event.type.indices], as: UTF8.self) != nil)
        #expect(event.time >= Limits.earliestTime && event.time <= Limits.latestTime)
      }
    }
    for counts in [plain.counts, row.counts, wrapped.counts] {
      #expect(counts.events + counts.rejections + counts.ignored + counts.otherTypes == 50_000)
      #expect(counts.rejections > 10_000, "\(counts)")
    }
    #expect(plain.counts.events > 1000)
  }

  private func mutate(_ record: inout [UInt8], _ random: inout SplitMix, with others: [[UInt8]]) {
    for _ in 0..<Int(random.next() % 4) where !record.isEmpty {
      let place = Int(random.next() % UInt64(record.count))
      switch random.next() % 5 {
      case 0: record[place] = UInt8(truncatingIfNeeded: random.next())
      case 1: record[place] ^= 1 << UInt8(random.next() % 8)
      case 2: record.remove(at: place)
      case 3: record.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
      default:
        let other = others[Int(random.next() % UInt64(others.count))]
        record.insert(contentsOf: other.prefix(Int(random.next() % 40)), at: place)
      }
    }
  }
}
