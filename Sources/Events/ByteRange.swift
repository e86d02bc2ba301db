/// A run of bytes in an arena: of an ``EventBatch``, a ``PredictionBatch``, a ``SessionReadout`` or ``SessionAppends``.
///
/// Ranges instead of strings keep the path of a click free of allocations.
public struct ByteRange: Sendable, BitwiseCopyable, Hashable {
  /// Position of the first byte in the arena.
  public var start: Int32
  /// Number of bytes.
  public var count: Int32

  /// A range of `count` bytes from `start`.
  public init(start: Int, count: Int) {
    self.start = Int32(truncatingIfNeeded: start)
    self.count = Int32(truncatingIfNeeded: count)
  }

  /// A range without bytes: what is absent.
  public static let empty = ByteRange(start: 0, count: 0)

  /// True where there are no bytes.
  public var isEmpty: Bool { count == 0 }

  /// The positions as a range of array indices.
  public var indices: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

extension Array where Element == UInt8 {
  /// Appends `bytes` and says where they stand.
  public mutating func appendBytes(_ bytes: Span<UInt8>) -> ByteRange {
    let start = count
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    return ByteRange(start: start, count: bytes.count)
  }

  /// Appends the bytes of `range` in `other` and says where they stand.
  public mutating func appendBytes(_ range: ByteRange, of other: [UInt8]) -> ByteRange {
    let source = other.span
    return appendBytes(source.extracting(range.indices))
  }

  /// The bytes of `range` as text; bytes that are not UTF-8 become U+FFFD. Allocates: for messages and tests.
  public func text(_ range: ByteRange) -> String {
    String(decoding: self[range.indices], as: UTF8.self)
  }
}
