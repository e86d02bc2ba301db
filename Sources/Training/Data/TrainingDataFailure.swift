public import Formats

/// Why click logs make no data to train on. `description` is what a person reads.
public enum TrainingDataFailure: Error, Equatable, CustomStringConvertible {
  /// A file can't be read.
  case reading(FormatsFailure)
  /// It was asked to stop.
  case stopped
  /// With `strict`, the first item's id that no model can have.
  case item(String)
  /// Nothing to learn from is left of what was read.
  case nothing(DataCounts)
  /// The events need more memory than allowed, or there are more than 2³¹.
  case tooLarge(events: Int, bytes: Int, limit: Int)
  /// What was asked to be held out can't be.
  case split(Validation, why: String)
  /// A line of a metadata file is wrong.
  case metadata(file: String, line: Int, problem: String)
  /// A metadata file can't be read.
  case unreadable(file: String, reason: String)

  /// What happened, where, and what to do.
  public var description: String {
    switch self {
    case .reading(let failure): "\(failure)"
    case .stopped: "reading was ended."
    case .item(let fault): "\(fault). Mend the ids, or leave strict off to count and pass over such events."
    case .nothing(let counts):
      "no session is left to train on: \(counts.summary). Check the format and columns, and --min-item-support and "
        + "--min-session-length."
    case .tooLarge(let events, let bytes, let limit):
      "\(events) events need \(bytes >> 20) MiB of memory, and \(limit >> 20) MiB are allowed. Allow more with --memory, or train on fewer: "
        + "newer files, or --limit."
    case .split(let validation, let why):
      "--validation \(validation): \(why). Choose another --validation (a duration, a share, leave-one-out, none)."
    case .metadata(let file, let line, let problem): "\(file):\(line): \(problem)."
    case .unreadable(let file, let reason): "cannot read \(file): \(reason)."
    }
  }
}
