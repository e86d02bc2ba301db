public import Platform
public import Sequential

/// Why a training can't begin, or had to end. `description` is what a person reads.
public enum TrainingFailure: Error, Equatable, CustomStringConvertible {
  /// A setting is out of its range, or doesn't go with another.
  case setting(name: String, why: String)
  /// There is nothing to learn from.
  case nothingToLearn(sessions: Int)
  /// The training needs more memory than it may have.
  case memory(needed: Int, limit: Int, advice: String)
  /// The loss, or the gradient's norm, is not a number.
  case notFinite(quantity: String, epoch: Int, step: Int)
  /// The loss is far above what it was at the start.
  case diverged(loss: Double, start: Double, epoch: Int, step: Int)
  /// A thread did not start.
  case platform(PlatformFailure)
  /// A file can't be read or written.
  case file(path: String, operation: String, reason: String)
  /// A resume file is damaged, or no resume file.
  case damaged(path: String, why: String)
  /// A resume file belongs to another training.
  case otherTraining(path: String, differences: [String])
  /// A model can't be continued.
  case model(why: String)
  /// The model directory can't be written.
  case writing(ModelFailure)

  /// What happened, where, and what to do.
  public var description: String {
    switch self {
    case .setting(let name, let why): "\(name): \(why)."
    case .nothingToLearn(let sessions):
      "none of the \(sessions) sessions has two known items in a row: there is nothing to learn. Check how sessions "
        + "are told apart, and the least support of items."
    case .memory(let needed, let limit, let advice):
      "training needs \(mebibytes(needed)), and \(mebibytes(limit)) are allowed. \(advice)"
    case .notFinite(let quantity, let epoch, let step):
      "\(quantity) is not a number any more in epoch \(epoch), step \(step). Lower the learning rate, or clip the "
        + "gradient's norm."
    case .diverged(let loss, let start, let epoch, let step):
      "the loss grew to \(loss) in epoch \(epoch), step \(step); it began at \(start). Lower the learning rate, or clip "
        + "the gradient's norm."
    case .platform(let failure): "\(failure)"
    case .file(let path, let operation, let reason): "\(path): \(operation) failed: \(reason)."
    case .damaged(let path, let why): "\(path): \(why). Begin anew without resuming."
    case .otherTraining(let path, let differences):
      "\(path) belongs to another training: \(differences.joined(separator: "; ")). Use the settings and data that it "
        + "began with, or begin anew without resuming."
    case .model(let why): "\(why)."
    case .writing(let failure): "\(failure)"
    }
  }
}

/// A number of bytes for people.
func mebibytes(_ bytes: Int) -> String { "\((bytes + (1 << 20) - 1) >> 20) MiB" }
