import Testing

@testable import Formats

struct EventRulesTests {
  @Test func textIsWhatTheStandardLibraryTakesForUTF8() {
    var random = SplitMix(state: 2)
    var valid = 0
    for _ in 0..<50_000 {
      var bytes: [UInt8] = []
      for _ in 0..<Int(random.next() % 4) {
        if random.next() % 2 == 0, let scalar = UnicodeScalar(UInt32(random.next() % 0x11_0000)) {
          bytes.append(contentsOf: String(scalar).utf8)
        } else {
          bytes.append(UInt8(truncatingIfNeeded: random.next()))
        }
      }
      let expected = String(validating: bytes, as: UTF8.self) != nil
      #expect(EventRules.isText(bytes.span) == expected)
      valid += expected ? 1 : 0
    }
    #expect(valid > 5000 && valid < 45_000)
  }
}
