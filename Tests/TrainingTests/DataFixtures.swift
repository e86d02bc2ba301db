import Events
import Foundation
import Platform
import TestSupport

@testable import Training

/// Files of clicks for the tests of the data side.
struct ClickFile {
  let folder: TemporaryFolder
  let path: String

  /// Times of events are so many seconds after this.
  static let origin = 1_700_000_000.0

  /// A table with the columns of GRU4Rec: session, item, seconds after ``origin``.
  init(_ rows: [(String, String, Double)]) throws {
    folder = try TemporaryFolder(prefix: "intentd-training-data")
    path = folder.file("clicks.tsv")
    let lines = rows.map { "\($0.0)\t\($0.1)\t\(ClickFile.origin + $0.2)\n" }.joined()
    try ("SessionId\tItemId\tTime\n" + lines).write(toFile: path, atomically: true, encoding: .utf8)
  }

  /// Any text.
  init(text: String, name: String) throws {
    folder = try TemporaryFolder(prefix: "intentd-training-data")
    path = folder.file(name)
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }

  var options: DataOptions { DataOptions(files: [path]) }

  /// What is read of it, with no options.
  func data() throws -> TrainingData { try withExtendedLifetime(folder) { try TrainingData.read(options) } }
}

extension TrainingData {
  /// Sessions as ids.
  var ids: [[String]] {
    (0..<sessions.count).map { sessions[$0].map { vocabulary.id(of: $0) } }
  }

  /// All items, in the catalogue's order.
  var catalogue: [String] { (0..<itemCount).map { vocabulary.id(of: ItemIndex($0)) } }
}
