private import Glibc

/// What the operating system refused.
public enum PlatformFailure: Error, Equatable, CustomStringConvertible {
  /// A thread did not start.
  case thread(name: String, code: Int32)
  /// Signals could not be blocked.
  case signals(code: Int32)
  /// A program did not start.
  case program(path: String, code: Int32)
  /// A program could not be waited for.
  case wait(process: Int32, code: Int32)
  /// A pipe or file for a program could not be opened.
  case descriptor(name: String, code: Int32)
  /// A folder could not be made.
  case folder(path: String, code: Int32)

  /// What happened, where, and the system's reason.
  public var description: String {
    switch self {
    case .thread(let name, let code): "cannot start thread \(name): \(reason(code))"
    case .signals(let code): "cannot block signals: \(reason(code))"
    case .program(let path, let code): "cannot start \(path): \(reason(code))"
    case .wait(let process, let code): "cannot wait for process \(process): \(reason(code))"
    case .descriptor(let name, let code): "cannot open \(name): \(reason(code))"
    case .folder(let path, let code): "cannot make folder \(path): \(reason(code))"
    }
  }
}

/// The system's words for an errno.
func reason(_ code: Int32) -> String {
  var bytes = [CChar](repeating: 0, count: 256)
  let count = bytes.count
  guard unsafe strerror_r(code, &bytes, count) == 0 else { return "error \(code)" }
  return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
