/// A strict, forward-only reader of JSON (RFC 8259) in memory. It refuses duplicate keys, bytes that are not UTF-8, and
/// depth beyond ``maximumDepth``; it never allocates more than a small multiple of the bytes that it read.
struct JSONScanner {
  static let maximumDepth = 32

  let file: String
  private let bytes: [UInt8]
  private let start: Int
  private let end: Int
  private let firstLine: Int
  private var position: Int
  private var depth = 0

  /// A scanner of `bytes`, or of `range` of them, which begins on line `firstLine` of `file`.
  init(_ bytes: [UInt8], range: Range<Int>? = nil, file: String, firstLine: Int = 1) {
    self.bytes = bytes
    self.file = file
    self.firstLine = firstLine
    start = range?.lowerBound ?? 0
    end = range?.upperBound ?? bytes.count
    position = start
  }

  /// An object that is being read; remembers its keys.
  struct Keys {
    fileprivate var seen: Set<String> = []
  }

  /// Reads `{`.
  mutating func beginObject() throws(ModelFailure) -> Keys {
    try enter("{", "an object, {")
    return Keys()
  }

  /// Reads the next key and its colon; nil, and `}` is read, where there is none.
  mutating func nextKey(_ keys: inout Keys) throws(ModelFailure) -> String? {
    if skipsSpace(then: "}") {
      depth -= 1
      return nil
    }
    if !keys.seen.isEmpty { try expect(",", "a comma or }") }
    skipSpace()
    let keyPosition = position
    let key = try string("a key in quotes")
    guard keys.seen.insert(key).inserted else {
      throw .duplicateKey(file: file, place: place(of: keyPosition), key: key)
    }
    try expect(":", "a colon after the key")
    return key
  }

  /// Reads `[`.
  mutating func beginArray() throws(ModelFailure) { try enter("[", "an array, [") }

  /// True where element `index` follows, its comma read; false, and `]` is read, where the array ends.
  mutating func hasElement(_ index: Int) throws(ModelFailure) -> Bool {
    if skipsSpace(then: "]") {
      depth -= 1
      return false
    }
    if index > 0 { try expect(",", "a comma or ]") }
    return true
  }

  /// Reads a string.
  mutating func string(_ expected: String = "a string in quotes") throws(ModelFailure) -> String {
    try expect("\"", expected)
    let first = position
    while position < end, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\") {
      if bytes[position] < 0x20 { throw fault("no bare control character in a string") }
      position += 1
    }
    if position < end, bytes[position] == UInt8(ascii: "\\") { return try escapedString(from: first) }
    guard position < end else { throw fault("the string's closing quote") }
    position += 1
    return try text(Array(bytes[first..<position - 1]))
  }

  /// Reads any value.
  mutating func value() throws(ModelFailure) -> JSONValue {
    skipSpace()
    switch position < end ? bytes[position] : 0 {
    case UInt8(ascii: "{"):
      var keys = try beginObject()
      var members: [JSONValue.Member] = []
      while let key = try nextKey(&keys) { members.append(JSONValue.Member(key: key, value: try value())) }
      return .object(members)
    case UInt8(ascii: "["):
      try beginArray()
      var elements: [JSONValue] = []
      while try hasElement(elements.count) { elements.append(try value()) }
      return .array(elements)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: return try number()
    }
  }

  /// Reads any value and forgets it.
  mutating func skipValue() throws(ModelFailure) {
    skipSpace()
    switch position < end ? bytes[position] : 0 {
    case UInt8(ascii: "{"):
      var keys = try beginObject()
      while try nextKey(&keys) != nil { try skipValue() }
    case UInt8(ascii: "["):
      try beginArray()
      var index = 0
      while try hasElement(index) {
        try skipValue()
        index += 1
      }
    default: _ = try value()
    }
  }

  /// Checks that nothing but white space is left.
  mutating func finish() throws(ModelFailure) {
    skipSpace()
    if position < end { throw fault("the end") }
  }

  /// What is wrong at the present position.
  func fault(_ expected: String) -> ModelFailure {
    let found =
      if position >= end {
        "the end"
      } else if bytes[position] > 0x20 && bytes[position] < 0x7F {
        "`\(Character(Unicode.Scalar(bytes[position])))`"
      } else {
        "byte 0x\(String(bytes[position], radix: 16, uppercase: true))"
      }
    return .malformed(file: file, place: place(of: position), expected: expected, found: found)
  }

  /// Counts lines up to `position`: for faults only.
  private func place(of position: Int) -> String {
    var line = firstLine
    var lineStart = start
    for index in start..<min(position, end) where bytes[index] == UInt8(ascii: "\n") {
      line += 1
      lineStart = index + 1
    }
    return "line \(line), column \(position - lineStart + 1)"
  }

  private mutating func enter(_ byte: Unicode.Scalar, _ expected: String) throws(ModelFailure) {
    try expect(byte, expected)
    depth += 1
    if depth > Self.maximumDepth { throw fault("at most \(Self.maximumDepth) levels of nesting") }
  }

  private mutating func skipSpace() {
    while position < end {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func skipsSpace(then scalar: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < end, bytes[position] == UInt8(ascii: scalar) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ scalar: Unicode.Scalar, _ expected: String) throws(ModelFailure) {
    if !skipsSpace(then: scalar) { throw fault(expected) }
  }

  private func text(_ content: [UInt8]) throws(ModelFailure) -> String {
    guard let text = String(validating: content, as: UTF8.self) else { throw fault("UTF-8 in the string before") }
    return text
  }

  private mutating func literal(_ word: String, _ value: JSONValue) throws(ModelFailure) -> JSONValue {
    let next = position + word.utf8.count
    guard next <= end, bytes[position..<next].elementsEqual(word.utf8) else { throw fault(word) }
    position = next
    return value
  }
}

// MARK: - Escapes and numbers

extension JSONScanner {
  /// The rest of a string that began at `first`; a backslash stands at the present position.
  private mutating func escapedString(from first: Int) throws(ModelFailure) -> String {
    var content = Array(bytes[first..<position])
    while position < end {
      let byte = bytes[position]
      if byte < 0x20 { throw fault("no bare control character in a string") }
      position += 1
      if byte == UInt8(ascii: "\"") { return try text(content) }
      if byte == UInt8(ascii: "\\") { try appendEscape(to: &content) } else { content.append(byte) }
    }
    throw fault("the string's closing quote")
  }

  private mutating func appendEscape(to content: inout [UInt8]) throws(ModelFailure) {
    guard position < end else { throw fault("an escape") }
    switch bytes[position] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(bytes[position])
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      position += 1
      content.append(contentsOf: String(Character(try unicodeEscape())).utf8)
      return
    default: throw fault(#"one of "\/bfnrtu after a backslash"#)
    }
    position += 1
  }

  private mutating func unicodeEscape() throws(ModelFailure) -> Unicode.Scalar {
    let unit = try hexadecimal()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    let isPair = position + 1 < end && bytes[position] == UInt8(ascii: "\\") && bytes[position + 1] == UInt8(ascii: "u")
    guard unit < 0xDC00, isPair else { throw fault("the second half of a surrogate pair") }
    position += 2
    let second = try hexadecimal()
    guard (0xDC00...0xDFFF).contains(second),
      let scalar = Unicode.Scalar(0x1_0000 + (unit - 0xD800) << 10 + (second - 0xDC00))
    else { throw fault("the second half of a surrogate pair before") }
    return scalar
  }

  private mutating func hexadecimal() throws(ModelFailure) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < end, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
        throw fault("four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private mutating func number() throws(ModelFailure) -> JSONValue {
    let first = position
    if position < end, bytes[position] == UInt8(ascii: "-") { position += 1 }
    let integer = position
    guard digits() > 0 else { throw fault("a value") }
    if bytes[integer] == UInt8(ascii: "0") && position - integer > 1 { throw fault("no leading zero in a number") }
    var isInteger = true
    if position < end, bytes[position] == UInt8(ascii: ".") {
      position += 1
      isInteger = false
      guard digits() > 0 else { throw fault("a digit after the point") }
    }
    if position < end, bytes[position] | 0x20 == UInt8(ascii: "e") {
      position += 1
      isInteger = false
      if position < end, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") { position += 1 }
      guard digits() > 0 else { throw fault("a digit in the exponent") }
    }
    let text = String(decoding: bytes[first..<position], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw fault("a number within the range of fp64 before") }
    return .real(value)
  }

  private mutating func digits() -> Int {
    let first = position
    while position < end, bytes[position] >= UInt8(ascii: "0"), bytes[position] <= UInt8(ascii: "9") { position += 1 }
    return position - first
  }
}

/// A JSON value.
enum JSONValue: Sendable, Equatable {
  /// A key and what it stands for.
  struct Member: Sendable, Equatable {
    let key: String
    let value: JSONValue
  }

  case null
  case bool(Bool)
  /// A number without point and exponent that fits.
  case integer(Int)
  case real(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// The value for a message.
  var summary: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .real(let value): "\(value)"
    case .string(let value): quoted(value)
    case .array(let elements): "an array of \(elements.count)"
    case .object: "an object"
    }
  }
}
