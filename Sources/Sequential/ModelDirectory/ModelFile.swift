import Glibc

/// A directory that is open, so that all files come from the same one though its name may come to mean another.
@safe struct OpenDirectory: ~Copyable {
  let path: String
  private let descriptor: Int32

  /// Opens the directory at `path`.
  init(_ path: String) throws(ModelFailure) {
    self.path = path
    descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(file: path, operation: "opening the directory", reason: lastError()) }
  }

  deinit { close(descriptor) }

  /// Opens its file `name`, of at most `limit` bytes.
  func file(_ name: String, limit: Int) throws(ModelFailure) -> ModelFile {
    // A FIFO must not make the opening wait; a regular file does not care.
    let file = unsafe openat(descriptor, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw .system(file: "\(path)/\(name)", operation: "opening", reason: lastError()) }
    return try ModelFile(descriptor: file, path: "\(path)/\(name)", limit: limit)
  }

  /// True where it has an entry `name`.
  func has(_ name: String) -> Bool { unsafe faccessat(descriptor, name, F_OK, 0) == 0 }
}

/// A file of a model, or the same bytes in memory, read once from the start to the end. No more is read than it had when
/// it was opened, and nothing is allocated before it is known that the bytes are there.
@safe struct ModelFile: ~Copyable {
  let path: String
  /// Bytes, when it was opened.
  let size: Int
  private(set) var position = 0
  /// -1 in memory.
  private let descriptor: Int32
  private let memory: [UInt8]

  /// Bytes that have not been read.
  var remaining: Int { size - position }

  /// The file behind `descriptor`, which it closes.
  fileprivate init(descriptor: Int32, path: String, limit: Int) throws(ModelFailure) {
    self.path = path
    self.descriptor = descriptor
    memory = []
    var status = stat()
    let result = unsafe fstat(descriptor, &status)
    size = Int(status.st_size)
    guard result == 0 else { throw .system(file: path, operation: "reading its size", reason: lastError()) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(file: path, expected: "a regular file", found: "something else")
    }
    guard size <= limit else {
      throw .unreadable(file: path, expected: "at most \(limit) bytes", found: "\(size)")
    }
  }

  /// Opens the file at `path`, of at most `limit` bytes.
  init(path: String, limit: Int) throws(ModelFailure) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .system(file: path, operation: "opening", reason: lastError()) }
    try self.init(descriptor: descriptor, path: path, limit: limit)
  }

  /// `bytes` as a file that messages call `path`.
  init(bytes: [UInt8], path: String) {
    self.path = path
    size = bytes.count
    descriptor = -1
    memory = bytes
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The next `count` bytes, at most ``remaining``.
  mutating func read(_ count: Int) throws(ModelFailure) -> [UInt8] {
    guard count <= remaining else { throw .changed(file: path) }
    var bytes = [UInt8](repeating: 0, count: count)
    let filled = unsafe bytes.withUnsafeMutableBytes { unsafe fill($0) }
    try filled.get(path)
    return bytes
  }

  /// All bytes that have not been read.
  mutating func readAll() throws(ModelFailure) -> [UInt8] { try read(remaining) }

  /// The next `count` little-endian fp32, at most ``remaining`` / 4, into memory of their own.
  mutating func readFloats(_ count: Int) throws(ModelFailure) -> AlignedBuffer<Float> {
    guard count <= remaining / 4 else { throw .changed(file: path) }
    let buffer = AlignedBuffer<Float>(count: count, repeating: 0)
    let filled = unsafe fill(UnsafeMutableRawBufferPointer(start: buffer.base, count: count * 4))
    try filled.get(path)
    return buffer
  }

  private enum Filled {
    case whole
    case short
    case failed(reason: String)

    func get(_ path: String) throws(ModelFailure) {
      switch self {
      case .whole: return
      case .short: throw .changed(file: path)
      case .failed(let reason): throw .system(file: path, operation: "reading", reason: reason)
      }
    }
  }

  @unsafe private mutating func fill(_ destination: UnsafeMutableRawBufferPointer) -> Filled {
    if descriptor < 0 {
      for index in 0..<destination.count { unsafe destination[index] = memory[position + index] }
      position += destination.count
      return .whole
    }
    var done = 0
    while done < destination.count {
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: destination[done...])
      let count = unsafe Glibc.read(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return .failed(reason: lastError()) }
      guard count > 0 else { return .short }
      done += count
    }
    position += done
    return .whole
  }
}

/// What the operating system says about the last call that failed.
func lastError() -> String { unsafe String(cString: strerror(errno)) }
