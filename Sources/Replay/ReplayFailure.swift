public import Events
public import Pipeline
public import Platform

/// Why a replay ended early.
public enum ReplayFailure: Error, CustomStringConvertible {
  /// Files or topic can't be read, or a line was malformed under `strict`.
  case reading(any PortFailure)
  /// The events can't be sent.
  case sending(any PortFailure)
  /// A worker can't go on.
  case working(PipelineFailure)
  /// The predictions can't be written.
  case writing(path: String, why: String)
  /// A thread can't be started.
  case thread(PlatformFailure)

  /// What happened, where, and what to do.
  public var description: String {
    switch self {
    case .reading(let failure): "\(failure)"
    case .sending(let failure): "\(failure)"
    case .working(let failure): "\(failure)"
    case .writing(let path, let why):
      "writing predictions to \(path): \(why); make room or name another file with --output"
    case .thread(let failure): "\(failure)"
    }
  }
}
