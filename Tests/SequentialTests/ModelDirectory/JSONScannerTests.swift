import Testing

@testable import Sequential

@Suite("The strict JSON scanner")
struct JSONScannerTests {
  private func value(_ text: String) throws(ModelFailure) -> JSONValue {
    var scanner = JSONScanner(Array(text.utf8), file: "test.json")
    let value = try scanner.value()
    try scanner.finish()
    return value
  }

  @Test(
    "values",
    arguments: [
      ("null", JSONValue.null), (" true\n", .bool(true)), ("false", .bool(false)), ("-0", .integer(0)),
      ("12", .integer(12)), ("1.0", .real(1)), ("1e-3", .real(1e-3)), ("-2.5E+2", .real(-250)),
      ("9223372036854775807", .integer(Int.max)), ("9223372036854775808", .real(0x1p63)),
      (#""""#, .string("")), (#""a\"\\\/\b\f\n\r\t""#, .string("a\"\\/\u{8}\u{C}\n\r\t")),
      (#""\u00e4\ud83d\ude00é""#, .string("ä😀é")), ("[]", .array([])),
      ("[1, [2]]", .array([.integer(1), .array([.integer(2)])])),
      ("{}", .object([])),
      (
        #"{"a" : {"b":1} , "c":[]}"#,
        .object([
          .init(key: "a", value: .object([.init(key: "b", value: .integer(1))])), .init(key: "c", value: .array([])),
        ])
      ),
    ])
  func values(text: String, expected: JSONValue) throws {
    #expect(try value(text) == expected)
    var scanner = JSONScanner(Array(text.utf8), file: "test.json")
    try scanner.skipValue()
    try scanner.finish()
  }

  @Test(
    "what is not JSON is refused",
    arguments: [
      "", " ", "nul", "True", "NaN", "Infinity", "-", "01", "1.", ".5", "1e", "1e+", "+1", "1e999", "1 2", "[1,]",
      "[,1]",
      "[1 2]", "[1", "{", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":1 "b":2}"#, "{1:2}", "\"a", "\"a\nb\"",
      #""\x""#, #""\u12""#, #""\ud800""#, #""\ud800\u0041""#, #""\udc00""#, #""\u+123""#, "'a'", "// a\n1", "1]", "}",
    ])
  func refused(text: String) { #expect(throws: ModelFailure.self) { try value(text) } }

  @Test("bytes that are not UTF-8 are refused")
  func invalidText() {
    for bytes in [[0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xFF], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]] {
      #expect(throws: ModelFailure.self) {
        var scanner = JSONScanner([0x22] + bytes + [0x22], file: "test.json")
        _ = try scanner.value()
      }
    }
  }

  @Test("a key may stand only once, at any depth")
  func duplicateKeys() {
    #expect(throws: ModelFailure.duplicateKey(file: "test.json", place: "line 2, column 5", key: "a")) {
      try value("{\"x\": {\"a\": 1,\n    \"\\u0061\": 2}}")
    }
  }

  @Test("depth is bounded")
  func depth() throws {
    let most = JSONScanner.maximumDepth
    _ = try value(String(repeating: "[", count: most) + String(repeating: "]", count: most))
    #expect(throws: ModelFailure.self) { try value(String(repeating: "[", count: most + 1)) }
    #expect(throws: ModelFailure.self) { try value(String(repeating: "[{\"a\":", count: 1_000_000)) }
  }

  @Test("a fault names line, column, what was expected and found")
  func place() {
    let failure = ModelFailure.malformed(
      file: "test.json", place: "line 2, column 8", expected: "a comma or }", found: "`x`")
    #expect(throws: failure) { try value("{\n  \"a\":1x}") }
    #expect(failure.description == "test.json, line 2, column 8: expected a comma or }, found `x`.")
  }
}
