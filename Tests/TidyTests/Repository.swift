import Foundation

/// The files of the repository that this test stands in.
struct Repository {
  struct File {
    /// Path from the root, with slashes.
    let path: String
    let text: String

    var pathExtension: String { String(path.split(separator: ".").last ?? "") }
    var isSwift: Bool { pathExtension == "swift" }
    var isC: Bool { ["c", "h", "cpp", "inc"].contains(pathExtension) }
    var isSource: Bool { isSwift || isC || ["py", "sh"].contains(pathExtension) }
    var isMarkdown: Bool { pathExtension == "md" }
  }

  /// The folder of Package.swift.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Paths of all files that git tracks or would add; of all files where this is no clone.
  static let paths: [String] = (gitPaths() ?? walkedPaths()).sorted()

  /// Text files that people write.
  static let files: [File] = paths.compactMap { path in
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let kinds: Set = ["swift", "c", "h", "cpp", "inc", "md", "py", "sh", "yaml", "yml", "toml", "modulemap", "txt"]
    let isFixture = path.contains("/Fixtures/") || path.contains("/golden/")
    let isKnown = kinds.contains(name.split(separator: ".").last.map(String.init) ?? "") && !isFixture
    guard isKnown || name == "Makefile" || path == ".ci/run" else { return nil }
    guard let text = try? String(contentsOf: root.appending(path: path), encoding: .utf8) else { return nil }
    return File(path: path, text: text)
  }

  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: root.appending(path: path).path)
  }

  private static func gitPaths() -> [String]? {
    let git = Process()
    git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    git.arguments = ["git", "-C", root.path, "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    let output = Pipe()
    git.standardOutput = output
    git.standardError = FileHandle.nullDevice
    guard (try? git.run()) != nil else { return nil }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    git.waitUntilExit()
    guard git.terminationStatus == 0, !data.isEmpty else { return nil }
    return data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.filter(exists)
  }

  private static func walkedPaths() -> [String] {
    guard let walk = FileManager.default.enumerator(atPath: root.path) else { return [] }
    var paths: [String] = []
    while let path = walk.nextObject() as? String {
      let name = path.split(separator: "/").last ?? ""
      let isFolder = walk.fileAttributes?[.type] as? FileAttributeType == .typeDirectory
      let isHidden = name.hasPrefix(".") && name != ".ci"
      if isFolder, isHidden || name == "__pycache__" || path == "demo" {
        walk.skipDescendants()
      } else if !isFolder {
        paths.append(path)
      }
    }
    return paths
  }
}
