import Events
import Formats
import TestSupport
import Testing

/// A row as BigQuery exports it.
func ga4Row(
  name: String = "view_item", items: [String] = ["sku-1"], timestamp: String = #""1396860669276500""#,
  session: String? = #"{"int_value":"1396860600","string_value":null}"#, pseudo: String = #""77.88""#,
  user: String = "null"
) -> [UInt8] {
  let parameters = [
    #"{"key":"page_location","value":{"string_value":"https://shop.example/","int_value":null}}"#,
    session.map { #"{"key":"ga_session_id","value":\#($0)}"# },
    #"{"key":"ga_session_number","value":{"int_value":"3"}}"#,
  ].compactMap { $0 }.joined(separator: ",")
  let rows = items.map { #"{"item_id":"\#($0)","item_name":"n","price":1.5}"# }.joined(separator: ",")
  return Array(
    #"{"event_date":"20140407","event_timestamp":\#(timestamp),"event_name":"\#(name)","event_params":[\#(parameters)],"user_id":\#(user),"user_pseudo_id":\#(pseudo),"items":[\#(rows)]}"#
      .utf8)
}

struct GA4Tests {
  private func decode(_ row: [UInt8], types: [String] = []) throws -> (RecordOutcome, [Seen], DecodeCounts) {
    var decoder = try JSONEventDecoder(.ga4, types: types)
    var batch = EventBatch()
    let outcome = decoder.decode(
      row.span, key: Span(), origin: Origin(partition: 0, offset: 5), recordTime: nil, into: &batch)
    return (outcome, batch.seen(), decoder.counts)
  }

  private let expected = Seen(
    session: "77.88.1396860600", item: "sku-1", time: 1_396_860_669_277, user: "77.88", type: "view_item", offset: 5)

  @Test func aRowIsAnEvent() throws {
    #expect(try decode(ga4Row()).1 == [expected])
    #expect(try decode(ga4Row(timestamp: "1396860669276500")).1 == [expected])
    #expect(try decode(ga4Row(session: #"{"int_value":1396860600}"#)).1 == [expected])
    #expect(try decode(ga4Row(session: #"{"int_value":null,"string_value":"1396860600"}"#)).1 == [expected])
    #expect(try decode(ga4Row(user: #""u""#)).1.first?.user == "u")
  }

  @Test func theFirstItemCounts() throws {
    let (_, events, counts) = try decode(ga4Row(name: "purchase", items: ["a", "b", "c"]))
    #expect(events.map(\.item) == ["a"])
    #expect(counts.furtherItems == 1)
    #expect(try decode(ga4Row()).2.furtherItems == 0)
  }

  @Test func whatIsNoChoiceOfAnItemIsIgnored() throws {
    #expect(try decode(ga4Row(name: "page_view", items: [])).0 == .ignored)
    #expect(try decode(ga4Row(items: ["(not set)"])).0 == .ignored)
    #expect(try decode(ga4Row(name: "view_item_list")).0 == .ignored)
    #expect(try decode(ga4Row(name: "remove_from_cart")).0 == .ignored)
    #expect(try decode(ga4Row(name: "view_item_list"), types: ["view_item_list"]).0 == .event)
    #expect(try decode(ga4Row(name: "refund"), types: ["view_item_list"]).0 == .ignored)
    #expect(try decode(ga4Row(), types: ["view_item_list"]).0 == .otherType)
  }

  @Test func withoutConsentThereIsNoSession() throws {
    #expect(try decode(ga4Row(session: nil)).0 == .rejected(.missingSession))
    #expect(try decode(ga4Row(pseudo: "null")).0 == .rejected(.missingSession))
    #expect(try decode(ga4Row(session: #"{"int_value":1.5}"#)).0 == .rejected(.wrongType))
  }

  @Test func aParameterThatStandsTwiceIsMalformed() throws {
    let twice = #"{"int_value":"1"}},{"key":"ga_session_id","value":{"int_value":"2"}"#
    #expect(try decode(ga4Row(session: twice)).0 == .rejected(.malformed))
  }

  @Test func timesAreMicroseconds() throws {
    #expect(try decode(ga4Row(timestamp: "1396860669277")).0 == .rejected(.timeOutOfRange))
    #expect(try decode(ga4Row(timestamp: #""soon""#)).0 == .rejected(.invalidTime))
    #expect(try decode(ga4Row(timestamp: "1396860669277499")).1.first?.time == 1_396_860_669_277)
    #expect(try decode(ga4Row(timestamp: "1.396860669277e15")).1.first?.time == 1_396_860_669_277)
  }

  @Test func usersAsSessionsHaveNoQualifier() throws {
    var mapping = JSONMapping.ga4
    try mapping.keyByUser()
    var decoder = try JSONEventDecoder(mapping, EventSelection())
    var batch = EventBatch()
    decoder.decode(
      ga4Row(session: nil).span, key: Span(), origin: Origin(partition: 0, offset: 0), recordTime: nil, into: &batch)
    #expect(batch.seen().map(\.session) == ["77.88"])
    #expect(mapping.cutsVisits && !JSONMapping.ga4.cutsVisits)
  }

  @Test func steadyStateAllocatesNothing() throws {
    var decoder = try JSONEventDecoder(.ga4, types: ["view_item", "purchase"])
    var batch = EventBatch()
    let rows = [ga4Row(), ga4Row(name: "purchase", items: ["a", "b"]), ga4Row(name: "scroll", items: [])]
    func pass() {
      batch.removeAll()
      for offset in 0..<200 {
        let row = rows[offset % 3]
        decoder.decode(
          row.span, key: Span(), origin: Origin(partition: 0, offset: Int64(offset)), recordTime: nil,
          into: &batch)
      }
    }
    pass()
    guard let control = allocations(in: { batch = EventBatch() }) else { return }
    #expect(control > 0)
    pass()
    #expect(allocations(in: pass) == 0)
  }
}

/// The same rows from a file.
struct GA4FileTests {
  @Test func rowsOfAFileAreKnownByTheirKeys() throws {
    let row = ga4Row()
    let format = try FileFormat.detect(row.span, file: "rows.jsonl")
    #expect(format == .json(.ga4) && !format.cutsVisits)
    let named = try FileFormat(name: "ga4")
    #expect(named == .json(.ga4))
  }
}
