/// Rows of floats for the encoder kernels: `[capacity, width]`, rows `stride` floats apart.
///
/// The stride is the width rounded up to ``RowBuffer/lanes``; the lanes behind a row's end are zero and stay so.
struct RowBuffer: ~Copyable, Sendable {
  /// Floats that kernels work on at once.
  static let lanes = 16

  /// Values of a row.
  let width: Int
  /// Floats from one row to the next.
  let stride: Int
  /// Number of rows.
  let capacity: Int
  var floats: AlignedBuffer<Float>

  /// `capacity` rows of `width` zeros.
  init(capacity: Int, width: Int) {
    self.init(capacity: capacity, groups: 1, width: width)
  }

  /// Rows of `groups` parts (gates), each `width` values and padded alone.
  init(capacity: Int, groups: Int, width: Int) {
    self.width = width
    self.capacity = capacity
    stride = groups * RowBuffer.padded(width)
    floats = AlignedBuffer(count: capacity * stride, repeating: 0)
  }

  /// `width` rounded up to whole lanes.
  static func padded(_ width: Int) -> Int { (width + lanes - 1) / lanes * lanes }
}

extension AlignedBuffer where Element == Float {
  /// Copies `count` floats from `source` at `from` to `at` here.
  mutating func copy(_ count: Int, from source: borrowing AlignedBuffer<Float>, at from: Int, to at: Int) {
    precondition(from >= 0 && at >= 0 && count >= 0 && from + count <= source.count && at + count <= self.count)
    unsafe (base + at).update(from: source.base + from, count: count)
  }

  /// Copies `count` floats from `from` to `to`; the two don't overlap.
  mutating func move(_ count: Int, from: Int, to: Int) {
    precondition(from >= 0 && to >= 0 && count >= 0 && max(from, to) + count <= self.count && abs(from - to) >= count)
    unsafe (base + to).update(from: base + from, count: count)
  }

  /// Sets `count` floats from `at` to zero.
  mutating func zero(_ count: Int, at: Int) {
    precondition(at >= 0 && count >= 0 && at + count <= self.count)
    unsafe (base + at).update(repeating: 0, count: count)
  }

  /// Adds `count` floats of `source` at `from` to those at `at` here.
  mutating func add(_ count: Int, from source: borrowing AlignedBuffer<Float>, at from: Int, to at: Int) {
    precondition(from >= 0 && at >= 0 && count >= 0 && from + count <= source.count && at + count <= self.count)
    for index in 0..<count { unsafe base[at + index] = base[at + index] + source.base[from + index] }
  }

  /// Multiplies `count` floats from `at` by `factor`.
  mutating func scale(_ count: Int, at: Int, by factor: Float) {
    precondition(at >= 0 && count >= 0 && at + count <= self.count)
    for index in 0..<count { unsafe base[at + index] = base[at + index] * factor }
  }
}
