/// Memory for kernels: `count` elements, 64-byte aligned, zeroed at creation, never resized.
///
/// Kernels take these buffers; their addresses stay inside this module.
@safe public struct AlignedBuffer<Element: BitwiseCopyable>: ~Copyable {
  /// Number of elements.
  public let count: Int
  let base: UnsafeMutablePointer<Element>

  /// A buffer of `count` elements of value `initial`.
  public init(count: Int, repeating initial: Element) {
    precondition(count >= 0)
    self.count = count
    // A cache line more than asked for: vector loads at the end may read, but never use, what lies behind.
    let bytes = count * MemoryLayout<Element>.stride + 64
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    unsafe raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    unsafe base = raw.bindMemory(to: Element.self, capacity: count)
    unsafe base.update(repeating: initial, count: count)
  }

  deinit { unsafe base.deallocate() }

  /// The element at `index`.
  public subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count)
      return unsafe base[index]
    }
    set {
      precondition(index >= 0 && index < count)
      unsafe base[index] = newValue
    }
  }
}

extension AlignedBuffer where Element == Float {
  /// A buffer that holds `values`.
  public init(_ values: [Float]) {
    self.init(count: values.count, repeating: 0)
    for index in 0..<values.count { self[index] = values[index] }
  }

  /// A copy of elements `range`. Allocates: for tests and reports.
  public func values(_ range: Range<Int>) -> [Float] { range.map { self[$0] } }
}

// The memory is owned alone, and no address leaves the module.
extension AlignedBuffer: @unchecked Sendable where Element: Sendable {}

/// A read-only matrix of fp32, `[rows, columns]`, row-major, shared by all workers.
public final class Matrix: Sendable {
  /// Number of rows.
  public let rows: Int
  /// Number of columns.
  public let columns: Int
  let storage: AlignedBuffer<Float>

  /// The matrix of `storage`, row by row.
  public init(rows: Int, columns: Int, storage: consuming AlignedBuffer<Float>) {
    precondition(storage.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.storage = storage
  }

  /// The matrix of `values`, row by row.
  public convenience init(rows: Int, columns: Int, _ values: [Float]) {
    self.init(rows: rows, columns: columns, storage: AlignedBuffer(values))
  }

  /// The element at `row`, `column`.
  public subscript(row: Int, column: Int) -> Float { storage[row * columns + column] }
}
