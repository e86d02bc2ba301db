private import Foundation
private import Glibc

/// A folder of its own under `TMPDIR` (or `/tmp`), removed with all that is in it when the last owner lets go.
public final class TemporaryFolder: Sendable {
  /// Its path.
  public let path: String

  /// Makes a folder whose name begins with `prefix`.
  public init(prefix: String = "intentd") throws(PlatformFailure) {
    let base = ProcessInfo.processInfo.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    let template = "\(base)/\(prefix)-XXXXXX"
    var bytes = template.utf8CString.map { $0 }
    guard unsafe mkdtemp(&bytes) != nil else { throw .folder(path: template, code: errno) }
    path = String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The path of `name` inside it.
  public func file(_ name: String) -> String { "\(path)/\(name)" }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
