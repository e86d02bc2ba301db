import Events
import Formats
import TestSupport
import Testing

struct JSONEventDecoderTests {
  private let time: EventTime = 1_396_860_669_277

  @Test func nativeEvent() throws {
    let (outcome, events) = try decode(
      #"{"session":"s\u00e9\n","item":214536502,"time":1396860669277,"user":"u","type":"click","other":{"session":[1]}}"#
    )
    #expect(outcome == .event)
    #expect(events == [Seen(session: "s\u{e9}\n", item: "214536502", time: time, user: "u", type: "click", offset: 5)])
  }

  @Test(arguments: [
    (#"1396860669277"#, 1_396_860_669_277), (#""1396860669277""#, 1_396_860_669_277),
    (#"1396860669277.5"#, 1_396_860_669_278),
    (#""2014-04-07T08:51:09.277Z""#, 1_396_860_669_277), (#""2014-04-07T10:51:09.2765+02:00""#, 1_396_860_669_277),
    (#""2014-04-07 03:51:09,277-0500""#, 1_396_860_669_277), (#""2014-04-07T08:51:09z""#, 1_396_860_669_000),
    (#""2016-02-29T00:00:00+00""#, 1_456_704_000_000),
  ])
  func times(text: String, expected: EventTime) throws {
    let (outcome, events) = try decode(#"{"session":"s","item":"i","time":\#(text)}"#)
    #expect(outcome == .event)
    #expect(events.first?.time == expected)
  }

  @Test(arguments: [
    (#"{"item":"i","time":1396860669277}"#, RejectionReason.missingSession),
    (#"{"session":null,"item":"i","time":1396860669277}"#, .missingSession),
    (#"{"session":"","item":"i","time":1396860669277}"#, .missingSession),
    (#"{"session":"s","time":1396860669277}"#, .missingItem),
    (#"{"session":"s","item":"i"}"#, .missingTime),
    (#"{"session":"s","item":"i","time":null}"#, .missingTime),
    (#"{"session":true,"item":"i","time":1396860669277}"#, .wrongType),
    (#"{"session":"s","item":1.5,"time":1396860669277}"#, .wrongType),
    (#"{"session":"s","item":"i","time":[]}"#, .wrongType),
    (#"{"session":"s","item":"i","time":"2014-04-07"}"#, .invalidTime),
    (#"{"session":"s","item":"i","time":"2014-04-07T08:51:09"}"#, .invalidTime),
    (#"{"session":"s","item":"i","time":"2015-02-29T08:51:09Z"}"#, .invalidTime),
    (#"{"session":"s","item":"i","time":"yesterday"}"#, .invalidTime),
    (#"{"session":"s","item":"i","time":1396860669}"#, .timeOutOfRange),
    (#"{"session":"s","item":"i","time":7258118400001}"#, .timeOutOfRange),
    (#"{"session":"s","item":"i","time":1e300}"#, .timeOutOfRange),
    (#"{"session":"s","item":"i","time":18446744073709551615}"#, .timeOutOfRange),
    (#"{"session":"s","item":"i","time":999999999999999999999999}"#, .malformed),
    (#"{"session":"s","session":"t","item":"i","time":1396860669277}"#, .malformed),
    (#"{"session":"s","item":"i","time":1396860669277"#, .malformed),
    (#"{"session":"\ud800","item":"i","time":1396860669277}"#, .malformed),
    (#"{"session":"s","item":"i","time":1396860669277} x"#, .malformed),
    ("", .malformed), ("   ", .malformed), ("{", .malformed), ("null", .wrongType), ("[1]", .wrongType),
    ("\"s\"", .wrongType),
  ])
  func rejections(json: String, reason: RejectionReason) throws {
    let (outcome, events) = try decode(json)
    #expect(outcome == .rejected(reason))
    #expect(events.isEmpty)
  }

  @Test func limitsOfIds() throws {
    func event(_ session: Int, _ item: Int, user: Int = 1) -> String {
      let (session, item) = (String(repeating: "s", count: session), String(repeating: "i", count: item))
      let user = String(repeating: "u", count: user)
      return #"{"session":"\#(session)","item":"\#(item)","user":"\#(user)","time":1396860669277}"#
    }
    #expect(try decode(event(Limits.sessionBytes, Limits.itemBytes, user: Limits.sessionBytes)).outcome == .event)
    #expect(try decode(event(Limits.sessionBytes + 1, 1)).outcome == .rejected(.sessionTooLong))
    #expect(try decode(event(1, Limits.itemBytes + 1)).outcome == .rejected(.itemTooLong))
    #expect(try decode(event(1, 1, user: Limits.sessionBytes + 1)).outcome == .rejected(.malformed))
    #expect(try decode(event(1, 1, user: Limits.recordBytes)).outcome == .rejected(.recordTooLong))
    #expect(try decode(event(1, 1, user: Limits.recordBytes - 100)).outcome == .rejected(.malformed))
  }

  @Test func depthIsBounded() throws {
    func nested(_ depth: Int) -> String {
      let deep = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
      return #"{"session":"s","item":"i","time":1396860669277,"deep":\#(deep)}"#
    }
    #expect(try decode(nested(100)).outcome == .event)
    #expect(try decode(nested(130)).outcome == .rejected(.malformed))
    #expect(try decode(nested(400_000)).outcome == .rejected(.malformed))
  }

  @Test func recordTimeStandsIn() throws {
    let bare = #"{"session":"s","item":"i"}"#
    #expect(try decode(bare, recordTime: time).events.first?.time == time)
    #expect(try decode(bare, recordTime: -1).outcome == .rejected(.missingTime))
  }

  @Test func futureTimesAreClamped() throws {
    var decoder = try JSONEventDecoder()
    var batch = EventBatch()
    for ahead in [Limits.futureMilliseconds, Limits.futureMilliseconds + 1] {
      let record = Array(#"{"session":"s","item":"i","time":\#(time + ahead)}"#.utf8)
      decoder.decode(
        record.span, key: Span(), origin: Origin(partition: 0, offset: 0), recordTime: time, into: &batch)
    }
    #expect(batch.seen().map(\.time) == [time + Limits.futureMilliseconds, time])
    #expect(decoder.counts.clampedTimes == 1)
    #expect(decoder.counts.events == 2)
  }

  @Test func metarank() throws {
    let event = { (kind: String, time: String) in
      #"{"event":"\#(kind)","id":"1","timestamp":\#(time),"user":"u","session":"s","type":"click","item":"i","fields":[]}"#
    }
    let expected = [Seen(session: "s", item: "i", time: time, user: "u", type: "click", offset: 5)]
    #expect(try decode(event("interaction", #""1396860669277""#), .metarank).events == expected)
    #expect(try decode(event("interaction", #""2014-04-07T08:51:09.277Z""#), .metarank).events == expected)
    #expect(try decode(event("interaction", "1396860669277"), .metarank).events == expected)
    #expect(try decode(event("ranking", "1396860669277"), .metarank).outcome == .ignored)
    #expect(try decode(#"{"item":"i"}"#, .metarank).outcome == .rejected(.malformed))
  }

  @Test func segment() throws {
    let viewed =
      #"{"type":"track","event":"Product Viewed","anonymousId":null,"userId":"u","timestamp":"2014-04-07T08:51:09.277Z","properties":{"product_id":42}}"#
    #expect(
      try decode(viewed, .segment).events == [
        Seen(session: "u", item: "42", time: time, user: "u", type: "Product Viewed", offset: 5)
      ])
    #expect(try decode(#"{"type":"page","anonymousId":"a"}"#, .segment).outcome == .ignored)
    #expect(try decode(#"{"type":"track","event":"Signed Up","anonymousId":"a"}"#, .segment).outcome == .ignored)
    #expect(try decode(viewed, .segment, types: ["Order Completed"]).outcome == .otherType)
  }

  @Test func pathsOfOnesOwn() throws {
    let mapping = try JSONMapping(
      parsing: "session=$.visitor['the.id'],item=products[1].id,time=$.at,type=$['kind']")
    let record = #"{"visitor":{"the.id":7},"products":[{"id":"a"},{"id":"b"}],"at":1396860669277,"kind":"buy"}"#
    #expect(
      try decode(record, mapping).events == [Seen(session: "7", item: "b", time: time, type: "buy", offset: 5)])
    #expect(try decode(#"{"visitor":{"the.id":7},"visitor":{}}"#, mapping).outcome == .rejected(.malformed))
    let rooted = try JSONMapping(parsing: "session=$[0],item=$[1],time=$[2]")
    #expect(try decode(#"["s","i",1396860669277]"#, rooted).outcome == .event)
    #expect(try decode(#"{}"#, rooted).outcome == .rejected(.wrongType))
    for bad in [
      "", "session=a", "session=a,item=", "session=a,item=b,item=c", "session=a..b,item=c", "session=a[,item=b",
      "session=a[x],item=b", "session=a[1x],item=b", "colour=a", "session=$,item=b", "session=a['b],item=c",
    ] {
      #expect(throws: FormatsFailure.self) { try JSONMapping(parsing: bad) }
    }
  }

  @Test func rejectionsCarryTheRecord() throws {
    var decoder = try JSONEventDecoder()
    var batch = EventBatch()
    let record = [UInt8](repeating: 0xFF, count: Limits.deadLetterBytes + 10)
    let key = [UInt8](repeating: 65, count: Limits.sessionBytes + 1)
    let outcome = decoder.decode(
      record.span, key: key.span, origin: Origin(partition: 1, offset: 9), recordTime: nil, into: &batch)
    #expect(outcome == .rejected(.invalidText) || outcome == .rejected(.malformed))
    let rejection = try #require(batch.rejections.first)
    #expect(Int(rejection.payload.count) == Limits.deadLetterBytes)
    #expect(Int(rejection.payloadBytes) == record.count)
    #expect(Int(rejection.key.count) == Limits.sessionBytes)
    #expect(rejection.origin == Origin(partition: 1, offset: 9))
    #expect(batch.bytes.count == Limits.deadLetterBytes + Limits.sessionBytes)
    #expect(decoder.counts.rejections == 1)
  }

  @Test func steadyStateAllocatesNothing() throws {
    var decoder = try JSONEventDecoder()
    var batch = EventBatch()
    let records = [
      nativeRecord, Array(#"{"session":1,"item":"i","time":"2014-04-07T08:51:09.277Z"}"#.utf8), [1, 2, 3],
    ]
    func pass() {
      batch.removeAll()
      for offset in 0..<100 {
        for record in records {
          decoder.decode(
            record.span, key: Span(), origin: Origin(partition: 0, offset: Int64(offset)), recordTime: nil, into: &batch
          )
        }
      }
    }
    pass()
    guard let control = allocations(in: { batch = EventBatch() }) else { return }
    #expect(control > 0)
    pass()
    #expect(allocations(in: pass) == 0)
  }

  /// 300 bytes.
  private var nativeRecord: [UInt8] {
    var text =
      #"{"session":"6f1c2a9e-4b57-4d0e-9c3a-1f2e3d4c5b6a","item":"214536502","time":1396860669277,"user":"u-77","#
    text +=
      #""type":"click","page":"https://shop.example/p/214536502?ref=home","agent":"Mozilla/5.0 (X11; Linux x86_64)","#
    text += #""price":19.95,"tags":["a","b"],"pad":""#
    return Array((text + String(repeating: "x", count: 298 - text.utf8.count) + "\"}").utf8)
  }

  @Test func speed() throws {
    let record = nativeRecord
    #expect(record.count == 300)
    var decoder = try JSONEventDecoder()
    var batch = EventBatch()
    let clock = ContinuousClock()
    var best = 0.0
    for _ in 0..<4 {
      let spent = clock.measure {
        for round in 0..<100 {
          batch.removeAll()
          for offset in 0..<256 {
            decoder.decode(
              record.span, key: Span(), origin: Origin(partition: 0, offset: Int64(round * 256 + offset)),
              recordTime: nil,
              into: &batch)
          }
        }
      }
      best = max(best, 100 * 256 / (spent / .seconds(1)))
    }
    print("JSON: \(Int(best)) events/s of \(record.count) bytes")
    #expect(batch.events.count == 256)
  }

  @Test func anyBytesAreSafe() throws {
    var decoder = try JSONEventDecoder()
    var batch = EventBatch()
    var random = SplitMix(state: 11)
    let whole = nativeRecord
    let fragments = [
      "{", "}", "[", "]", "\"", ":", ",", "\\", "\\u00", "null", "1e9", "-", "\"session\":", "\"item\":", "\"time\":",
      "1396860669277", "\u{e9}", "\0", " ",
    ].map { Array($0.utf8) }
    for round in 0..<30_000 {
      var record: [UInt8] = []
      switch round % 3 {
      case 0: for _ in 0..<Int(random.next() % 60) { record.append(UInt8(truncatingIfNeeded: random.next())) }
      case 1: for _ in 0..<Int(random.next() % 25) { record += fragments[Int(random.next() % UInt64(fragments.count))] }
      default:
        record = random.next() % 2 == 0 ? whole : Array(whole.prefix(Int(random.next() % 301)))
        for _ in 0..<Int(random.next() % 3) where !record.isEmpty {
          record[Int(random.next() % UInt64(record.count))] = UInt8(truncatingIfNeeded: random.next())
        }
      }
      batch.removeAll()
      let outcome = decoder.decode(
        record.span, key: Span(), origin: Origin(partition: 0, offset: 0), recordTime: nil, into: &batch)
      #expect(batch.events.count == (outcome == .event ? 1 : 0))
      for event in batch.events {
        #expect(String(validating: batch.bytes[event.session.indices], as: UTF8.self) != nil)
        #expect(!event.session.isEmpty && !event.item.isEmpty)
        #expect(event.time >= Limits.earliestTime && event.time <= Limits.latestTime)
      }
    }
    #expect(decoder.counts.events > 1000)
    #expect(decoder.counts.rejections > 10_000)
  }
}

/// A small repeatable generator.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
