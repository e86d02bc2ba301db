import Foundation
import Platform
import TestSupport

/// The executable that was built with the tests, as a process of its own: no signal blocked, streams into files, gone with the test
/// process however that ends.
final class IntentdProcess {
  /// How a call ended, and what it wrote.
  struct Outcome {
    var exit: ChildProcess.Exit
    var output: String
    var error: String

    var isSuccess: Bool { exit == .status(0) }
    /// What it wrote to standard output, a line each.
    var lines: [String] { output.split(separator: "\n").map(String.init) }
  }

  /// It did not do what it should within its time.
  struct TimeoutFailure: Error, CustomStringConvertible {
    let description: String
  }

  /// The executable, which stands beside the test bundle.
  static let path: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("intentd").path
  }()

  let process: ChildProcess
  private let folder: TemporaryFolder

  /// Starts it. Settings in the environment of the test run don't reach it.
  init(_ arguments: [String], directory: String? = nil, environment more: [String: String] = [:]) throws {
    folder = try TemporaryFolder(prefix: "intentd-process")
    let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("INTENTD_") }
      .merging(["SWIFT_BACKTRACE": "enable=no"].merging(more) { $1 }) { $1 }
    process = try ChildProcess(
      IntentdProcess.path, arguments, environment: environment, directory: directory,
      output: .file(folder.file("output")), error: .file(folder.file("error")), endsWithParent: true)
  }

  deinit { kill() }

  /// What it wrote to standard error so far.
  var error: String { text("error") }

  /// What it wrote to standard output so far.
  var output: String { text("output") }

  /// Runs it to its end.
  static func run(
    _ arguments: [String], directory: String? = nil, environment: [String: String] = [:], seconds: Double = 60
  ) throws -> Outcome {
    try IntentdProcess(arguments, directory: directory, environment: environment).wait(seconds: seconds)
  }

  /// Waits for its end.
  func wait(seconds: Double) throws -> Outcome {
    guard let exit = try process.wait(milliseconds: Int(seconds * 1000)) else {
      kill()
      throw TimeoutFailure(description: "intentd still ran after \(seconds) s; it said:\n\(error.suffix(4000))")
    }
    return Outcome(exit: exit, output: output, error: error)
  }

  /// Asks it to end, and waits for that.
  func terminate(seconds: Double = 20) throws -> Outcome {
    process.signal(.terminate)
    return try wait(seconds: seconds)
  }

  /// Ends it as a power failure would.
  func kill() {
    process.signal(9)
    _ = try? process.wait()
  }

  /// True while it runs.
  var isRunning: Bool { (try? process.exit()) == .some(nil) }

  /// Freezes it: nothing of it runs, and it does not know.
  func freeze() { process.signal(19) }

  /// Lets it go on.
  func wake() { process.signal(18) }

  /// The most memory that it ever had resident, in MiB; nil where the system does not tell, or it has ended.
  var peakMiB: Int? {
    let text = try? String(contentsOfFile: "/proc/\(process.processID)/status", encoding: .utf8)
    let line = text?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }.map { $0 >> 10 }
  }

  /// Waits until its log holds `text`; false where it does not in time, or where it ended.
  func says(_ text: String, seconds: Double = 30) -> Bool {
    let deadline = Deadline(seconds: seconds)
    while !error.contains(text) {
      if deadline.isOver || !isRunning { return error.contains(text) }
      usleep(20_000)
    }
    return true
  }

  /// Waits until it has logged `message`, and returns the fields of that line.
  func log(_ message: String, seconds: Double = 30) throws -> [String: String] {
    let deadline = Deadline(seconds: seconds)
    while true {
      if let fields = logLines.first(where: { $0["message"] == message }) { return fields }
      guard !deadline.isOver, isRunning else {
        throw TimeoutFailure(description: "intentd did not log \"\(message)\"; it said:\n\(error.suffix(4000))")
      }
      usleep(10_000)
    }
  }

  /// The lines of its log so far, as fields.
  var logLines: [[String: String]] { IntentdProcess.logLines(error) }

  static func logLines(_ text: String) -> [[String: String]] {
    text.split(separator: "\n").compactMap { line in
      guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else { return nil }
      return object.mapValues { "\($0)" }
    }
  }

  private func text(_ name: String) -> String {
    String(decoding: (try? Data(contentsOf: URL(fileURLWithPath: folder.file(name)))) ?? Data(), as: UTF8.self)
  }
}

extension IntentdProcess.Outcome {
  /// The counters that the daemon logged last, by name.
  var counters: [String: Int] {
    let line = IntentdProcess.logLines(error).last { ["working", "ended"].contains($0["message"]) } ?? [:]
    let pairs = line.compactMap { name, value in Int(value).map { (name, $0) } }
    return Dictionary(pairs) { $1 }
  }
}
