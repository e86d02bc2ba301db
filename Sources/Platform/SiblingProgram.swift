private import CPlatform
private import Foundation
private import Glibc

/// Another program that is installed with this one: beside it, or in `PATH`.
public struct SiblingProgram: Sendable {
  /// Its file's name.
  public let name: String

  /// The program `name`.
  public init(_ name: String) { self.name = name }

  /// The running program itself; nil where the system does not tell.
  public static var own: SiblingProgram? {
    ownPath.flatMap { path in path.split(separator: "/").last.map { SiblingProgram(String($0)) } }
  }

  /// The folder of the running program's file; nil where the system does not tell.
  public static var ownFolder: String? {
    ownPath.flatMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } }
  }

  private static var ownPath: String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  }

  /// Becomes it, with `arguments` and `environment` beside this program's own: returns only where that failed. Threads end, and so does
  /// everything that is not in a file.
  public func execute(_ arguments: [String], environment: [String: String] = [:]) -> PlatformFailure {
    for (name, value) in environment { unsafe setenv(name, value, 1) }
    var code = ENOENT
    for path in [SiblingProgram.ownFolder.map { "\($0)/\(name)" }, name].compactMap({ $0 }) where code == ENOENT {
      let words = [name] + arguments
      code = unsafe platform_exec(path, SiblingProgram.flat(words), Int32(words.count))
    }
    return .program(path: name, code: code)
  }

  /// Strings one after the other, each ended by a zero.
  private static func flat(_ strings: [String]) -> [CChar] {
    strings.flatMap { string in string.utf8.lazy.filter { $0 != 0 }.map { CChar(bitPattern: $0) } + [0] }
  }
}
