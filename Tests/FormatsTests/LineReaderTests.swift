import Events
import Formats
import Testing

struct LineReaderTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func lines(_ path: String) throws -> [(number: Int, text: [UInt8], count: Int)] {
    var reader = LineReader()
    try reader.open(path)
    var lines: [(number: Int, text: [UInt8], count: Int)] = []
    while let line = try reader.next() {
      lines.append((reader.number, Array(reader.bytes[line.range]), line.count))
    }
    #expect(try reader.next() == nil)
    return lines
  }

  /// Lines of all lengths, over the ends of what is read at once, against plain splitting.
  @Test(arguments: [1, 2, 3], ["\n", "\r\n"])
  func anyLengths(seed: UInt64, ending: String) throws {
    var random = SplitMix(state: seed)
    var expected: [[UInt8]] = []
    var total = 0
    while total < 6_000_000 {
      let count: Int
      switch random.next() % 8 {
      case 0: count = 0
      case 1...4: count = Int(random.next() % 200)
      case 5: count = Int(random.next() % 300_000)
      case 6: count = Limits.recordBytes - 2 + Int(random.next() % 5)
      default: count = (256 << 10) - 2 + Int(random.next() % 5)
      }
      let letter = UInt8(ascii: "a") + UInt8(random.next() % 26)
      expected.append([UInt8](repeating: letter, count: count))
      total += count
    }
    expected.append(Array("end".utf8))
    let bytes = Array(expected.joined(separator: Array(ending.utf8)))
    for ends in [false, true] {
      let path = try directory.file("lines-\(ends)", ends ? bytes + Array(ending.utf8) : bytes)
      let seen = try lines(path)
      #expect(seen.map(\.number) == Array(1...expected.count))
      let agree = zip(seen, expected).allSatisfy { seen, line in
        let isTooLong = line.count > Limits.recordBytes
        return isTooLong
          ? seen.count > Limits.recordBytes && seen.text == Array(line.prefix(Limits.deadLetterBytes))
          : seen.count == line.count && seen.text == line
      }
      #expect(agree)
    }
  }

  @Test func smallFiles() throws {
    for (text, expected) in [
      ("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\r\n\r\nb", ["a", "", "b"]),
      ("\u{FEFF}a\n\u{FEFF}", ["a", "\u{FEFF}"]),
      ("\u{FEFF}", []), ("\r", [""]), ("a\rb\n", ["a\rb"]),
    ] {
      #expect(try lines(directory.file("small", text)).map { String(decoding: $0.text, as: UTF8.self) } == expected)
    }
  }

  @Test func longLineInOnePiece() throws {
    let path = try directory.file("long", [UInt8](repeating: 65, count: 5 * Limits.recordBytes))
    let seen = try lines(path)
    #expect(seen.count == 1 && seen[0].count == 5 * Limits.recordBytes && seen[0].text.count == Limits.deadLetterBytes)
  }
}
