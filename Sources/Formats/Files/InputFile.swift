// The one file that talks to zlib, whose gz… functions read plain files as they are and gzip, several members in a row
// included, decompressed. zlib's rule: a gzFile belongs to one thread at a time.
private import CZlib
private import Glibc

/// A file, plain or gzip, read from its beginning to its end.
@safe final class InputFile {
  /// The path, `-` for standard input.
  let path: String
  private let file: gzFile

  init(path: String) throws(FormatsFailure) {
    self.path = path
    errno = 0
    let opened = path == "-" ? unsafe gzdopen(dup(0), "rb") : unsafe gzopen(path, "rb")
    guard let opened = unsafe opened else { throw .cannotOpen(file: path, why: Self.reason(errno)) }
    unsafe gzbuffer(opened, 128 << 10)
    unsafe file = opened
  }

  deinit { unsafe gzclose_r(file) }

  /// Reads into `range` of `buffer`; the number of bytes read, 0 at the end. `line` is for the message.
  func read(into buffer: inout [UInt8], at range: Range<Int>, line: Int) throws(FormatsFailure) -> Int {
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe gzread(file, bytes.baseAddress! + range.lowerBound, UInt32(clamping: min(range.count, 1 << 30)))
    }
    if count > 0 { return Int(count) }
    var code: Int32 = 0
    let message = unsafe String(cString: gzerror(file, &code))
    switch code {
    case Z_OK, Z_STREAM_END: return 0
    case Z_ERRNO: throw .cannotRead(file: path, line: line, why: Self.reason(errno))
    default: throw .cannotRead(file: path, line: line, why: message)
    }
  }

  private static func reason(_ code: Int32) -> String {
    code == 0 ? "no memory" : unsafe String(cString: strerror(code))
  }
}

extension [UInt8] {
  /// The position of the first line feed in `range`.
  func firstLineFeed(in range: Range<Int>) -> Int? {
    guard !range.isEmpty else { return nil }
    return unsafe withUnsafeBytes { bytes in
      let start = unsafe bytes.baseAddress! + range.lowerBound
      guard let found = unsafe memchr(start, 10, range.count) else { return nil }
      return unsafe range.lowerBound + (UnsafeRawPointer(found) - start)
    }
  }

  /// Moves the bytes of `range` to the front.
  mutating func moveToFront(_ range: Range<Int>) {
    guard range.lowerBound > 0, !range.isEmpty else { return }
    unsafe withUnsafeMutableBytes { bytes in
      let base = bytes.baseAddress!
      unsafe base.copyMemory(from: base + range.lowerBound, byteCount: range.count)
    }
  }
}
