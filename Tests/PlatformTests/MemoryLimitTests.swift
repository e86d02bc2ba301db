import Foundation
import Testing

@testable import Platform

@Suite struct MemoryLimitTests {
  /// A tree of control groups with these files.
  private func tree(_ files: [String: String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder(prefix: "cgroup")
    for (path, text) in files {
      let file = URL(fileURLWithPath: folder.file(path))
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    return folder
  }

  @Test func aProcessHasSomeMemory() {
    #expect(MemoryLimit.bytes > 1 << 20)
    #expect(MemoryLimit.bytes <= Int(clamping: ProcessInfo.processInfo.physicalMemory))
  }

  @Test func theLeastLimitOfAGroupAndThoseAroundItCounts() throws {
    let folder = try tree([
      "a/memory.max": "3000000\n", "a/b/memory.max": "max\n", "a/b/c/memory.max": "4000000\n",
      "memory/x/memory.limit_in_bytes": "2000000\n", "memory/memory.limit_in_bytes": "9223372036854771712\n",
    ])
    func limit(_ membership: String) -> Int? { MemoryLimit.controlGroup(membership, root: folder.path) }
    #expect(limit("0::/a/b/c\n") == 3_000_000)
    #expect(limit("0::/elsewhere/b\n") == nil)
    #expect(limit("12:cpu,cpuacct:/x\n7:memory:/x/y\n0::/a/b\n") == 2_000_000)
    #expect(limit("7:hugetlb,memory:/\n") == 9_223_372_036_854_771_712)
    #expect(limit("") == nil && limit("nonsense\n") == nil)
  }

  @Test func aContainerSeesItsGroupAsTheRoot() throws {
    let folder = try tree(["memory.max": "5000000"])
    #expect(MemoryLimit.controlGroup("0::/docker/1234\n", root: folder.path) == 5_000_000)
  }
}
