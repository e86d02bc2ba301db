public import Events

/// What stops a worker's batch.
public enum PipelineFailure: PortFailure {
  /// A port's failure, with what was being done.
  case port(doing: String, any PortFailure)
  /// Other writers kept changing the same sessions while a batch was computed.
  case conflicts(sessions: Int, tries: Int)
  /// The byte budget holds less than two sessions.
  case cacheTooSmall(bytes: Int, needed: Int)

  /// What the worker does about it.
  public var disposition: Disposition {
    switch self {
    case .port(_, let failure): failure.disposition
    case .conflicts: .retry
    case .cacheTooSmall: .halt
    }
  }

  /// What happened, where, and what to do.
  public var description: String {
    switch self {
    case .port(let doing, let failure): "\(doing): \(failure)"
    case .conflicts(let sessions, let tries):
      """
      \(sessions) sessions were changed by another writer in each of \(tries) tries to append to them; the batch is tried again. \
      If this goes on, look for a second daemon with another group.id on the same state.prefix
      """
    case .cacheTooSmall(let bytes, let needed):
      """
      a worker has \(bytes) bytes for its sessions, but one of this model takes \(needed); give it more (state.cache_bytes), \
      or use fewer workers
      """
    }
  }
}
