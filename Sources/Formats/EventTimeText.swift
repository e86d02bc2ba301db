internal import Events

/// How a column or field writes times.
public enum TimeUnit: String, Sendable, CaseIterable {
  /// Milliseconds since 1970.
  case milliseconds = "ms"
  /// Seconds since 1970, decimals allowed.
  case seconds = "s"
  /// Microseconds since 1970.
  case microseconds = "us"
  /// ISO-8601 with `Z` or an offset.
  case iso
  /// A number below 10^11 counts as seconds, below 10^14 as milliseconds, else as microseconds (no two of them are the same
  /// time between 2000 and 2200); what is no number is ISO-8601.
  case auto

  /// The milliseconds of a number of this unit, rounded half away from zero; nil beyond 64 bits, and for ISO.
  func milliseconds(_ value: Int64) -> EventTime? {
    switch self {
    case .milliseconds: return value
    case .seconds:
      let (result, overflows) = value.multipliedReportingOverflow(by: 1000)
      return overflows ? nil : result
    case .microseconds: return value / 1000 + (value % 1000 >= 500 ? 1 : value % 1000 <= -500 ? -1 : 0)
    case .iso: return nil
    case .auto: return told(by: value.magnitude).milliseconds(value)
    }
  }

  /// The same for a number with decimals.
  func milliseconds(_ value: Double) -> EventTime? {
    switch self {
    case .milliseconds: Int64(exactly: value.rounded(.toNearestOrAwayFromZero))
    case .seconds: Int64(exactly: (value * 1000).rounded(.toNearestOrAwayFromZero))
    case .microseconds: Int64(exactly: (value / 1000).rounded(.toNearestOrAwayFromZero))
    case .iso: nil
    case .auto: told(by: UInt64(exactly: value.magnitude.rounded(.down)) ?? .max).milliseconds(value)
    }
  }

  /// The unit that a number of that size can only be, between 2000 and 2200.
  private func told(by magnitude: UInt64) -> TimeUnit {
    magnitude < 100_000_000_000 ? .seconds : magnitude < 100_000_000_000_000 ? .milliseconds : .microseconds
  }
}

/// Reads times from text, without allocating. Fractions of a millisecond round half away from zero.
enum EventTimeText {
  /// The time in `text`, or nil where it is none.
  static func parse(_ text: Span<UInt8>, as unit: TimeUnit) -> EventTime? {
    switch unit {
    case .milliseconds: decimal(text)?.milliseconds(unit: .milliseconds)
    case .seconds: decimal(text)?.milliseconds(unit: .seconds)
    case .microseconds: decimal(text)?.milliseconds(unit: .microseconds)
    case .iso: iso(text)
    case .auto: decimal(text)?.milliseconds(unit: .auto) ?? iso(text)
    }
  }

  /// The time in a JSON string: digits are of `unit`, and ISO-8601 is read whatever it is.
  static func parseJSON(_ text: Span<UInt8>, digits unit: TimeUnit = .milliseconds) -> EventTime? {
    parse(text, as: unit) ?? iso(text)
  }

  /// A decimal number, its fraction to three places and rounded.
  private struct Decimal {
    var isNegative = false
    var whole: Int64 = 0
    var thousandths: Int64 = 0
    var roundsUpThousandths = false

    func milliseconds(unit: TimeUnit) -> EventTime? {
      var value: Int64
      var overflow = false
      switch unit {
      case .seconds:
        (value, overflow) = whole.multipliedReportingOverflow(by: 1000)
        if overflow { return nil }
        (value, overflow) = value.addingReportingOverflow(thousandths + (roundsUpThousandths ? 1 : 0))
      case .milliseconds: (value, overflow) = whole.addingReportingOverflow(thousandths >= 500 ? 1 : 0)
      case .microseconds: value = whole / 1000 + (whole % 1000 >= 500 ? 1 : 0)
      case .iso: return nil
      case .auto:
        return milliseconds(
          unit: whole < 100_000_000_000 ? .seconds : whole < 100_000_000_000_000 ? .milliseconds : .microseconds)
      }
      return overflow ? nil : isNegative ? -value : value
    }
  }

  private static func decimal(_ text: Span<UInt8>) -> Decimal? {
    var result = Decimal()
    var index = 0
    if !text.isEmpty, text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+") {
      result.isNegative = text[0] == UInt8(ascii: "-")
      index = 1
    }
    let start = index
    while index < text.count, let digit = digit(text[index]) {
      guard index - start < 18 else { return nil }
      result.whole = result.whole * 10 + digit
      index += 1
    }
    guard index > start else { return nil }
    if index < text.count, text[index] == UInt8(ascii: ".") {
      index += 1
      guard let (thousandths, rounds) = fraction(text, &index) else { return nil }
      (result.thousandths, result.roundsUpThousandths) = (thousandths, rounds)
    }
    return index == text.count ? result : nil
  }

  /// Reads the digits of a fraction: thousandths, and whether the rest rounds them up; nil without a digit.
  private static func fraction(_ text: Span<UInt8>, _ index: inout Int) -> (Int64, Bool)? {
    var thousandths: Int64 = 0
    var rounds = false
    var places = 0
    while index < text.count, let digit = digit(text[index]) {
      if places < 3 { thousandths = thousandths * 10 + digit }
      if places == 3 { rounds = digit >= 5 }
      places += 1
      index += 1
    }
    guard places > 0 else { return nil }
    while places < 3 {
      thousandths *= 10
      places += 1
    }
    return (thousandths, rounds)
  }

  private static func digit(_ byte: UInt8) -> Int64? {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int64(byte - UInt8(ascii: "0")) : nil
  }

  private static func number(_ text: Span<UInt8>, _ start: Int, _ count: Int) -> Int64? {
    guard start + count <= text.count else { return nil }
    var value: Int64 = 0
    for index in start..<start + count {
      guard let digit = digit(text[index]) else { return nil }
      value = value * 10 + digit
    }
    return value
  }

  /// Milliseconds at the start of the day `YYYY-MM-DD` that `text` begins with, in UTC.
  static func day(_ text: Span<UInt8>) -> EventTime? {
    guard let year = number(text, 0, 4), let month = number(text, 5, 2), let day = number(text, 8, 2),
      text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"), (1...12).contains(month)
    else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let longest: Int64 = month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    guard day >= 1, day <= longest else { return nil }
    // Days from the civil date, with years that begin in March.
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return (era * 146_097 + dayOfEra - 719_468) * 86_400_000
  }

  /// `2014-04-07T10:51:09.277Z`; a blank for the T, a comma for the point, offsets `+02:00`, `+0200`, `+02`.
  private static func iso(_ text: Span<UInt8>) -> EventTime? {
    guard text.count >= 20, let day = day(text), text[10] | 0x20 == UInt8(ascii: "t") || text[10] == UInt8(ascii: " "),
      let hour = number(text, 11, 2), let minute = number(text, 14, 2), let second = number(text, 17, 2),
      text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"), hour < 24, minute < 60, second <= 60
    else { return nil }
    var index = 19
    var milliseconds: Int64 = 0
    if text[index] == UInt8(ascii: ".") || text[index] == UInt8(ascii: ",") {
      index += 1
      guard let (thousandths, rounds) = fraction(text, &index) else { return nil }
      milliseconds = thousandths + (rounds ? 1 : 0)
    }
    guard let offset = offset(text, index) else { return nil }
    return day + ((hour * 60 + minute) * 60 + second) * 1000 + milliseconds - offset
  }

  /// The offset from UTC that ends `text` at `index`, in milliseconds.
  private static func offset(_ text: Span<UInt8>, _ index: Int) -> Int64? {
    guard index < text.count else { return nil }
    let rest = text.count - index
    if text[index] | 0x20 == UInt8(ascii: "z") { return rest == 1 ? 0 : nil }
    guard text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-"), let hours = number(text, index + 1, 2)
    else { return nil }
    var minutes: Int64 = 0
    switch rest {
    case 3: break
    case 5:
      guard let value = number(text, index + 3, 2) else { return nil }
      minutes = value
    case 6:
      guard text[index + 3] == UInt8(ascii: ":"), let value = number(text, index + 4, 2) else { return nil }
      minutes = value
    default: return nil
    }
    guard hours <= 18, minutes < 60 else { return nil }
    let magnitude = (hours * 60 + minutes) * 60_000
    return text[index] == UInt8(ascii: "-") ? -magnitude : magnitude
  }
}
