private import CPlatform
private import Glibc
private import Synchronization

/// A program that this process started. It begins with no signal blocked, whatever this process blocks.
///
/// Every method may be called from any thread. Letting go of it neither ends nor collects the program, except through
/// ``endsWithParent``.
public final class ChildProcess: Sendable {
  /// Where one of a program's three standard streams leads.
  public enum Stream: Sendable, Equatable {
    /// To `/dev/null`.
    case null
    /// To the same as this process's.
    case inherit
    /// To this process, through a pipe.
    case pipe
    /// Into a file, emptied before. Not for the input.
    case file(String)
  }

  /// How a program ended.
  public enum Exit: Sendable, Equatable {
    /// It returned this status.
    case status(Int32)
    /// This signal ended it.
    case signal(Int32)
  }

  /// Its process number.
  public let processID: Int32
  private let streams: Mutex<Streams>
  private let state = Mutex(State())
  /// A shell that kills the program as soon as this process is gone, however it went.
  private let guardian: ChildProcess?

  private struct State: Sendable {
    var exit: Exit?
  }

  private struct Streams: Sendable {
    var input: Int32 = -1
    var output: Int32 = -1
    var error: Int32 = -1
  }

  /// Starts `program` (a path, or a name to be found in `PATH`). `environment` nil inherits this process's.
  /// With `endsWithParent` the program is killed when this process ends, even by a crash.
  public init(
    _ program: String, _ arguments: [String] = [], environment: [String: String]? = nil, directory: String? = nil,
    input: Stream = .null, output: Stream = .inherit, error: Stream = .inherit, endsWithParent: Bool = false
  ) throws(PlatformFailure) {
    let inputEnds = try Self.open(input, standard: 0)
    let outputEnds: Ends
    let errorEnds: Ends
    do throws(PlatformFailure) {
      outputEnds = try Self.open(output, standard: 1)
    } catch {
      inputEnds.closeAll()
      throw error
    }
    do throws(PlatformFailure) {
      errorEnds = try Self.open(error, standard: 2)
    } catch {
      inputEnds.closeAll()
      outputEnds.closeAll()
      throw error
    }
    do throws(PlatformFailure) {
      let process = try Self.spawn(
        program, arguments, environment, directory, [inputEnds.theirs, outputEnds.theirs, errorEnds.theirs])
      for ends in [inputEnds, outputEnds, errorEnds] { ends.closeTheirs() }
      processID = process
      streams = Mutex(Streams(input: inputEnds.ours, output: outputEnds.ours, error: errorEnds.ours))
      guardian = endsWithParent ? try Self.guardian(of: process) : nil
    } catch {
      for ends in [inputEnds, outputEnds, errorEnds] { ends.closeAll() }
      throw error
    }
  }

  deinit {
    closeInput()
    streams.withLock { streams in
      for descriptor in [streams.output, streams.error] where descriptor >= 0 { _ = close(descriptor) }
    }
  }

  /// Writes all of `bytes` to the program's piped input; false where the program no longer reads.
  @discardableResult public func write(_ bytes: [UInt8]) -> Bool {
    let descriptor = streams.withLock { $0.input }
    guard descriptor >= 0 else { return false }
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { return false }
      rest = rest.dropFirst(written)
    }
    return true
  }

  /// Ends the program's piped input.
  public func closeInput() {
    streams.withLock { streams in
      if streams.input >= 0 { _ = close(streams.input) }
      streams.input = -1
    }
  }

  /// Waits for the next bytes of the program's piped output; nil at its end.
  public func readOutput() -> [UInt8]? { Self.read(streams.withLock { $0.output }) }

  /// Waits for the next bytes of the program's piped error stream; nil at its end.
  public func readError() -> [UInt8]? { Self.read(streams.withLock { $0.error }) }

  /// Everything that is left of the program's piped output. Drain a piped error stream on another thread meanwhile.
  public func readAllOutput() -> [UInt8] {
    var all: [UInt8] = []
    while let bytes = readOutput() { all += bytes }
    return all
  }

  /// Sends signal `number` to the program unless it has ended.
  public func signal(_ number: Int32) {
    state.withLock { if $0.exit == nil { _ = kill(processID, number) } }
  }

  /// Sends ``ProcessSignal`` to the program unless it has ended.
  public func signal(_ signal: ProcessSignal) { self.signal(signal.rawValue) }

  /// How the program ended, or nil while it runs. Does not wait.
  public func exit() throws(PlatformFailure) -> Exit? {
    if let exit = state.withLock({ $0.exit }) { return exit }
    return try collect(wait: false)
  }

  /// Waits for the end of the program.
  @discardableResult public func wait() throws(PlatformFailure) -> Exit {
    while true {
      if let exit = state.withLock({ $0.exit }) { return exit }
      if let exit = try collect(wait: true) { return exit }
    }
  }

  /// Waits at most `milliseconds` for the end of the program; nil where it still runs.
  public func wait(milliseconds: Int) throws(PlatformFailure) -> Exit? {
    let deadline = MonotonicClock.nanoseconds + Int64(milliseconds) * 1_000_000
    while true {
      if let exit = try exit() { return exit }
      guard MonotonicClock.nanoseconds < deadline else { return nil }
      usleep(2_000)
    }
  }

  /// Asks the program to end, kills it where it has not after `graceMilliseconds`, and collects it.
  @discardableResult public func end(graceMilliseconds: Int = 5_000) throws(PlatformFailure) -> Exit {
    signal(.terminate)
    if let exit = try wait(milliseconds: graceMilliseconds) { return exit }
    signal(SIGKILL)
    return try wait()
  }

  /// Reads the end of the program and collects it once; nil while it runs.
  private func collect(wait: Bool) throws(PlatformFailure) -> Exit? {
    var ended = platform_exit()
    let code = unsafe platform_peek_exit(processID, wait ? 1 : 0, &ended)
    // Another thread may have collected it between the look and now.
    if let exit = state.withLock({ $0.exit }) { return exit }
    guard code == 0 else { throw .wait(process: processID, code: code) }
    guard ended.kind != 0 else { return nil }
    let exit: Exit = ended.kind == 1 ? .status(ended.code) : .signal(ended.code)
    return state.withLock { state in
      if let known = state.exit { return known }
      // The guardian goes first: until it is gone, the number must not be given to another process.
      guardian?.signal(SIGKILL)
      _ = try? guardian?.wait()
      _ = platform_reap(processID)
      state.exit = exit
      return exit
    }
  }
}

extension ChildProcess {
  /// The ends of one stream: the program's, and this process's where it is a pipe.
  private struct Ends {
    var theirs: Int32
    var ours: Int32 = -1
    var closesTheirs = false

    func closeTheirs() { if closesTheirs { _ = close(theirs) } }

    func closeAll() {
      closeTheirs()
      if ours >= 0 { _ = close(ours) }
    }
  }

  private static func open(_ stream: Stream, standard: Int32) throws(PlatformFailure) -> Ends {
    switch stream {
    case .null: return Ends(theirs: -1)
    case .inherit: return Ends(theirs: standard)
    case .pipe:
      var ends: [Int32] = [-1, -1]
      let code = unsafe platform_pipe(&ends)
      guard code == 0 else { throw .descriptor(name: "a pipe", code: code) }
      return standard == 0
        ? Ends(theirs: ends[0], ours: ends[1], closesTheirs: true)
        : Ends(theirs: ends[1], ours: ends[0], closesTheirs: true)
    case .file(let path):
      let descriptor = unsafe platform_create(path)
      guard descriptor >= 0 else { throw .descriptor(name: path, code: -descriptor) }
      return Ends(theirs: descriptor, closesTheirs: true)
    }
  }

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String: String]?, _ directory: String?,
    _ descriptors: [Int32]
  ) throws(PlatformFailure) -> Int32 {
    let arguments = [program] + arguments
    let environment = environment.map { $0.map { "\($0.key)=\($0.value)" }.sorted() }
    var process: Int32 = 0
    let code = unsafe platform_spawn(
      &process, program, flat(arguments), Int32(arguments.count), flat(environment ?? []),
      environment.map { Int32($0.count) } ?? -1, directory, descriptors)
    guard code == 0 else { throw .program(path: program, code: code) }
    return process
  }

  /// Strings one after the other, each ended by a zero; a zero inside one would split it, so it is left out.
  private static func flat(_ strings: [String]) -> [CChar] {
    strings.flatMap { string in
      string.utf8.lazy.filter { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
    }
  }

  private static func guardian(of process: Int32) throws(PlatformFailure) -> ChildProcess {
    do throws(PlatformFailure) {
      return try ChildProcess(
        "/bin/sh", ["-c", "read line; kill -9 \(process)"], input: .pipe, output: .null, error: .null)
    } catch {
      _ = kill(process, SIGKILL)
      _ = platform_reap(process)
      throw error
    }
  }

  private static func read(_ descriptor: Int32) -> [UInt8]? {
    guard descriptor >= 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let room = bytes.count
      let count = unsafe Glibc.read(descriptor, &bytes, room)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return nil }
      return Array(bytes.prefix(count))
    }
  }
}
