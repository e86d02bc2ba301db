private import Synchronization

/// Where log records go. Called from any thread.
public protocol LogSink: Sendable {
  /// Takes one record.
  func write(_ record: Log.Record)
}

/// Writes each record as one line: text for people, JSON for machines.
public final class LineLogSink: LogSink {
  /// How a line is written.
  public enum Format: Sendable {
    /// `2026-01-31T12:00:00.000Z info worker: message name=value`.
    case text
    /// One JSON object.
    case json
  }

  private let format: Format
  // Held while a line is written, so that lines never mix.
  private let output: Mutex<@Sendable (String) -> Void>

  /// Lines in `format` to `output`.
  public init(_ format: Format, output: @escaping @Sendable (String) -> Void) {
    self.format = format
    self.output = Mutex(output)
  }

  /// Lines to standard error: text on a terminal, JSON otherwise.
  public static let standardError = LineLogSink(
    StandardError.isTerminal ? .text : .json, output: { StandardError.write($0) })

  /// Lines to standard error, written as asked for.
  public static func standardError(_ format: LogFormat) -> LineLogSink {
    switch format {
    case .auto: standardError
    case .text: LineLogSink(.text) { StandardError.write($0) }
    case .json: LineLogSink(.json) { StandardError.write($0) }
    }
  }

  /// Writes one line.
  public func write(_ record: Log.Record) {
    let line = format == .text ? LogLine.text(record) : LogLine.json(record)
    output.withLock { $0(line) }
  }
}

/// Keeps records: for tests.
public final class MemoryLogSink: LogSink {
  private let kept = Mutex<[Log.Record]>([])

  /// An empty sink.
  public init() {}

  /// The records so far.
  public var records: [Log.Record] { kept.withLock { $0 } }

  /// Keeps one record.
  public func write(_ record: Log.Record) { kept.withLock { $0.append(record) } }
}

/// A record as a line.
enum LogLine {
  static func text(_ record: Log.Record) -> String {
    let fields = record.fields.map { " \($0.name)=\(text($0.value))" }.joined()
    let message = record.message.replacing("\n", with: "\\n")
    return "\(timestamp(record.time)) \(record.level.rawValue) \(record.label): \(message)\(fields)\n"
  }

  static func json(_ record: Log.Record) -> String {
    var line = "{\"time\":\"\(timestamp(record.time))\",\"level\":\"\(record.level.rawValue)\""
    line += ",\"label\":\(JSONText.quoted(record.label)),\"message\":\(JSONText.quoted(record.message))"
    var names: Set = ["time", "level", "label", "message"]
    // A name that is taken gets an underscore; what is said later of the same thing would otherwise be lost to a reader.
    for field in record.fields {
      var name = field.name
      while !names.insert(name).inserted { name += "_" }
      line += ",\(JSONText.quoted(name)):\(json(field.value))"
    }
    return line + "}\n"
  }

  /// `2026-01-31T12:00:00.000Z`.
  static func timestamp(_ milliseconds: Int64) -> String {
    let day = milliseconds >= 0 ? milliseconds / 86_400_000 : (milliseconds - 86_399_999) / 86_400_000
    let rest = milliseconds - day * 86_400_000
    // Days to a date of the Gregorian calendar, in years that begin with March and eras of 400 years.
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let date = (
      year: yearOfEra + era * 400 + (month >= 10 ? 1 : 0), month: month < 10 ? month + 3 : month - 9,
      day: dayOfYear - (153 * month + 2) / 5 + 1
    )
    let time = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60].map { padded($0, 2) }.joined(separator: ":")
    return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))T\(time).\(padded(rest % 1000, 3))Z"
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = "\(value)"
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func text(_ value: Log.Value) -> String {
    switch value {
    case .string(let text): text.contains { " \"=\n\t".contains($0) } || text.isEmpty ? JSONText.quoted(text) : text
    case .integer(let number): "\(number)"
    case .number(let number): "\(number)"
    case .bool(let flag): "\(flag)"
    }
  }

  private static func json(_ value: Log.Value) -> String {
    switch value {
    case .string(let text): JSONText.quoted(text)
    case .integer(let number): "\(number)"
    case .number(let number): JSONText.number(number)
    case .bool(let flag): "\(flag)"
    }
  }
}
