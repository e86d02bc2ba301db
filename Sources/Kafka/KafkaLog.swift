/// A line that librdkafka wants to be logged.
public struct KafkaLogLine: Sendable, Equatable {
  /// How much it matters.
  public enum Level: Sendable {
    case error
    case warning
    case notice
    case debug
  }

  /// How much it matters.
  public var level: Level
  /// librdkafka's own short name of the matter, such as `FAIL` or `REBALANCE`.
  public var facility: String
  /// The text.
  public var message: String

  /// A line.
  public init(level: Level, facility: String, message: String) {
    self.level = level
    self.facility = facility
    self.message = message
  }

  /// A line of syslog's level `syslog` (0 is an emergency, 7 is debugging).
  init(syslog: Int32, facility: String, message: String) {
    let level: Level =
      switch syslog {
      case ...3: .error
      case 4: .warning
      case 5, 6: .notice
      default: .debug
      }
    self.init(level: level, facility: facility, message: message)
  }
}

/// Takes librdkafka's log lines. Called on its threads: it must not wait.
public typealias KafkaLog = @Sendable (KafkaLogLine) -> Void
