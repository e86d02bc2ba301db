/// The generator behind the demo: Steele, Lea & Flood's SplitMix64, and draws that need nothing but additions, multiplications,
/// divisions and square roots, which IEEE 754 rounds alike on every machine.
struct SplitMix64: Sendable {
  private var state: UInt64

  /// A generator whose numbers depend on `seed` and `purpose` alone.
  init(seed: UInt64, purpose: UInt64) {
    state = seed
    state = next() ^ purpose
  }

  /// 64 random bits.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return SplitMix64.mix(state)
  }

  /// A bijection of 64-bit numbers that leaves no visible order.
  static func mix(_ value: UInt64) -> UInt64 {
    var bits = value
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  /// A number between 0 and 1, never either of them.
  mutating func uniform() -> Double { (Double(next() >> 12) + 0.5) * 0x1p-52 }

  /// A number in `0..<bound`.
  mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

  /// A number near the standard normal distribution: twelve uniform ones, added.
  mutating func normal() -> Double {
    var sum = -6.0
    for _ in 0..<12 { sum += uniform() }
    return sum
  }

  /// A positive number with median `median` and a heavy tail (log-logistic of shape 1), at most `limit`.
  mutating func heavyTailed(median: Double, limit: Double) -> Double {
    let share = uniform()
    return min(limit, median * share / (1 - share))
  }

  /// An index of `weights[0..<count]`, each as often as its weight says.
  mutating func index(of weights: [Double], count: Int) -> Int {
    var total = 0.0
    for index in 0..<count { total += weights[index] }
    var rest = uniform() * total
    for index in 0..<count - 1 {
      rest -= weights[index]
      if rest < 0 { return index }
    }
    return count - 1
  }

  /// Puts `values` in random order.
  mutating func shuffle<Value>(_ values: inout [Value]) {
    for index in stride(from: values.count - 1, to: 0, by: -1) { values.swapAt(index, below(index + 1)) }
  }
}

/// eˣ for |x| < 500, to about 1e-15, the same bits on every machine: the C library's own may differ in the last one.
func exponential(_ x: Double) -> Double {
  let doublings = (x * 1.442_695_040_888_963_4).rounded()
  let rest = (x - doublings * 0x1.62e42feep-1) - doublings * 0x1.a39ef35793c76p-33
  var sum = 1.0
  for term in stride(from: 13.0, to: 0, by: -1) { sum = 1 + sum * rest / term }
  return Double(sign: .plus, exponent: Int(doublings), significand: sum)
}
