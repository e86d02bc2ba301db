private import Glibc

/// Where a replay's predictions go: a file or standard output, one line each, written in large pieces.
@safe struct ReplayOutput: ~Copyable {
  private let path: String
  private let descriptor: Int32
  private let isOwned: Bool
  private var buffer: [UInt8] = []
  private static let bufferBytes = 1 << 20

  /// Opens `path`, emptied, or standard output for `-`.
  init(_ path: String) throws(ReplayFailure) {
    self.path = path
    isOwned = path != "-"
    descriptor = isOwned ? unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) : 1
    guard descriptor >= 0 else { throw .writing(path: path, why: ReplayOutput.reason(errno)) }
    buffer.reserveCapacity(ReplayOutput.bufferBytes + (1 << 16))
  }

  deinit {
    if isOwned, descriptor >= 0 { close(descriptor) }
  }

  /// Adds `line`, its `end` and a line end.
  mutating func write(_ line: ArraySlice<UInt8>, end: [UInt8] = []) throws(ReplayFailure) {
    buffer.append(contentsOf: line)
    buffer.append(contentsOf: end)
    buffer.append(UInt8(ascii: "\n"))
    if buffer.count >= ReplayOutput.bufferBytes { try flush() }
  }

  /// Writes what is buffered.
  mutating func flush() throws(ReplayFailure) {
    var written = 0
    while written < buffer.count {
      let count = unsafe buffer.withUnsafeBytes { bytes in
        unsafe Glibc.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
      }
      if count >= 0 {
        written += count
      } else if errno != EINTR {
        throw .writing(path: path, why: ReplayOutput.reason(errno))
      }
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private static func reason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
