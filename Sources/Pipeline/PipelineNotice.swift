/// What an operator should know of and that stops nothing. A processor tells each once.
public enum PipelineNotice: Sendable, Equatable, CustomStringConvertible {
  /// A session's clicks arrive on several partitions.
  case severalPartitions(session: String)
  /// A session's stored form could not be read.
  case setAside(String)

  /// What happened, and what to do.
  public var description: String {
    switch self {
    case .severalPartitions(let session):
      """
      clicks of session \(session) arrive on several partitions, so their order is that of their arrival; produce them with the \
      session id as key (or partitions were added: then it passes). Only the first such session is named, all are counted
      """
    case .setAside(let why):
      "a session begins anew: \(why) Only the first such session is named, all are counted"
    }
  }
}
