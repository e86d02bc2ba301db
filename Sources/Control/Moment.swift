public import Events
private import Foundation

/// A moment in a topic, as options name it.
public enum Moment: Sendable, Equatable {
  /// Its oldest record.
  case earliest
  /// Behind its newest record.
  case latest
  /// So long before now. Milliseconds.
  case ago(Int64)
  /// The first record of this time or later.
  case time(EventTime)

  /// The time that is meant, where it is one and now is `now`.
  public func time(now: EventTime) -> EventTime? {
    switch self {
    case .earliest, .latest: nil
    case .ago(let milliseconds): now - milliseconds
    case .time(let time): time
    }
  }
}

extension ValueKind where Value == Moment {
  /// `earliest`, `latest`, `-2h`, `2026-01-31T12:00:00Z`, milliseconds since 1970.
  static var moment: Self {
    ValueKind(name: "moment") { text throws(ValueProblem) in
      switch text {
      case "earliest": return .earliest
      case "latest": return .latest
      default: break
      }
      if text.hasPrefix("-") { return .ago(try Quantity.milliseconds(String(text.dropFirst()))) }
      if let time = EventTime(text), !text.hasPrefix("+") { return .time(time) }
      let formatter = ISO8601DateFormatter()
      for options in [
        ISO8601DateFormatter.Options.withInternetDateTime, [.withInternetDateTime, .withFractionalSeconds],
      ] {
        formatter.formatOptions = options
        if let date = formatter.date(from: text) {
          return .time(EventTime((date.timeIntervalSince1970 * 1000).rounded()))
        }
      }
      throw ValueProblem(
        "\"\(text)\" is no moment; write earliest, -2h, 2026-01-31T12:00:00Z, or milliseconds since 1970"
          + Suggestion.hint(for: text, among: ["earliest", "latest"]))
    } text: { moment in
      switch moment {
      case .earliest: "earliest"
      case .latest: "latest"
      case .ago(let milliseconds): "-" + Quantity.text(milliseconds: milliseconds)
      case .time(let time): Date(timeIntervalSince1970: Double(time) / 1000).ISO8601Format()
      }
    }
  }
}
