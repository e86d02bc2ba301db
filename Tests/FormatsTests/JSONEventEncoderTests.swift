import Events
import Formats
import Testing

@Suite struct JSONEventEncoderTests {
  private func encode(_ session: String, _ item: String, _ time: EventTime, user: String = "", type: String = "")
    -> [UInt8]
  {
    var batch = EventBatch()
    func add(_ text: String) -> ByteRange { text.isEmpty ? .empty : batch.bytes.appendBytes(Array(text.utf8).span) }
    batch.append(
      Event(
        session: add(session), item: add(item), user: add(user), type: add(type), time: time,
        origin: Origin(partition: 0, offset: 0)))
    var bytes: [UInt8] = []
    JSONEventEncoder().encode(batch.events[0], of: batch.bytes, into: &bytes)
    return bytes
  }

  @Test func whatIsAbsentIsLeftOut() {
    #expect(
      String(decoding: encode("s", "i", 1_700_000_000_001), as: UTF8.self)
        == #"{"session":"s","item":"i","time":1700000000001}"#)
    #expect(
      String(decoding: encode("s", "i", 1_700_000_000_001, user: "u", type: "click"), as: UTF8.self)
        == #"{"session":"s","item":"i","time":1700000000001,"user":"u","type":"click"}"#)
  }

  @Test(arguments: [
    "plain", "\"quoted\" \\ back", "tab\tline\nnull\u{0}", "häßlich 🛒", "{}[],:", String(repeating: "x", count: 256),
  ])
  func whatIsWrittenIsReadBack(id: String) throws {
    let bytes = encode(id, id, 1_400_000_000_000, user: id, type: id)
    var decoder = try JSONEventDecoder()
    var batch = EventBatch()
    decoder.decode(
      bytes.span, key: Span(), origin: Origin(partition: 0, offset: 0), recordTime: 1_400_000_000_000, into: &batch)
    let event = try #require(batch.events.first)
    for range in [event.session, event.item, event.user, event.type] { #expect(batch.bytes.text(range) == id) }
    #expect(event.time == 1_400_000_000_000)
    #expect(decoder.counts.clampedTimes == 0)
  }
}
