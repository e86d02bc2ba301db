/// Whole numbers as decimal digits in bytes, without strings in between.
extension Array where Element == UInt8 {
  /// Appends `value` in decimal digits. Allocates nothing of its own.
  public mutating func appendDecimal(_ value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    var rest = value.magnitude
    let start = count
    repeat {
      append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    } while rest > 0
    // Not a slice's reverse(), which may copy the whole array aside.
    var (low, high) = (start, count - 1)
    while low < high {
      swapAt(low, high)
      (low, high) = (low + 1, high - 1)
    }
  }
}

extension Span where Element == UInt8 {
  /// The number that all of these bytes are the canonical decimal digits of: no plus sign, no leading zeros; nil where they are not.
  public func decimal() -> Int64? {
    let isNegative = count > 0 && self[0] == UInt8(ascii: "-")
    var index = isNegative ? 1 : 0
    guard index < count, count - index == 1 || self[index] != UInt8(ascii: "0") else { return nil }
    var value: Int64 = 0
    while index < count {
      let digit = Int64(self[index]) - 48
      guard digit >= 0, digit <= 9 else { return nil }
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = isNegative ? tens.subtractingReportingOverflow(digit) : tens.addingReportingOverflow(digit)
      guard !overflow, !carry else { return nil }
      value = sum
      index += 1
    }
    return isNegative && value == 0 ? nil : value
  }
}
