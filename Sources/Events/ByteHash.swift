/// A seeded 64-bit hash of bytes for the tables of this process; never stored, never sent.
///
/// Eight bytes at a time are folded with a 64 × 64 → 128 bit multiplication. The seed is drawn when the process starts,
/// so that a producer of session ids cannot aim at one bucket.
public enum ByteHash {
  private static let seed = UInt64.random(in: .min ... .max)
  private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// The hash of `bytes`.
  public static func hash(_ bytes: Span<UInt8>) -> UInt64 {
    var state = seed ^ (UInt64(bytes.count) &* multiplier)
    var index = 0
    while index + 8 <= bytes.count {
      var word: UInt64 = 0
      for lane in 0..<8 { word |= UInt64(bytes[index + lane]) << UInt64(8 * lane) }
      state = mix(state ^ word)
      index += 8
    }
    var tail: UInt64 = 0
    var shift: UInt64 = 0
    while index < bytes.count {
      tail |= UInt64(bytes[index]) << shift
      shift += 8
      index += 1
    }
    return mix(state ^ tail)
  }

  /// True where `left` holds the bytes `range` of `right`.
  public static func equal(_ left: Span<UInt8>, _ right: [UInt8], _ range: Range<Int>) -> Bool {
    guard left.count == range.count else { return false }
    for index in left.indices where left[index] != right[range.lowerBound + index] { return false }
    return true
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    let product = (value ^ 0xD6E8_FEB8_6659_FD93).multipliedFullWidth(by: multiplier)
    return product.high ^ product.low
  }
}
