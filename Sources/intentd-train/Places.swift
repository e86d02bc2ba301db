import Control
import Foundation
import Sequential

/// Where a training writes to.
struct Places {
  /// The model directory.
  let output: String
  /// Files beside it: the report, and the picture.
  let files: [String]

  init(_ options: TrainOptions, _ output: String) {
    self.output = output
    let picture = options.plot ?? options.report.map { TrainReport.picture(beside: $0) }
    files = [options.report, picture].compactMap { $0 }
  }

  /// Refuses, before hours of work, what could not be written after them.
  func check() throws {
    let manager = FileManager.default
    let model = Places.real(output)
    for path in files {
      guard !"\(Places.real(path))/".hasPrefix("\(model)/") else {
        throw TrainRun.Refusal(
          description:
            "\(path) would be in the model directory, which holds nothing else. Name a place outside \(output).")
      }
      let attributes = try? manager.attributesOfItem(atPath: Places.real(path))
      guard attributes?[.type] as? FileAttributeType != .typeDirectory else {
        throw TrainRun.Refusal(description: "\(path) is a directory. Name a file.")
      }
    }
    for path in [output] + files {
      let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
      guard manager.isWritableFile(atPath: parent) else {
        throw TrainRun.Refusal(description: "\(path) can't be written: \(parent) is not there, or not writable")
      }
    }
    try ModelDirectoryWriter.checkPlace(output)
  }

  /// `path` from the root, without symbolic links and dots, as far as it is there.
  private static func real(_ path: String) -> String {
    let url = URL(fileURLWithPath: path).standardizedFileURL
    guard !FileManager.default.fileExists(atPath: url.path), url.path != "/" else {
      return url.resolvingSymlinksInPath().path
    }
    let parent = real(url.deletingLastPathComponent().path)
    return "\(parent == "/" ? "" : parent)/\(url.lastPathComponent)"
  }
}
