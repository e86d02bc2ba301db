private import Foundation

/// A place in a topic, as people write it: `earliest`, `-24h`, `2026-11-21T10:00:00Z`, or milliseconds since 1970.
public enum PointInTime: Sendable, Equatable {
  /// The oldest record that is still there.
  case earliest
  /// So many milliseconds before now.
  case ago(Int64)
  /// This time, in milliseconds since 1970.
  case at(Int64)

  /// The time in milliseconds since 1970, where it is `now` in these; nil for the earliest record.
  public func milliseconds(now: Int64) -> Int64? {
    switch self {
    case .earliest: nil
    case .ago(let duration): max(0, now - duration)
    case .at(let time): time
    }
  }
}

extension ValueKind where Value == PointInTime {
  static var pointInTime: Self {
    ValueKind(name: "time") { text throws(ValueProblem) in
      if text == "earliest" { return .earliest }
      if let time = Int64(text), !text.hasPrefix("-"), !text.hasPrefix("+") { return .at(time) }
      if text.hasPrefix("-"), let duration = try? Quantity.milliseconds(String(text.dropFirst())) {
        return .ago(duration)
      }
      if let time = PointInTime.iso(text) { return .at(time) }
      let hint = Suggestion.hint(for: text, among: ["earliest"])
      throw ValueProblem(
        "\"\(text)\" is no time; write earliest, -24h, 2026-11-21T10:00:00Z (with Z or an offset), or milliseconds since 1970"
          + hint)
    } text: {
      switch $0 {
      case .earliest: "earliest"
      case .ago(let duration): "-\(Quantity.text(milliseconds: duration))"
      case .at(let time): "\(time)"
      }
    }
  }
}

extension PointInTime {
  /// The milliseconds of an ISO 8601 time with an offset, its seconds with or without a fraction.
  fileprivate static func iso(_ text: String) -> Int64? {
    let formatter = ISO8601DateFormatter()
    for options: ISO8601DateFormatter.Options in [
      [.withInternetDateTime], [.withInternetDateTime, .withFractionalSeconds],
    ] {
      formatter.formatOptions = options
      if let date = formatter.date(from: text) { return Int64((date.timeIntervalSince1970 * 1000).rounded()) }
    }
    return nil
  }
}
