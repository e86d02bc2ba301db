import Foundation
import Training

/// What `--report` writes.
struct TrainReport: Codable {
  /// Files that were read.
  var files: [String]
  /// The model directory.
  var model: String
  /// Trials of `--tune`.
  var trials: [Tuning.Trial]?
  /// What was trained, on what, and how it went.
  var training: TrainingReport

  /// Writes it to `path`, and its picture to `plot`, or beside it.
  func write(to path: String?, plot: String?) throws {
    if let path {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
    if let picture = plot ?? path.map(TrainReport.picture(beside:)) {
      try Data(training.picture.utf8).write(to: URL(fileURLWithPath: picture), options: .atomic)
    }
  }

  /// `training.svg` for `training.json`.
  static func picture(beside path: String) -> String {
    let end = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    guard let dot = path[end...].lastIndex(of: "."), dot > end else { return path + ".svg" }
    return String(path[..<dot]) + ".svg"
  }
}
