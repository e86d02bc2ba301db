// Temporary files, which have no name once they are open: whatever ends the process, nothing stays behind.
private import Glibc

/// A temporary file that disappears with its owner. Bytes are appended, and read back at positions.
final class SpillFile {
  /// Bytes written.
  private(set) var count = 0
  private let descriptor: Int32
  private let directory: String

  /// A file in `directory`.
  init(directory: String) throws(FormatsFailure) {
    self.directory = directory
    var template = Array("\(directory)/intentd-sort-XXXXXX".utf8CString)
    descriptor = unsafe template.withUnsafeMutableBufferPointer { unsafe mkstemp($0.baseAddress!) }
    guard descriptor >= 0 else { throw .cannotSort(directory: directory, why: Self.reason()) }
    _ = unsafe template.withUnsafeBufferPointer { unsafe unlink($0.baseAddress!) }
  }

  deinit { close(descriptor) }

  /// Where temporary files belong: `TMPDIR`, else `/tmp`.
  static var defaultDirectory: String {
    guard let value = unsafe getenv("TMPDIR") else { return "/tmp" }
    let path = unsafe String(cString: value)
    return path.isEmpty ? "/tmp" : path
  }

  /// Appends all of `bytes`.
  func append(_ bytes: [UInt8]) throws(FormatsFailure) {
    var done = 0
    while done < bytes.count {
      let wrote = unsafe bytes.withUnsafeBytes {
        unsafe pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(count))
      }
      if wrote < 0, errno == EINTR { continue }
      guard wrote > 0 else { throw .cannotSort(directory: directory, why: Self.reason()) }
      done += wrote
      count += wrote
    }
  }

  /// Fills `range` of `buffer` with the bytes from `position` on.
  func read(into buffer: inout [UInt8], at range: Range<Int>, from position: Int) throws(FormatsFailure) {
    var done = 0
    while done < range.count {
      let got = unsafe buffer.withUnsafeMutableBytes {
        unsafe pread(descriptor, $0.baseAddress! + range.lowerBound + done, range.count - done, off_t(position + done))
      }
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { throw .cannotSort(directory: directory, why: Self.reason()) }
      done += got
    }
  }

  private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}
