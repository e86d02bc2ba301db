private import Foundation

/// Why a file cannot be read.
struct ReadProblem: Error, Equatable {
  let text: String
}

/// Small files of text.
enum TextFile {
  /// Longest value that a file may hold, in bytes: a chain of certificates fits.
  static let secretBytes = 1 << 20

  /// The text of the file at `path`, at most `limit` bytes.
  static func read(_ path: String, limit: Int) throws(ReadProblem) -> String {
    do {
      // Foundation follows the links that mounted secrets are.
      let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
      let attributes = try FileManager.default.attributesOfItem(atPath: real)
      guard attributes[.size] as? Int ?? 0 <= limit else {
        throw ReadProblem(text: "it is larger than \(limit) bytes")
      }
      return try String(contentsOfFile: path, encoding: .utf8)
    } catch let problem as ReadProblem {
      throw problem
    } catch {
      throw ReadProblem(text: reason(error))
    }
  }

  private static func reason(_ error: any Error) -> String {
    switch (error as? CocoaError)?.code {
    case .fileReadNoSuchFile: "there is no such file"
    case .fileReadNoPermission: "permission denied"
    case .fileReadInapplicableStringEncoding, .fileReadCorruptFile: "it is not UTF-8"
    default: "\(error.localizedDescription)"
    }
  }
}
