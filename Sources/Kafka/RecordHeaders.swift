import Events

/// The headers of a record to be produced. Reused: after the first fill it allocates nothing.
public struct RecordHeaders: Sendable {
  private(set) var bytes: [UInt8] = []
  private(set) var entries: [(name: ByteRange, value: ByteRange)] = []

  /// No headers.
  public init() {}

  /// Empties the headers and keeps their memory.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
  }

  /// Adds a header.
  public mutating func add(_ name: StaticString, _ value: [UInt8]) {
    entries.append((appendName(name), bytes.appendBytes(value.span)))
  }

  /// Adds a header whose value is text.
  public mutating func add(_ name: StaticString, _ value: String) {
    let name = appendName(name)
    let start = bytes.count
    bytes.append(contentsOf: value.utf8)
    entries.append((name, ByteRange(start: start, count: bytes.count - start)))
  }

  /// Adds a header whose value is a number in decimal digits.
  public mutating func add(_ name: StaticString, _ value: Int64) {
    let name = appendName(name)
    let start = bytes.count
    bytes.appendDecimal(value)
    entries.append((name, ByteRange(start: start, count: bytes.count - start)))
  }

  private mutating func appendName(_ name: StaticString) -> ByteRange {
    let start = bytes.count
    name.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    return ByteRange(start: start, count: bytes.count - start)
  }
}
