import Foundation
import Platform
import Testing

@Suite struct ChildProcessTests {
  @Test func outputArrivesThroughAPipe() throws {
    let child = try ChildProcess("/bin/sh", ["-c", "printf 'one two'; exit 3"], output: .pipe)
    #expect(String(decoding: child.readAllOutput(), as: UTF8.self) == "one two")
    #expect(try child.wait() == .status(3))
    #expect(try child.exit() == .status(3))
  }

  @Test func inputGoesThroughAPipeAndEndsWhenClosed() throws {
    let child = try ChildProcess("cat", input: .pipe, output: .pipe)
    #expect(child.write(Array("a line\n".utf8)))
    child.closeInput()
    #expect(!child.write([65]))
    #expect(String(decoding: child.readAllOutput(), as: UTF8.self) == "a line\n")
    #expect(try child.wait() == .status(0))
  }

  @Test func argumentsEnvironmentAndDirectoryArriveAsTheyAre() throws {
    let folder = try TemporaryFolder()
    let child = try ChildProcess(
      "/bin/sh", ["-c", "pwd; echo \"$1|$2|$GREETING|$HOME\"", "sh", "a b", ""],
      environment: ["GREETING": "good day"], directory: folder.path, output: .pipe)
    let lines = String(decoding: child.readAllOutput(), as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines.first.map { $0.hasSuffix(folder.path) } == true)
    #expect(lines.last == "a b||good day|")
    try child.wait()
  }

  @Test func streamsLeadIntoFiles() throws {
    let folder = try TemporaryFolder()
    let child = try ChildProcess(
      "/bin/sh", ["-c", "echo out; echo err >&2"], output: .file(folder.file("out")), error: .file(folder.file("err")))
    #expect(try child.wait() == .status(0))
    #expect(try String(contentsOfFile: folder.file("out"), encoding: .utf8) == "out\n")
    #expect(try String(contentsOfFile: folder.file("err"), encoding: .utf8) == "err\n")
  }

  @Test func noSignalIsBlockedInIt() throws {
    let child = try ChildProcess("grep", ["SigBlk", "/proc/self/status"], output: .pipe)
    let line = String(decoding: child.readAllOutput(), as: UTF8.self)
    #expect(line.contains("0000000000000000"))
    try child.wait()
  }

  @Test func itEndsByASignal() throws {
    let child = try ChildProcess("sleep", ["100"])
    #expect(try child.exit() == nil)
    #expect(try child.wait(milliseconds: 10) == nil)
    #expect(try child.end() == .signal(15))
    child.signal(.terminate)
  }

  @Test func aDeafProgramIsKilledAfterTheGrace() throws {
    let child = try ChildProcess(
      "/bin/sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"], output: .pipe)
    _ = child.readOutput()
    #expect(try child.end(graceMilliseconds: 50) == .signal(9))
  }

  @Test func aMissingProgramIsAnErrorThatNamesIt() {
    #expect(throws: PlatformFailure.program(path: "/nowhere/at-all", code: ENOENT)) {
      try ChildProcess("/nowhere/at-all")
    }
    #expect(PlatformFailure.program(path: "x", code: ENOENT).description == "cannot start x: No such file or directory")
    #expect(throws: PlatformFailure.descriptor(name: "/nowhere/out", code: ENOENT)) {
      try ChildProcess("true", output: .file("/nowhere/out"))
    }
  }

  @Test func aGuardedProgramEndsNormallyToo() throws {
    let child = try ChildProcess("sleep", ["100"], endsWithParent: true)
    #expect(try child.end() == .signal(15))
    let quick = try ChildProcess("true", endsWithParent: true)
    #expect(try quick.wait() == .status(0))
  }
}
