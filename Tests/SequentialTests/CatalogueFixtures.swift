import Events

@testable import Sequential

/// A generator whose numbers are the same on every machine (SplitMix64).
struct Numbers: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// About normal, of mean 0 and variance 1: the sum of twelve uniform numbers.
  mutating func normal() -> Float {
    var sum: Float = -6
    for _ in 0..<12 { sum += Float(next() >> 40) * 0x1p-24 }
    return sum
  }

  /// Uniform in 0..<1, twelve times cheaper.
  mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }
}

/// Kinds of catalogues that a bound or an order could get wrong.
enum CatalogueShape: CaseIterable {
  case random, skewed, duplicates, allEqual, zeros, adversarial, tinyNumbers, hugeNumbers, overflowing, notFinite,
    biased, steepBias

  /// Rows `[count, width]` and their bias, if the shape has one.
  func make(count: Int, width: Int, seed: UInt64) -> (rows: Matrix, bias: Matrix?) {
    var numbers = Numbers(seed)
    var rows = AlignedBuffer<Float>(count: count * width, repeating: 0)
    for row in 0..<count {
      let scale = scale(row: row, count: count, numbers: &numbers)
      for column in 0..<width { rows[row * width + column] = scale * numbers.normal() }
      let original = self == .allEqual ? 0 : self == .duplicates ? row / 7 * 7 : row
      for column in 0..<width { rows[row * width + column] = rows[original * width + column] }
    }
    if self == .adversarial {
      // One element carries all of a row, so that the shared scale of its block drowns the others.
      for row in stride(from: 0, to: count, by: 13) { rows[row * width + row % width] = 1000 * numbers.normal() }
    }
    if self == .notFinite {
      rows[count / 2 * width] = .nan
      rows[count / 3 * width] = .infinity
    }
    var bias: Matrix?
    if self == .biased || self == .steepBias {
      let reach: Float = self == .biased ? 1 : 1e9
      bias = Matrix(rows: 1, columns: count, (0..<count).map { _ in reach * numbers.normal() })
    }
    return (Matrix(rows: count, columns: width, storage: rows), bias)
  }

  private func scale(row: Int, count: Int, numbers: inout Numbers) -> Float {
    switch self {
    case .random, .duplicates, .allEqual, .biased, .notFinite: 1
    case .skewed: 8 / Float(1 + row).squareRoot()
    case .zeros: row % 3 == 0 ? 1 : 0
    case .adversarial: [1e-20, 1e-3, 1, 1, 30][Int(numbers.next() % 5)]
    case .tinyNumbers: Float.leastNormalMagnitude / 1000
    case .hugeNumbers: 1e17
    case .overflowing: row % 50 == 0 ? 3e37 : 1
    case .steepBias: row % 2 == 0 ? 1e-30 : 1
    }
  }

  /// Queries `[count, width]` of which some are awkward.
  static func queries(count: Int, width: Int, seed: UInt64) -> AlignedBuffer<Float> {
    var numbers = Numbers(seed)
    var queries = AlignedBuffer<Float>(count: count * width, repeating: 0)
    for query in 0..<count {
      let scale: Float = [1, 8, 1, 1e-3, 0, 1, 1e15][query % 7]
      for column in 0..<width { queries[query * width + column] = scale * numbers.normal() }
    }
    return queries
  }
}
