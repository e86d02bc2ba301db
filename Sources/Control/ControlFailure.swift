/// Why the process can't start as asked. `description` is what an operator reads.
public enum ControlFailure: Error, Equatable, CustomStringConvertible {
  /// The command line makes no sense.
  case usage(String)
  /// A file could not be read.
  case unreadable(path: String, reason: String)
  /// A file is no YAML, or YAML that a configuration has no use for.
  case yaml(file: String, line: Int, column: Int, problem: String)
  /// Settings are wrong or missing: all of them at once.
  case configuration([ConfigurationProblem])

  /// What is wrong, where, and what to do.
  public var description: String {
    switch self {
    case .usage(let message): "intentd: \(message)\nTry 'intentd --help' for more."
    case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
    case .yaml(let file, let line, let column, let problem): "\(file):\(line):\(column): \(problem)"
    case .configuration(let problems): problems.map(\.description).joined(separator: "\n")
    }
  }

  /// The status that the process ends with: 64 (`EX_USAGE`) for a command line that makes no sense, else 1.
  public var exitStatus: Int32 {
    if case .usage = self { return 64 }
    return 1
  }
}

/// One setting that is wrong.
public struct ConfigurationProblem: Sendable, Equatable, CustomStringConvertible {
  /// `file:line`, the name of an environment variable, or an option of the command line.
  public let place: String
  /// The key, with its section: `kafka.group_id`.
  public let key: String
  /// What is wrong with it.
  public let problem: String

  /// A problem with `key` at `place`.
  public init(place: String, key: String, problem: String) {
    self.place = place
    self.key = key
    self.problem = problem
  }

  /// `place: key: problem`.
  public var description: String { "\(place): \(key): \(problem)" }
}

/// Why a text is no value of its kind; becomes a ``ConfigurationProblem`` where key and place are known.
struct ValueProblem: Error, Equatable {
  let text: String
  init(_ text: String) { self.text = text }
}
