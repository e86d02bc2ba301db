private import Foundation

/// How much memory the process may use at all.
public enum MemoryLimit {
  /// Bytes that the machine has or, where that is less, that the process's control group allows: in a container the kernel ends what goes
  /// beyond.
  public static var bytes: Int {
    let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    let membership = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
    return min(machine, controlGroup(membership, root: "/sys/fs/cgroup") ?? machine)
  }

  /// The least limit of the groups that `membership`, the text of `/proc/self/cgroup`, names under `root`, and of those around them; nil
  /// where none has one. A line is `number:controllers:path`; version 2 has no controllers, version 1 a hierarchy `memory` of its own.
  static func controlGroup(_ membership: String, root: String) -> Int? {
    var least: Int?
    for line in membership.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let (base, file): (String, String)
      if parts[1].isEmpty {
        (base, file) = (root, "memory.max")
      } else if parts[1].split(separator: ",").contains("memory") {
        (base, file) = ("\(root)/memory", "memory.limit_in_bytes")
      } else {
        continue
      }
      // A container sees its own group as the root, whatever the path says; what is not there has no limit.
      var names = parts[2].split(separator: "/")
      while true {
        let path = ([base] + names.map(String.init) + [file]).joined(separator: "/")
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        // `max` is no number; version 1 says so with one that is larger than any memory.
        if let limit = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)), limit > 0 {
          least = min(least ?? limit, limit)
        }
        guard names.popLast() != nil else { break }
      }
    }
    return least
  }
}
