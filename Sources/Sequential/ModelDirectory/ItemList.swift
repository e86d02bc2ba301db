public import Events

/// Reads `items.txt`: one external id a line, line n (from 0) is row n of the catalogue.
public enum ItemList {
  /// The vocabulary of `count` ids in `bytes`; errors name the line in `file`, from 1.
  public static func parse(
    bytes: [UInt8], count: Int, file: String = "items.txt"
  ) throws(ModelFailure) -> Vocabulary {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw .invalidLine(file: file, line: 1, expected: "an item id", found: "a byte order mark before it")
    }
    var ids: [[UInt8]] = []
    var lines = LineCutter(bytes)
    while let line = lines.next() {
      guard ids.count < count else {
        throw .unreadable(file: file, expected: "\(count) lines, the item_count of config.json", found: "more")
      }
      let id = Array(bytes[line])
      if let fault = foundFault(in: id) {
        throw .invalidLine(
          file: file, line: ids.count + 1, expected: "an item id in UTF-8, 1 to \(Limits.itemBytes) bytes", found: fault
        )
      }
      ids.append(id)
    }
    guard ids.count == count else {
      throw .unreadable(
        file: file, expected: "\(count) lines, the item_count of config.json", found: "\(ids.count)")
    }
    if let vocabulary = Vocabulary(ids) { return vocabulary }
    guard let fault = Vocabulary.firstFault(in: ids) else {
      throw .unreadable(file: file, expected: "less than 2 GiB of item ids", found: "\(bytes.count) bytes")
    }
    throw .invalidLine(
      file: file, line: fault.row + 1, expected: "an id that no other line has",
      found: "\(quoted(String(decoding: ids[fault.row], as: UTF8.self))), which \(fault.why)")
  }

  /// Why `id` can't be a line of `items.txt`, and so no item of a model that is written; nil where it can.
  public static func fault(in id: [UInt8]) -> String? {
    if id.contains(0x0A) { return "an id with a line feed" }
    if id.contains(0x0D) { return "an id with a carriage return" }
    if id.starts(with: [0xEF, 0xBB, 0xBF]) { return "an id that begins with a byte order mark" }
    return foundFault(in: id)
  }

  private static func foundFault(in id: [UInt8]) -> String? {
    if id.isEmpty { return "an empty line" }
    if id.count > Limits.itemBytes { return "\(id.count) bytes" }
    if id.last == 0x0D { return "a carriage return at its end (use plain newlines)" }
    if String(validating: id, as: UTF8.self) == nil { return "bytes that are not UTF-8" }
    return nil
  }
}

/// Cuts bytes into lines; the newline after the last one may be missing.
struct LineCutter {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The next line without its newline; nil at the end.
  mutating func next() -> Range<Int>? {
    guard position < bytes.count else { return nil }
    let start = position
    while position < bytes.count, bytes[position] != 0x0A { position += 1 }
    let line = start..<position
    position += 1
    return line
  }
}
