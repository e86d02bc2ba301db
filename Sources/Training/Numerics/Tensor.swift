/// A matrix of training, `[rows, columns]`, row-major, 64-byte aligned, zero at creation; a vector has one row.
///
/// Buffers are made once for the largest batch and used with fewer rows, so that a step allocates nothing. A tensor is a reference that
/// threads share: between two barriers of the trainer it is either read by all or written by one.
@safe final class Tensor<Scalar: TensorElement>: @unchecked Sendable {
  /// Rows that there is room for.
  let rows: Int
  /// Values of a row.
  let columns: Int
  let base: UnsafeMutablePointer<Scalar>

  /// `rows` × `columns` zeros.
  init(rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0)
    self.rows = rows
    self.columns = columns
    let bytes = max(rows * columns * MemoryLayout<Scalar>.stride, 64)
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    unsafe raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    unsafe base = raw.bindMemory(to: Scalar.self, capacity: rows * columns)
  }

  /// The tensor of `values`, row by row.
  convenience init(rows: Int, columns: Int, _ values: [Scalar]) {
    precondition(values.count == rows * columns)
    self.init(rows: rows, columns: columns)
    for (index, value) in values.enumerated() { self[index] = value }
  }

  deinit { unsafe base.deallocate() }

  /// Number of values.
  var count: Int { rows * columns }

  /// The value at `index`, counted row by row.
  subscript(index: Int) -> Scalar {
    get {
      precondition(index >= 0 && index < count)
      return unsafe base[index]
    }
    set {
      precondition(index >= 0 && index < count)
      unsafe base[index] = newValue
    }
  }

  /// The value at `row`, `column`.
  subscript(row: Int, column: Int) -> Scalar {
    get { self[row * columns + column] }
    set { self[row * columns + column] = newValue }
  }

  /// All values, row by row. Allocates.
  var values: [Scalar] { (0..<count).map { self[$0] } }

  /// Sets the first `rows` rows to zero; all where nil.
  func zero(rows: Int? = nil) {
    let rows = rows ?? self.rows
    precondition(rows >= 0 && rows <= self.rows)
    unsafe base.update(repeating: 0, count: rows * columns)
  }

  /// Copies the first `rows` rows of `source`, which has as many columns.
  func copy(_ source: Tensor, rows: Int) {
    precondition(rows >= 0 && rows <= self.rows && rows <= source.rows && columns == source.columns)
    unsafe base.update(from: source.base, count: rows * columns)
  }

  /// Part of a tensor, for kernels: `rows` × `columns` from `row`, `column` on.
  func slice(row: Int = 0, column: Int = 0, rows: Int, columns: Int? = nil) -> TensorSlice<Scalar> {
    let columns = columns ?? self.columns - column
    precondition(row >= 0 && column >= 0 && rows >= 0 && columns >= 0)
    precondition(row + rows <= self.rows && column + columns <= self.columns)
    return TensorSlice(tensor: self, offset: row * self.columns + column, rows: rows, columns: columns)
  }
}

/// Rows and columns of a tensor, checked when it was made.
struct TensorSlice<Scalar: TensorElement> {
  /// Whose part it is.
  let tensor: Tensor<Scalar>
  /// Where it begins, in values.
  let offset: Int
  /// Number of rows.
  let rows: Int
  /// Values of a row.
  let columns: Int

  /// Values from one row to the next.
  var stride: Int { tensor.columns }
}
