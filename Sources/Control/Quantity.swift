/// Durations and sizes as people write them.
enum Quantity {
  private static let durations: [(unit: String, milliseconds: Int64)] = [
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
  ]
  private static let sizes: [(unit: String, bytes: Int64)] = [
    ("B", 1), ("kB", 1000), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
  ]

  /// The milliseconds of `250ms`, `2s`, `5m`, `24h` or `7d`.
  static func milliseconds(_ text: String) throws(ValueProblem) -> Int64 {
    guard let value = value(text, units: durations.map { ($0.unit, $0.milliseconds) }) else {
      throw ValueProblem("\"\(text)\" is no duration; write 250ms, 2s, 5m, 24h or 7d")
    }
    return value
  }

  /// The bytes of `64KiB`, `100MB` or `1GiB`.
  static func bytes(_ text: String) throws(ValueProblem) -> Int {
    guard let value = value(text, units: sizes.map { ($0.unit, $0.bytes) }) else {
      throw ValueProblem("\"\(text)\" is no size; write 64KiB, 100MB or 1GiB")
    }
    return Int(value)
  }

  /// A duration in the largest unit that it is a whole number of.
  static func text(milliseconds: Int64) -> String {
    let unit = durations.last { milliseconds != 0 && milliseconds % $0.milliseconds == 0 } ?? durations[1]
    return "\(milliseconds / unit.milliseconds)\(unit.unit)"
  }

  /// A size in the largest binary unit that it is a whole number of, else in bytes.
  static func text(bytes: Int) -> String {
    let unit = sizes.last { ($0.unit.hasSuffix("iB") || $0.bytes == 1) && bytes != 0 && Int64(bytes) % $0.bytes == 0 }
    return "\(Int64(bytes) / (unit?.bytes ?? 1))\(unit?.unit ?? "B")"
  }

  private static func value(_ text: String, units: [(unit: String, factor: Int64)]) -> Int64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let suffix = text.dropFirst(digits.count)
    guard let number = Int64(digits), let unit = units.first(where: { $0.unit == suffix }) else { return nil }
    let (product, overflows) = number.multipliedReportingOverflow(by: unit.factor)
    return overflows ? nil : product
  }
}
