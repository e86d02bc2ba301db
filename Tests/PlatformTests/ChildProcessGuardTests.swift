import Foundation
import Platform
import Testing

@Suite struct ChildProcessGuardTests {
  @Test func aGuardedProgramIsKilledWhenItsParentVanishes() async throws {
    let result = await #expect(processExitsWith: .exitCode(7), observing: [\.standardOutputContent]) {
      let child = try ChildProcess("sleep", ["600"], output: .null, error: .null, endsWithParent: true)
      FileHandle.standardOutput.write(Data("child \(child.processID).\n".utf8))
      _exit(7)
    }
    let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
    let number = try #require(output.split(separator: "child ").last?.split(separator: ".").first)
    let process = try #require(Int32(number))
    for _ in 0..<2000 where isRunning(process) { try await Task.sleep(for: .milliseconds(5)) }
    #expect(!isRunning(process))
  }
}

/// True unless the process is gone or waits, dead, for its new parent to collect it.
private func isRunning(_ process: Int32) -> Bool {
  guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
  return status.split(separator: ")").last?.hasPrefix(" Z") == false
}
