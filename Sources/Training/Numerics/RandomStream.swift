/// Random numbers of one purpose, of one step, of one shard: a counter hashed with SplitMix64's finaliser (Steele, Lea & Flood 2014), so that
/// any of them can be drawn again from its key alone, and resuming needs no generator's state.
struct RandomStream: RandomNumberGenerator, Sendable {
  /// What numbers are for; different purposes never share numbers.
  enum Purpose: UInt64, Sendable {
    case weights = 1
    case order, dropout, negatives, tuning, sampling
  }

  /// Seed of kernels that draw their own numbers, such as dropout's mask.
  let key: UInt64
  private var counter: UInt64 = 0

  /// The stream of `purpose` for a step and a part of it.
  init(seed: UInt64, purpose: Purpose, step: Int = 0, part: Int = 0) {
    var key = RandomStream.mix(seed &+ 0x9E37_79B9_7F4A_7C15)
    key = RandomStream.mix(key ^ (purpose.rawValue &* 0xD1B5_4A32_D192_ED03))
    key = RandomStream.mix(key ^ UInt64(truncatingIfNeeded: step))
    self.key = RandomStream.mix(key ^ (UInt64(truncatingIfNeeded: part) &* 0x8CB9_2BA7_2F3D_8DD7))
  }

  private init(key: UInt64) { self.key = key }

  /// A stream of its own for `part` of what this one is for, such as one layer's dropout.
  func child(_ part: Int) -> RandomStream {
    RandomStream(key: RandomStream.mix(key &+ (UInt64(truncatingIfNeeded: part) &+ 1) &* 0x9E37_79B9_7F4A_7C15))
  }

  mutating func next() -> UInt64 {
    counter &+= 1
    return RandomStream.mix(key &+ counter &* 0x9E37_79B9_7F4A_7C15)
  }

  /// A number in 0..<1.
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number in `0..<bound`.
  mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

  /// A standard normal number (Box & Muller 1958 would need libm; this is the sum of twelve uniform ones, as weights need no tails).
  mutating func normal() -> Double {
    var sum = -6.0
    for _ in 0..<12 { sum += uniform() }
    return sum
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var bits = value
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}
