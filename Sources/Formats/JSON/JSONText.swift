internal import Events

extension [UInt8] {
  /// Escapes what stands from `start` on, so that it can stand in a JSON string. Bytes that are not UTF-8 become U+FFFD.
  mutating func escapeJSON(from start: Int) {
    let (isPlain, isASCII) = scanForJSON(from: start)
    if !isASCII, !EventRules.isText(span.extracting(start..<count)) {
      // Never from our decoders, which reject such ids; a catalogue may hold one.
      let mended = Array(String(decoding: self[start...], as: UTF8.self).utf8)
      removeLast(count - start)
      append(contentsOf: mended)
    }
    if !isPlain { escapeInPlace(from: start) }
  }

  /// Whether what stands from `start` on needs no escapes, and whether it is ASCII.
  private func scanForJSON(from start: Int) -> (isPlain: Bool, isASCII: Bool) {
    let text = span.extracting(start..<count)
    var isPlain = true
    var highest: UInt8 = 0
    for index in text.indices {
      let byte = text[index]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { isPlain = false }
      highest |= byte
    }
    return (isPlain, highest < 0x80)
  }

  private mutating func escapeInPlace(from start: Int) {
    // Walking backwards from the new end, each byte moves once and nothing is copied aside.
    var extra = 0
    for index in start..<count { extra += Self.extraBytes(self[index]) }
    var read = count - 1
    append(contentsOf: repeatElement(0, count: extra))
    var write = count - 1
    while read >= start, write > read {
      let byte = self[read]
      read -= 1
      switch Self.extraBytes(byte) {
      case 0:
        self[write] = byte
        write -= 1
      case 1:
        self[write] = Self.short(byte)
        self[write - 1] = UInt8(ascii: "\\")
        write -= 2
      default:
        self[write] = Self.hexadecimal(byte & 15)
        self[write - 1] = Self.hexadecimal(byte >> 4)
        self[write - 2] = UInt8(ascii: "0")
        self[write - 3] = UInt8(ascii: "0")
        self[write - 4] = UInt8(ascii: "u")
        self[write - 5] = UInt8(ascii: "\\")
        write -= 6
      }
    }
  }

  /// Bytes that escaping adds to `byte`.
  private static func extraBytes(_ byte: UInt8) -> Int {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), 8, 9, 10, 12, 13: 1
    case 0..<0x20: 5
    default: 0
    }
  }

  private static func short(_ byte: UInt8) -> UInt8 {
    switch byte {
    case 8: UInt8(ascii: "b")
    case 9: UInt8(ascii: "t")
    case 10: UInt8(ascii: "n")
    case 12: UInt8(ascii: "f")
    case 13: UInt8(ascii: "r")
    default: byte
    }
  }

  private static func hexadecimal(_ digit: UInt8) -> UInt8 {
    digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
  }

  /// Appends `range` of `other` as a JSON string, quotes included.
  mutating func appendJSON(_ range: ByteRange, of other: [UInt8]) {
    append(UInt8(ascii: "\""))
    let start = count
    _ = appendBytes(range, of: other)
    escapeJSON(from: start)
    append(UInt8(ascii: "\""))
  }

  /// Appends `text` as a JSON string, quotes included.
  mutating func appendJSON(_ text: String) {
    append(UInt8(ascii: "\""))
    let start = count
    append(contentsOf: text.utf8)
    escapeJSON(from: start)
    append(UInt8(ascii: "\""))
  }
}
