import Glibc

/// A hash of a sequence of bytes in pieces: words of eight bytes, mixed as SplitMix64 does. It finds damage, not intent.
struct ByteStreamHash: Sendable {
  /// The hash of what was added.
  private(set) var value: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// Adds `bytes`; pieces count, so that both sides cut alike.
  @unsafe mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var hash = value
    let words = bytes.count / 8
    for word in 0..<words {
      hash = ByteStreamHash.mix(
        hash, unsafe bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self).littleEndian)
    }
    var rest = UInt64(bytes.count)
    for index in words * 8..<bytes.count { rest = rest << 8 | UInt64(unsafe bytes[index]) }
    value = ByteStreamHash.mix(hash, rest)
  }

  /// Adds a number.
  mutating func add(_ number: UInt64) { value = ByteStreamHash.mix(value, number) }

  private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
    var bits = (hash ^ word) &* 0xBF58_476D_1CE4_E5B9
    bits ^= bits >> 29
    return bits &+ hash << 7
  }
}

/// An open file that hashes what is written to it or read from it.
final class StateFile {
  /// Of all bytes so far.
  private(set) var hash = ByteStreamHash()
  /// Bytes that are still to be read.
  private(set) var remaining = 0

  private let path: String
  private let descriptor: Int32

  /// Creates the file at `path`, or empties it.
  init(creating path: String) throws(TrainingFailure) {
    self.path = path
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .file(path: path, operation: "creating", reason: lastReason()) }
  }

  /// Opens the file at `path` for reading.
  init(opening path: String) throws(TrainingFailure) {
    self.path = path
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(path: path, operation: "opening", reason: lastReason()) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      close(descriptor)
      throw .file(path: path, operation: "reading", reason: lastReason())
    }
    remaining = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Appends `bytes`.
  func write(_ bytes: [UInt8]) throws(TrainingFailure) {
    let reason = unsafe bytes.withUnsafeBytes { unsafe append($0) }
    try check(reason, "writing")
  }

  /// Appends a number, in eight bytes.
  func write(number: UInt64) throws(TrainingFailure) {
    try write((0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
  }

  /// Appends the values of `tensor`, row by row.
  func write(_ tensor: Tensor<Float>) throws(TrainingFailure) {
    try check(unsafe append(UnsafeRawBufferPointer(start: tensor.base, count: tensor.count * 4)), "writing")
  }

  /// Brings everything to the disk.
  func synchronize() throws(TrainingFailure) {
    guard fsync(descriptor) == 0 else { throw .file(path: path, operation: "writing", reason: lastReason()) }
  }

  /// The next `count` bytes.
  func read(_ count: Int) throws(TrainingFailure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let reason = unsafe bytes.withUnsafeMutableBytes { unsafe fill($0) }
    try check(reason, "reading")
    return bytes
  }

  /// A number of eight bytes.
  func readNumber() throws(TrainingFailure) -> UInt64 {
    try read(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The values of `tensor`.
  func read(into tensor: Tensor<Float>) throws(TrainingFailure) {
    try check(unsafe fill(UnsafeMutableRawBufferPointer(start: tensor.base, count: tensor.count * 4)), "reading")
  }

  /// Passes over `count` bytes of one tensor.
  func skip(_ count: Int) throws(TrainingFailure) { _ = try read(count) }

  private func check(_ reason: String?, _ operation: String) throws(TrainingFailure) {
    if let reason { throw .file(path: path, operation: operation, reason: reason) }
  }

  /// The reason where it fails.
  @unsafe private func append(_ bytes: UnsafeRawBufferPointer) -> String? {
    unsafe hash.add(bytes)
    var done = 0
    while done < bytes.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count = unsafe Glibc.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return lastReason() }
      done += count
    }
    return nil
  }

  @unsafe private func fill(_ bytes: UnsafeMutableRawBufferPointer) -> String? {
    var done = 0
    while done < bytes.count {
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
      let count = unsafe Glibc.read(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return count == 0 ? "it is cut short" : lastReason() }
      done += count
    }
    remaining -= bytes.count
    unsafe hash.add(UnsafeRawBufferPointer(bytes))
    return nil
  }
}
