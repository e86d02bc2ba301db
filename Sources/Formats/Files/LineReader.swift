internal import Events

/// A line in a ``LineReader``'s buffer, without its end.
public struct Line: Sendable, Equatable {
  /// Where it stands in ``LineReader/bytes``; only its beginning where it is too long.
  public var range: Range<Int>
  /// Length of the whole line.
  public var count: Int

  /// True for a line longer than ``Limits/recordBytes``.
  public var isTooLong: Bool { count > Limits.recordBytes }
}

/// Reads a file line by line through one buffer that never grows: plain or gzip, `\n` or `\r\n`, with or without a byte
/// order mark and a last line feed.
public struct LineReader: ~Copyable {
  /// The buffer that lines stand in until the next call.
  public private(set) var bytes: [UInt8]
  /// Number of the last line, from 1.
  public private(set) var number = 0
  /// Path of the file; empty before the first.
  public var path: String { file?.path ?? "" }
  private var file: InputFile?
  private var position = 0
  private var end = 0
  private var isAtEnd = false
  private static let chunk = 256 << 10

  /// A reader without a file yet.
  public init() { bytes = [UInt8](repeating: 0, count: Limits.recordBytes + Self.chunk) }

  /// Goes to the beginning of a file (`-` for standard input).
  public mutating func open(_ path: String) throws(FormatsFailure) {
    file = try InputFile(path: path)
    (position, end, number, isAtEnd) = (0, 0, 0, false)
    while end < Self.chunk, try fill() {}
    if end >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { position = 3 }
  }

  /// What was read ahead: all of a small file, the beginning of a large one.
  public var ahead: Range<Int> { position..<end }

  /// The next line, or nil at the end.
  public mutating func next() throws(FormatsFailure) -> Line? {
    var searched = position
    while true {
      if let feed = bytes.firstLineFeed(in: searched..<end) { return line(to: feed, next: feed + 1) }
      if isAtEnd { return position < end ? line(to: end, next: end) : nil }
      // With a carriage return a line of the greatest length takes one byte more.
      if end - position > Limits.recordBytes + 1 { return try longLine() }
      let remaining = end - position
      bytes.moveToFront(position..<end)
      (position, end, searched) = (0, remaining, remaining)
      _ = try fill()
    }
  }

  private mutating func line(to end: Int, next: Int) -> Line {
    let start = position
    let stop = end > start && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
    position = next
    number += 1
    let count = stop - start
    return Line(
      range: start..<start + min(count, count > Limits.recordBytes ? Limits.deadLetterBytes : count), count: count)
  }

  /// Passes over the rest of a line that is too long; its beginning stays at the front of the buffer.
  private mutating func longLine() throws(FormatsFailure) -> Line {
    var count = end - position
    bytes.moveToFront(position..<end)
    let kept = Limits.deadLetterBytes
    number += 1
    end = kept
    while true {
      end = kept
      guard try fill() else { break }
      if let feed = bytes.firstLineFeed(in: kept..<end) {
        count += feed - kept
        position = feed + 1
        return Line(range: 0..<kept, count: count)
      }
      count += end - kept
    }
    position = end
    return Line(range: 0..<kept, count: count)
  }

  /// Reads on; false at the end.
  private mutating func fill() throws(FormatsFailure) -> Bool {
    guard let file, !isAtEnd else { return false }
    let count = try file.read(into: &bytes, at: end..<min(bytes.count, end + Self.chunk), line: number + 1)
    end += count
    isAtEnd = count == 0
    return count > 0
  }
}
