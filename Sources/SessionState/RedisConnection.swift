private import CHiredis
import Events
private import Glibc

/// Owns a connection to Redis (`redisContext`). Belongs to one thread.
///
/// Commands are appended, then ``replies(_:_:)`` sends them all and hands back one reply each: one round trip. hiredis: a context
/// in error "can't be reused", so any failure of the connection ends it.
@safe final class RedisConnection {
  private let context: UnsafeMutablePointer<redisContext>
  private let server: String
  /// The command at hand: its arguments one after the other, and where each begins and ends.
  private var bytes: [UInt8] = []
  private var ends: [Int] = []
  /// The commands that are to be sent, as they go over the wire. hiredis would allocate for each of them.
  private var output: [UInt8] = []
  /// Commands that were appended and have no reply yet.
  private(set) var pending = 0

  /// A connection, without authentication.
  init(_ address: RedisConfiguration.Address, milliseconds: Int) throws(SessionStoreFailure) {
    _ = Self.ignoresBrokenPipes
    server = address.description
    let wait = timeval(tv_sec: milliseconds / 1_000, tv_usec: milliseconds % 1_000 * 1_000)
    let opened: UnsafeMutablePointer<redisContext>? =
      switch address {
      case .tcp(let host, let port): unsafe redisConnectWithTimeout(host, Int32(clamping: port), wait)
      case .unix(let path): unsafe redisConnectUnixWithTimeout(path, wait)
      }
    guard let opened = unsafe opened else { throw .unreachable(server: server, detail: "no memory for a connection") }
    if unsafe opened.pointee.err != 0 {
      let detail = unsafe Self.error(of: opened)
      unsafe redisFree(opened)
      throw .unreachable(server: server, detail: detail)
    }
    unsafe redisSetTimeout(opened, wait)
    if case .tcp = address { unsafe redisEnableKeepAlive(opened) }
    unsafe context = opened
  }

  deinit { unsafe redisFree(context) }

  /// hiredis writes without `MSG_NOSIGNAL`: a server that goes away would end the process by SIGPIPE.
  private static let ignoresBrokenPipes: Bool = {
    var action = sigaction()
    unsafe sigaction(SIGPIPE, nil, &action)
    if unsafe action.__sigaction_handler.sa_handler == nil { _ = signal(SIGPIPE, SIG_IGN) }
    return true
  }()

  /// Begins a command.
  func begin(_ name: StaticString) {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    add(name)
  }

  /// Adds an argument to the command.
  func add(_ argument: StaticString) {
    argument.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    ends.append(bytes.count)
  }

  /// Adds an argument to the command.
  func add(_ argument: some Sequence<UInt8>) {
    bytes.append(contentsOf: argument)
    ends.append(bytes.count)
  }

  /// Adds an argument that `fill` appends to the bytes it is given, and nothing else.
  func add(_ fill: (inout [UInt8]) -> Void) {
    fill(&bytes)
    ends.append(bytes.count)
  }

  /// Adds a number as argument.
  func add(_ number: Int64) {
    bytes.appendDecimal(number)
    ends.append(bytes.count)
  }

  /// Ends the command: it is sent with the next ``replies(_:)``.
  func append() {
    output.append(UInt8(ascii: "*"))
    appendLength(ends.count)
    var start = 0
    let arguments = bytes
    for end in ends {
      output.append(UInt8(ascii: "$"))
      appendLength(end - start)
      _ = output.appendBytes(ByteRange(start: start, count: end - start), of: arguments)
      appendNewline()
      start = end
    }
    pending += 1
  }

  private func appendLength(_ length: Int) {
    output.appendDecimal(Int64(length))
    appendNewline()
  }

  private func appendNewline() {
    output.append(UInt8(ascii: "\r"))
    output.append(UInt8(ascii: "\n"))
  }

  /// Sends what was appended and hands each of its replies, in order, to `body`. Reads all of them whatever `body` makes of them,
  /// so that replies and commands stay in step.
  func replies(_ body: (_ index: Int, _ reply: borrowing RedisReply) -> Void) throws(SessionStoreFailure) {
    let code = unsafe output.withUnsafeBytes { bytes in
      unsafe redisAppendFormattedCommand(context, bytes.bindMemory(to: CChar.self).baseAddress, bytes.count)
    }
    output.removeAll(keepingCapacity: true)
    if code != REDIS_OK { throw unsafe .unreachable(server: server, detail: Self.error(of: context)) }
    let count = pending
    for index in 0..<count {
      var raw: UnsafeMutableRawPointer?
      guard unsafe redisGetReply(context, &raw) == REDIS_OK, let found = unsafe raw else {
        throw unsafe .unreachable(server: server, detail: Self.error(of: context))
      }
      pending -= 1
      let reply = unsafe RedisReply(owning: found)
      body(index, reply)
    }
  }

  private static func error(of context: UnsafeMutablePointer<redisContext>) -> String {
    // EAGAIN is how a time-out of the socket shows.
    if unsafe context.pointee.err == REDIS_ERR_IO && (errno == EAGAIN || errno == ETIMEDOUT) {
      return "no answer in time"
    }
    return unsafe withUnsafeBytes(of: &context.pointee.errstr) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
