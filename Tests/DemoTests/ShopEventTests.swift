import Demo
import Events
import Testing

@Suite struct ShopEventTests {
  let shop = Shop(seed: 1)

  private func text(_ write: (inout [UInt8]) -> Void) -> String {
    var bytes: [UInt8] = []
    write(&bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func writesTheNativeForm() {
    let event = ShopEvent(session: 0x12_3456_789A_BCDE, item: 42, time: 1_772_438_400_007)
    #expect(event.sessionID == "s3456789abcde")
    #expect(
      text { event.appendJSON(of: shop, to: &$0) }
        == "{\"session\":\"s3456789abcde\",\"item\":\"\(shop.id(of: 42))\",\"time\":1772438400007}")
  }

  @Test func writesRowsWithSeconds() {
    #expect(ShopEvent.tsvHeader == "SessionId\tItemId\tTime\n")
    for (time, seconds) in [(0, "0.000"), (7, "0.007"), (1_772_438_400_120, "1772438400.120"), (9_999, "9.999")] {
      let event = ShopEvent(session: 10, item: 999, time: EventTime(time))
      #expect(
        text { event.appendTSV(of: shop, to: &$0) } == "s00000000000a\t\(shop.id(of: 999))\t\(seconds)\n")
    }
  }
}
