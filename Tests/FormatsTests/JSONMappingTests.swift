import Events
import Formats
import Testing

struct JSONMappingTests {
  private let time: EventTime = 1_396_860_669_277

  private func decode(
    _ record: String, _ mapping: JSONMapping, _ selection: EventSelection = EventSelection()
  ) throws -> (outcome: RecordOutcome, events: [Seen], counts: DecodeCounts) {
    var decoder = try JSONEventDecoder(mapping, selection)
    var batch = EventBatch()
    let outcome = decoder.decode(
      Array(record.utf8).span, key: Span(), origin: Origin(partition: 0, offset: 5), recordTime: nil, into: &batch)
    return (outcome, batch.seen(), decoder.counts)
  }

  @Test func fieldsReplaceThoseOfAnyFormat() throws {
    var mapping = JSONMapping.segment
    try mapping.replace("session", with: "$.context.sessionId")
    try mapping.replace("item", with: "$.properties.products[0].sku")
    let record =
      #"{"type":"track","event":"Order Completed","context":{"sessionId":17},"userId":"u","timestamp":"2014-04-07T08:51:09.277Z","properties":{"products":[{"sku":"i"}]}}"#
    #expect(
      try decode(record, mapping).events == [
        Seen(session: "17", item: "i", time: time, user: "u", type: "Order Completed", offset: 5)
      ])
    #expect(throws: FormatsFailure.self) { try mapping.replace("colour", with: "$.a") }
    #expect(throws: FormatsFailure.self) { try mapping.replace("item", with: "$") }
    #expect(throws: FormatsFailure.self) { try mapping.replace("time_unit", with: "min") }
    #expect(throws: FormatsFailure.self) { try mapping.replace("time_unit", with: "iso") }
    for name in JSONMapping.fieldNames where name != "time_unit" { try mapping.replace(name, with: "$.x") }
  }

  @Test func entriesOfListsAreToldByAText() throws {
    var mapping = JSONMapping.native
    try mapping.replace("session", with: "$.tags[?@.name=='sid'].value")
    let record =
      #"{"tags":[1,null,{"name":7},{"name":"x","value":"no"},{"name":"sid","value":"s"}],"item":"i","time":1396860669277}"#
    #expect(try decode(record, mapping).events.first?.session == "s")
    #expect(try decode(record.replacing("sid", with: "did"), mapping).outcome == .rejected(.missingSession))
    #expect(
      try decode(#"{"tags":{"name":"sid","value":"s"},"item":"i","time":1}"#, mapping).outcome
        == .rejected(.missingSession))
    for bad in ["$.a[?@.b]", "$.a[?@.=='x']", "$.a[?b=='x']", "$.a[?@.b=='x]", "$.a[?@.b==x]"] {
      #expect(throws: FormatsFailure.self) { try mapping.replace("session", with: bad) }
    }
  }

  @Test(arguments: [
    ("s", "1396860669"), ("s", "1396860669.0"), ("s", #""1396860669""#), ("us", "1396860669000000"),
    ("auto", "1396860669"),
    ("auto", "1396860669000"), ("auto", "1396860669000000"), ("auto", #""1396860669000000""#), ("ms", "1396860669000"),
    ("auto", #""2014-04-07T08:51:09Z""#), ("s", #""2014-04-07T08:51:09Z""#), ("auto", "1396860669.0"),
    ("us", "1.396860669e15"),
  ])
  func unitsOfTimes(unit: String, text: String) throws {
    var mapping = JSONMapping.native
    try mapping.replace("time_unit", with: unit)
    let found = try decode(#"{"session":"s","item":"i","time":\#(text)}"#, mapping)
    #expect(found.events.first?.time == 1_396_860_669_000, "\(found.outcome)")
  }

  @Test func timesBeyondAnyUnitAreOutOfRange() throws {
    for unit in ["s", "us", "auto"] {
      var mapping = JSONMapping.native
      try mapping.replace("time_unit", with: unit)
      for text in ["9223372036854775807", "-9223372036854775808", "1e300", "-1e300", "18446744073709551615"] {
        let outcome = try decode(#"{"session":"s","item":"i","time":\#(text)}"#, mapping).outcome
        #expect(outcome == .rejected(.timeOutOfRange), "\(unit) \(text)")
      }
    }
  }

  @Test func fractionsOfSecondsRound() throws {
    var mapping = JSONMapping.native
    try mapping.replace("time_unit", with: "s")
    #expect(try decode(#"{"session":"s","item":"i","time":1396860669.2766}"#, mapping).events.first?.time == time)
    #expect(try decode(#"{"session":"s","item":"i","time":"1396860669.2766"}"#, mapping).events.first?.time == time)
  }

  @Test func usersAsSessions() throws {
    var mapping = JSONMapping.native
    try mapping.keyByUser()
    let record = #"{"session":"s","user":"u","item":"i","time":1396860669277}"#
    #expect(try decode(record, mapping).events.map(\.session) == ["u"])
    #expect(try decode(#"{"session":"s","item":"i","time":1}"#, mapping).outcome == .rejected(.missingSession))
    var without = try JSONMapping(parsing: "session=a,item=b")
    #expect(throws: FormatsFailure.self) { try without.keyByUser() }
  }

  @Test func typesAreAcceptedIgnoredOrOther() throws {
    var selection = EventSelection()
    selection.types = ["click", "buy"]
    selection.ignoredTypes = ["scroll"]
    var decoder = try JSONEventDecoder(.native, selection)
    var batch = EventBatch()
    for type in ["\"click\"", "\"buy\"", "\"scroll\"", "\"clik\"", "\"\"", "null", "\"Click\"", "7"] {
      let record = #"{"session":"s","item":"i","time":1396860669277,"type":\#(type)}"#
      decoder.decode(
        Array(record.utf8).span, key: Span(), origin: Origin(partition: 0, offset: 0), recordTime: nil, into: &batch)
    }
    #expect(batch.seen().map(\.type) == ["click", "buy"])
    #expect(batch.rejections.isEmpty)
    #expect(decoder.counts.events == 2 && decoder.counts.ignored == 1 && decoder.counts.otherTypes == 5)
  }

  @Test func whatIsNotWantedMayLookAsItLikes() throws {
    var selection = EventSelection()
    selection.ignoredTypes = ["search"]
    let record = #"{"type":"search","item":{"query":"tent"},"session":[],"time":true}"#
    #expect(try decode(record, .native, selection).outcome == .ignored)
    #expect(try decode(record, .native).outcome == .rejected(.wrongType))
    selection.ignoredTypes = []
    selection.types = ["click"]
    #expect(try decode(record, .native, selection).outcome == .otherType)
    #expect(try decode(#"{"type":{}}"#, .native, selection).outcome == .rejected(.wrongType))
  }
}
