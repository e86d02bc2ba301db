/// The headers of one record, copied for a decoder that asks for them. Reused: after the first fill it allocates nothing.
///
/// Bounded: what does not fit (``Limits/headers``, ``Limits/headerBytes``) is left out, as no decoder needs as much.
public struct RecordHeaderView: Sendable {
  private var bytes: [UInt8] = []
  private var entries: [(name: ByteRange, value: ByteRange)] = []

  /// No headers.
  public init() {}

  /// Number of headers.
  public var count: Int { entries.count }

  /// Empties the view and keeps its memory.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
  }

  /// Adds a header; false where it does not fit.
  @discardableResult public mutating func add(name: Span<UInt8>, value: Span<UInt8>) -> Bool {
    guard entries.count < Limits.headers, bytes.count + name.count + value.count <= Limits.headerBytes else {
      return false
    }
    let name = bytes.appendBytes(name)
    entries.append((name, bytes.appendBytes(value)))
    return true
  }

  /// Appends the value of the first header called `name` (lower case; capitals in the record's name don't matter) to `other`;
  /// nil where there is none.
  public func append(_ name: [UInt8], to other: inout [UInt8]) -> ByteRange? {
    for entry in entries where isCalled(name, entry.name) { return other.appendBytes(entry.value, of: bytes) }
    return nil
  }

  /// True where there is a header called `name` (lower case).
  public func contains(_ name: [UInt8]) -> Bool {
    for entry in entries where isCalled(name, entry.name) { return true }
    return false
  }

  private func isCalled(_ name: [UInt8], _ range: ByteRange) -> Bool {
    guard name.count == Int(range.count) else { return false }
    var index = Int(range.start)
    for expected in name {
      let byte = bytes[index]
      let lowered = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
      if lowered != expected { return false }
      index += 1
    }
    return true
  }
}
