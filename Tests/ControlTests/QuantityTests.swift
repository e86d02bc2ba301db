import Testing

@testable import Control

@Suite struct QuantityTests {
  @Test(arguments: [("250ms", 250), ("2s", 2000), ("5m", 300_000), ("24h", 86_400_000), ("7d", 604_800_000), ("0s", 0)])
  func durationsAreRead(text: String, milliseconds: Int64) throws {
    #expect(try Quantity.milliseconds(text) == milliseconds)
    #expect(try Quantity.milliseconds(Quantity.text(milliseconds: milliseconds)) == milliseconds)
  }

  @Test(arguments: [("64KiB", 65536), ("1GiB", 1 << 30), ("100MB", 100_000_000), ("0B", 0), ("17B", 17), ("3kB", 3000)])
  func sizesAreRead(text: String, bytes: Int) throws {
    #expect(try Quantity.bytes(text) == bytes)
    #expect(try Quantity.bytes(Quantity.text(bytes: bytes)) == bytes)
  }

  @Test(arguments: ["", "5", "s", "5 s", "-5s", "5S", "1.5h", "5mm", "9223372036854775807d", "٣s", "+5s"])
  func whatIsNoDurationIsRefused(text: String) {
    #expect(throws: ValueProblem.self) { try Quantity.milliseconds(text) }
  }

  @Test(arguments: ["", "64", "64kib", "GiB", "-1B", "9223372036854775807TiB"])
  func whatIsNoSizeIsRefused(text: String) {
    #expect(throws: ValueProblem.self) { try Quantity.bytes(text) }
  }

  @Test func theLargestWholeUnitIsWritten() {
    #expect(Quantity.text(milliseconds: 86_400_000) == "1d")
    #expect(Quantity.text(milliseconds: 1_800_000) == "30m")
    #expect(Quantity.text(milliseconds: 1500) == "1500ms")
    #expect(Quantity.text(milliseconds: 0) == "0s")
    #expect(Quantity.text(bytes: 1 << 30) == "1GiB")
    #expect(Quantity.text(bytes: 100_000_000) == "100000000B")
  }
}
