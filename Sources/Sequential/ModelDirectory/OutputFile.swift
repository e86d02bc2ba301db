import Glibc

/// A file that is being written. The first failure is kept, and what follows it is dropped, until ``finish()`` throws it.
@safe struct OutputFile: ~Copyable {
  private let path: String
  private let descriptor: Int32
  private var failure: ModelFailure?

  /// Creates the file at `path`, which must not exist.
  fileprivate init(_ path: String) throws(ModelFailure) {
    self.path = path
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .system(file: path, operation: "creating", reason: lastError()) }
  }

  deinit { close(descriptor) }

  /// Appends `bytes`.
  mutating func append(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe append($0) }
  }

  /// Appends the values of `matrix`, row by row, as little-endian fp32.
  mutating func append(_ matrix: Matrix) {
    #if _endian(big)
      for index in 0..<matrix.storage.count {
        let bits = matrix.storage[index].bitPattern
        append((0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) })
      }
    #else
      unsafe append(UnsafeRawBufferPointer(start: matrix.storage.base, count: matrix.storage.count * 4))
    #endif
  }

  /// Brings everything to the disk.
  fileprivate consuming func finish() throws(ModelFailure) {
    if let failure { throw failure }
    guard fsync(descriptor) == 0 else { throw .system(file: path, operation: "writing", reason: lastError()) }
  }

  @unsafe private mutating func append(_ bytes: UnsafeRawBufferPointer) {
    var done = 0
    while done < bytes.count && failure == nil {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count = unsafe Glibc.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if count >= 0 {
        done += count
      } else if errno != EINTR {
        failure = .system(file: path, operation: "writing", reason: lastError())
      }
    }
  }
}

/// A new directory beside the one that it will become, so that nobody sees it half written. Removed unless committed.
@safe struct DirectoryReplacement: ~Copyable {
  private let target: String
  private let temporary: String
  private let replaced: String

  /// Creates the temporary directory for `path`, whose parent must exist.
  init(_ path: String) throws(ModelFailure) {
    var target = path
    while target.count > 1 && target.hasSuffix("/") { target.removeLast() }
    // A symbolic link stays; what it points to is replaced.
    if let resolved = unsafe realpath(target, nil) {
      target = unsafe String(cString: resolved)
      unsafe free(resolved)
    }
    self.target = target
    let suffix = "\(getpid())-\(String(UInt32.random(in: .min ... .max), radix: 16))"
    temporary = "\(target).writing-\(suffix)"
    replaced = "\(target).replaced-\(suffix)"
    guard unsafe mkdir(temporary, 0o755) == 0 else {
      throw .system(file: temporary, operation: "creating the directory", reason: lastError())
    }
  }

  deinit { removeDirectory(temporary) }

  /// Creates the file `name` with what `content` appends.
  borrowing func write(_ name: String, _ content: (inout OutputFile) -> Void) throws(ModelFailure) {
    var file = try OutputFile("\(temporary)/\(name)")
    content(&file)
    try file.finish()
  }

  /// True where the place is taken by a directory that may be replaced: one without files but `names`; one with others is refused, as is
  /// what is no directory.
  borrowing func isTaken(replaceable names: [String]) throws(ModelFailure) -> Bool {
    guard let old = entries(target) else {
      let code = errno
      guard code == ENOENT else { throw .system(file: target, operation: "opening the directory", reason: lastError()) }
      return false
    }
    if let foreign = old.first(where: { !names.contains($0) }) {
      throw .foreignFile(directory: target, file: foreign)
    }
    return true
  }

  /// Gives the new directory its name. One that has it already, and no files but `names`, is removed.
  consuming func commit(replacing names: [String]) throws(ModelFailure) {
    try synchronize(temporary)
    let isTaken = try isTaken(replaceable: names)
    if isTaken, unsafe rename(target, replaced) != 0 {
      throw .system(file: target, operation: "renaming", reason: lastError())
    }
    guard unsafe rename(temporary, target) == 0 else {
      let reason = lastError()
      if isTaken { _ = unsafe rename(replaced, target) }
      throw .system(file: target, operation: "renaming the new directory", reason: reason)
    }
    removeDirectory(replaced)
    let slash = target.lastIndex(of: "/")
    try synchronize(slash.map { String(target[...$0]) } ?? ".")
  }
}

/// Brings the names in the directory `path` to the disk.
private func synchronize(_ path: String) throws(ModelFailure) {
  let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .system(file: path, operation: "opening the directory", reason: lastError()) }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else { throw .system(file: path, operation: "writing", reason: lastError()) }
}

/// The names in the directory `path`, sorted; nil where there is no such directory.
private func entries(_ path: String) -> [String]? {
  guard let stream = unsafe opendir(path) else { return nil }
  defer { unsafe closedir(stream) }
  var names: [String] = []
  while let entry = unsafe readdir(stream) {
    let capacity = unsafe MemoryLayout.size(ofValue: entry.pointee.d_name)
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      unsafe pointer.withMemoryRebound(to: CChar.self, capacity: capacity) { unsafe String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// Removes the directory `path` and the files in it, as far as that is possible.
private func removeDirectory(_ path: String) {
  for name in entries(path) ?? [] { _ = unsafe unlink("\(path)/\(name)") }
  _ = unsafe rmdir(path)
}
