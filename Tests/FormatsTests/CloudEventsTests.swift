import Events
import Foundation
import TestSupport
import Testing

@testable import Formats

/// CloudEvents over Kafka, as its protocol binding writes them.
struct CloudEventsTests {
  private let time: EventTime = 1_396_860_669_277
  private let data = #"{"session":"s","item":"i","time":1396860669277,"type":"click"}"#
  private let bare = #"{"session":"s","item":"i"}"#
  private let attributes =
    #""specversion":"1.0","id":"1","source":"/shop","type":"shop.viewed","time":"2014-04-07T08:51:09Z""#

  private func headers(_ pairs: [String: String]) -> RecordHeaderView {
    var view = RecordHeaderView()
    for (name, value) in pairs { view.add(name: Array(name.utf8).span, value: Array(value.utf8).span) }
    return view
  }

  private func decode(
    _ record: String, _ pairs: [String: String] = [:], _ mapping: JSONMapping = .native, recordTime: EventTime? = nil
  ) throws -> (outcome: RecordOutcome, events: [Seen]) {
    var selection = EventSelection()
    selection.envelope = .cloudEvents
    var decoder = try JSONEventDecoder(mapping, selection)
    let wantsHeaders = decoder.wantsHeaders
    #expect(wantsHeaders)
    var batch = EventBatch()
    let outcome = decoder.decode(
      Array(record.utf8).span, key: Span(), headers: headers(pairs), origin: Origin(partition: 0, offset: 5),
      recordTime: recordTime, into: &batch)
    return (outcome, batch.seen())
  }

  private func seen(type: String = "click", time: EventTime? = nil) -> [Seen] {
    [Seen(session: "s", item: "i", time: time ?? self.time, type: type, offset: 5)]
  }

  @Test(arguments: [
    "application/cloudevents+json", "application/cloudevents+json; charset=UTF-8", "Application/CloudEvents",
  ])
  func structuredMode(type: String) throws {
    #expect(try decode("{\(attributes),\"data\":\(data)}", ["content-type": type]).events == seen())
    #expect(try decode("{\(attributes),\"data\":\(data)}", ["Content-Type": type]).events == seen())
    let fallback = try decode("{\(attributes),\"data\":\(bare)}", ["content-type": type])
    #expect(fallback.events == seen(type: "shop.viewed", time: 1_396_860_669_000))
  }

  @Test func dataInBase64() throws {
    let structured = ["content-type": "application/cloudevents+json"]
    for text in [data, bare, data + " ", data + "  "] {
      let base64 = Data(text.utf8).base64EncodedString()
      let expected = text.hasPrefix(bare) ? seen(type: "shop.viewed", time: 1_396_860_669_000) : seen()
      #expect(try decode("{\(attributes),\"data_base64\":\"\(base64)\"}", structured).events == expected)
      let unpadded = base64.replacing("=", with: "")
      #expect(try decode("{\(attributes),\"data_base64\":\"\(unpadded)\"}", structured).events == expected)
    }
    for (base64, reason) in [
      ("\"%%%%\"", RejectionReason.malformed), ("\"A\"", .malformed), ("\"\"", .malformed),
      ("\"e30=\"", .missingSession),
      ("\"e30==\"", .malformed), ("7", .wrongType), ("\"/////w==\"", .malformed),
    ] {
      let outcome = try decode("{\(attributes),\"data_base64\":\(base64)}", structured).outcome
      #expect(outcome == .rejected(reason) || outcome == .rejected(.invalidText), "\(base64): \(outcome)")
    }
  }

  @Test func base64IsThatOfFoundation() {
    var random = SplitMix(state: 3)
    for count in 0..<200 {
      let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      var text = Array(Data(bytes).base64EncodedString().utf8)
      let isBase64 = Base64.decode(&text, 0..<text.count)
      #expect(isBase64)
      #expect(text == bytes)
    }
  }

  @Test func binaryMode() throws {
    let binary = ["ce_specversion": "1.0", "ce_type": "shop.viewed", "ce_time": "2014-04-07T08:51:09Z", "ce_id": "1"]
    #expect(try decode(data, binary).events == seen())
    #expect(try decode(bare, binary).events == seen(type: "shop.viewed", time: 1_396_860_669_000))
    let typed = binary.merging(["content-type": "application/json"]) { $1 }
    #expect(try decode(data, typed).events == seen())
    // Data that looks like an envelope is data all the same.
    #expect(try decode("{\(attributes),\"session\":\"s\",\"item\":\"i\"}", typed).events.first?.session == "s")
  }

  @Test func withoutAnyHeaderTheRecordSpeaksForItself() throws {
    #expect(try decode("{\(attributes),\"data\":\(data)}").events == seen())
    #expect(try decode(data).events == seen())
    #expect(try decode(bare, recordTime: time).events == seen(type: ""))
    #expect(try decode("{\(attributes)}").outcome == .rejected(.missingSession))
  }

  @Test func badAttributes() throws {
    #expect(try decode(bare, ["ce_specversion": "1.0", "ce_time": "noon"]).outcome == .rejected(.invalidTime))
    #expect(
      try decode(bare, ["ce_specversion": "1.0", "ce_time": "1970-01-01T00:00:00Z"]).outcome
        == .rejected(.timeOutOfRange))
    let structured = ["content-type": "application/cloudevents+json"]
    #expect(try decode(#"{"time":true,"data":\#(bare)}"#, structured).outcome == .rejected(.wrongType))
    #expect(
      try decode(#"{"type":[],"data":{"session":"s","item":"i","time":1396860669277}}"#, structured).outcome
        == .rejected(.wrongType))
    #expect(try decode(#"[{}]"#, structured).outcome == .rejected(.wrongType))
    var view = RecordHeaderView()
    view.add(name: Array("ce_type".utf8).span, value: [0xFF].span)
    var selection = EventSelection()
    selection.envelope = .cloudEvents
    var decoder = try JSONEventDecoder(.native, selection)
    var batch = EventBatch()
    let outcome = decoder.decode(
      Array(bare.utf8).span, key: Span(), headers: view, origin: Origin(partition: 0, offset: 5), recordTime: time,
      into: &batch)
    #expect(outcome == .rejected(.invalidText))
  }

  @Test func attributesCanBeMapped() throws {
    var mapping = JSONMapping.native
    try mapping.replace("session", with: "ce:subject")
    try mapping.replace("user", with: "ce:partitionkey")
    let record = #"{"item":"i","time":1396860669277}"#
    let binary = ["ce_specversion": "1.0", "ce_subject": "s", "ce_partitionkey": "u"]
    let expected = [Seen(session: "s", item: "i", time: time, user: "u", type: "", offset: 5)]
    #expect(try decode(record, binary, mapping).events == expected)
    let structured = #"{"specversion":"1.0","subject":"s","partitionkey":"u","data":\#(record)}"#
    #expect(try decode(structured, [:], mapping).events == expected)
    #expect(try decode(record, [:], mapping).outcome == .rejected(.missingSession))
    #expect(throws: FormatsFailure.self) { _ = try JSONEventDecoder(mapping) }
    for bad in ["ce:", "ce:Subject", "ce:a.b", "ce:a_b"] {
      #expect(throws: FormatsFailure.self) { try mapping.replace("session", with: bad) }
    }
  }

  @Test func theKindIsTheDatas() throws {
    let interaction =
      #"{"event":"interaction","id":"1","timestamp":1396860669277,"user":"u","session":"s","type":"click","item":"i"}"#
    let structured = ["content-type": "application/cloudevents+json"]
    #expect(try decode("{\(attributes),\"data\":\(interaction)}", structured, .metarank).outcome == .event)
    let ranking = interaction.replacing("interaction", with: "ranking")
    #expect(try decode("{\(attributes),\"data\":\(ranking)}", structured, .metarank).outcome == .ignored)
  }

  @Test func headersAreBounded() {
    var view = RecordHeaderView()
    let name = Array("ce_type".utf8)
    for number in 0..<Limits.headers + 10 { view.add(name: name.span, value: [UInt8(truncatingIfNeeded: number)].span) }
    #expect(view.count == Limits.headers)
    var first: [UInt8] = []
    _ = view.append(name, to: &first)
    #expect(first == [0])
    view.removeAll()
    let large = [UInt8](repeating: 65, count: Limits.headerBytes)
    let fits = view.add(name: name.span, value: large.span)
    #expect(!fits)
    #expect(view.count == 0 && !view.contains(name))
  }

  @Test func steadyStateAllocatesNothing() throws {
    var selection = EventSelection()
    selection.envelope = .cloudEvents
    var decoder = try JSONEventDecoder(.native, selection)
    var batch = EventBatch()
    let base64 = Data(data.utf8).base64EncodedString()
    let records = [
      "{\(attributes),\"data\":\(data)}", bare, "{\(attributes),\"data_base64\":\"\(base64)\"}", "{\(attributes)}",
    ].map { Array($0.utf8) }
    let views = [
      headers(["content-type": "application/cloudevents+json"]),
      headers(["ce_type": "t", "ce_time": "2014-04-07T08:51:09Z"]),
      headers([:]), headers([:]),
    ]
    let source = headers(["ce_type": "t", "ce_time": "2014-04-07T08:51:09Z"])
    var copy = RecordHeaderView()
    func pass() {
      batch.removeAll()
      for offset in 0..<200 {
        let record = records[offset % 4]
        copy.removeAll()
        copy.add(name: record.span.extracting(first: 5), value: record.span.extracting(first: 20))
        decoder.decode(
          record.span, key: Span(), headers: views[offset % 4],
          origin: Origin(partition: 0, offset: Int64(offset)), recordTime: time, into: &batch)
      }
    }
    pass()
    guard let control = allocations(in: { batch = EventBatch() }) else { return }
    #expect(control > 0 && source.count == 2)
    pass()
    #expect(batch.events.count == 150)
    #expect(allocations(in: pass) == 0)
  }
}
