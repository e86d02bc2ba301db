private import Foundation
public import Testing

/// Finds the servers that some tests need. Without one those tests are skipped, with a message that says how to get it; with
/// `CI=true` in the environment they run, and fail.
public enum TestServer {
  /// Runs a test only where `isAvailable`, or on the build server, where it fails rather than being skipped.
  public static func needed(_ isAvailable: Bool, howTo: Comment) -> ConditionTrait {
    .enabled(if: isAvailable || environment("CI") == "true", howTo)
  }

  /// True where tests are run in their long form: more clicks, more time, more ways to fail (`make test-long`).
  public static var isLong: Bool { environment("INTENTD_TEST_LONG") == "1" }

  /// A variable of the environment, nil where it is not set or empty.
  public static func environment(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The path of `program` in `PATH`.
  public static func find(_ program: String) -> String? {
    (environment("PATH") ?? "").split(separator: ":").map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Waits until `text` stands in the file at `path`; false where it does not within `seconds` or where `isAlive` ends.
  static func wait(for text: String, in path: String, seconds: Double, isAlive: () -> Bool) -> Bool {
    let deadline = Deadline(seconds: seconds)
    while !deadline.isOver {
      if let log = try? String(contentsOfFile: path, encoding: .utf8), log.contains(text) { return true }
      if !isAlive() { return false }
      usleep(20_000)
    }
    return false
  }

  /// The end of the file at `path`, for a message.
  static func tail(of path: String) -> String {
    let log = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return log.split(separator: "\n").suffix(20).joined(separator: "\n")
  }

  /// A server of the tests did not start.
  struct StartFailure: Error, CustomStringConvertible {
    let description: String
  }
}
