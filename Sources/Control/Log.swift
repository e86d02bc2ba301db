private import Synchronization

/// A structured log, shaped like swift-log: levels, a label, metadata. Cheap to copy; may be used from any thread.
public struct Log: Sendable {
  /// How much a message matters.
  public enum Level: String, Sendable, CaseIterable, Comparable {
    case trace
    case debug
    case info
    case notice
    case warning
    case error
    case critical

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// True where `left` matters less.
    public static func < (left: Level, right: Level) -> Bool { left.order < right.order }
  }

  /// A value of metadata.
  public enum Value: Sendable, Equatable, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
  {
    case string(String)
    case integer(Int64)
    case number(Double)
    case bool(Bool)

    /// A text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A whole number.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// True or false.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A whole number.
    public init(_ value: some BinaryInteger) { self = .integer(Int64(clamping: value)) }
    /// What describes itself.
    public init(describing value: some CustomStringConvertible) { self = .string(value.description) }
  }

  /// Names and values, in the order given.
  public typealias Metadata = KeyValuePairs<String, Value>

  /// One message.
  public struct Record: Sendable, Equatable {
    /// A name with its value.
    public struct Field: Sendable, Equatable {
      /// Its name.
      public let name: String
      /// Its value.
      public let value: Value

      /// A name with its value.
      public init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
      }
    }

    /// When, in milliseconds since 1970-01-01 UTC.
    public let time: Int64
    /// How much it matters.
    public let level: Level
    /// Which part of the process speaks.
    public let label: String
    /// What it says.
    public let message: String
    /// Metadata of the log, then of the message.
    public let fields: [Field]
  }

  /// Which part of the process speaks.
  public let label: String
  /// Least level that is written.
  public var level: Level
  private var fields: [Record.Field]
  private let sink: any LogSink

  /// A log that writes to `sink`.
  public init(label: String, level: Level = .info, metadata: Metadata = [:], to sink: any LogSink) {
    self.label = label
    self.level = level
    self.sink = sink
    fields = metadata.map { Record.Field($0.key, $0.value) }
  }

  /// The same log for another part of the process, or with more metadata on every message.
  public func with(label: String? = nil, metadata: Metadata = [:]) -> Log {
    var log = Log(label: label ?? self.label, level: level, to: sink)
    log.fields = fields + metadata.map { Record.Field($0.key, $0.value) }
    return log
  }

  /// Writes a message if its level is high enough; else the message is not even made.
  public func log(_ level: Level, _ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
    guard level >= self.level else { return }
    let fields = self.fields + metadata().map { Record.Field($0.key, $0.value) }
    sink.write(Record(time: wallClock(), level: level, label: label, message: message(), fields: fields))
  }

  /// The same with metadata that is not known when the code is written.
  public func log(_ level: Level, _ message: @autoclosure () -> String, fields: @autoclosure () -> [Record.Field]) {
    guard level >= self.level else { return }
    sink.write(
      Record(time: wallClock(), level: level, label: label, message: message(), fields: self.fields + fields()))
  }

  /// What only helps to follow the code.
  public func trace(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
    log(.trace, message(), metadata: metadata())
  }

  /// What helps to find a fault.
  public func debug(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
    log(.debug, message(), metadata: metadata())
  }

  /// What an operator may want to know.
  public func info(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
    log(.info, message(), metadata: metadata())
  }

  /// What an operator should know.
  public func notice(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
    log(.notice, message(), metadata: metadata())
  }

  /// What may need an operator.
  public func warning(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
    log(.warning, message(), metadata: metadata())
  }

  /// What failed.
  public func error(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
    log(.error, message(), metadata: metadata())
  }

  /// What ends the process or needs an operator at once.
  public func critical(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
    log(.critical, message(), metadata: metadata())
  }
}
