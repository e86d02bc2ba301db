import Events

/// What a connected server says of itself.
public struct RedisServerInfo: Sendable, Equatable {
  /// Version of the server.
  public var version: String
  /// Name of this run of the server: another one has restarted, or is another server.
  public var runID: String
  /// True where it follows another server.
  public var isReplica = false
  /// What it does when memory is full; nil where it does not tell.
  public var evictionPolicy: String?

  /// The oldest version that is served.
  static let oldest = (major: 6, minor: 2)

  /// False where the version says that the server is too old; one that says nothing is believed to be new.
  var isNewEnough: Bool {
    let numbers = version.split(separator: ".").prefix(2).compactMap { Int($0) }
    return numbers.count < 2 || (numbers[0], numbers[1]) >= Self.oldest
  }

  /// Why the operator should look at it; nil where all is well.
  public var warning: String? {
    guard let evictionPolicy, evictionPolicy != "noeviction" else { return nil }
    return
      "Redis deletes keys when its memory is full (maxmemory-policy \(evictionPolicy)), so sessions may lose their "
      + "past. Set maxmemory-policy noeviction."
  }
}

/// The way to the server: connects, authenticates, loads the scripts, and knows whether it is still the server that it was.
///
/// A server that restarted or that took over from another one may lack writes that were acknowledged. It shows by another name of its
/// run; where a server followed another one in between, by having said so: its data were replaced, its name stays.
struct RedisLink: ~Copyable {
  /// The server as it was when it was last connected to; nil before.
  private(set) var server: RedisServerInfo?
  let configuration: RedisConfiguration
  private let takesReplicas: Bool
  /// Names of the scripts on the server.
  private(set) var appendHash: [UInt8] = []
  private(set) var raiseHash: [UInt8] = []
  /// True from the moment that the server is another one than marks were last asked of, until they are asked again.
  private(set) var isChanged = false
  /// True where that was said.
  var isTold = false
  /// True where the server followed another one since marks were last asked.
  private(set) var hasFollowed = false
  private var askedRun: String?
  private var connection: RedisConnection?
  private var backOff = BackOff()
  private var lastDetail = ""

  init(_ configuration: RedisConfiguration, takesReplicas: Bool = false) {
    self.configuration = configuration
    self.takesReplicas = takesReplicas
  }

  /// The connection, made where there is none and it is time.
  mutating func connected() throws(SessionStoreFailure) -> RedisConnection {
    if let connection { return connection }
    let address = configuration.address
    if let pause = backOff.pause {
      let milliseconds = Int(pause / .milliseconds(1))
      throw .unreachable(server: "\(address)", detail: "\(lastDetail); next attempt in \(milliseconds) ms")
    }
    do throws(SessionStoreFailure) {
      let opened = try RedisConnection(address, milliseconds: configuration.timeout)
      try authenticate(opened)
      let info = try info(opened)
      try check(info)
      if !takesReplicas { try loadScripts(opened) }
      server = info
      connection = opened
      backOff.succeeded()
      return opened
    } catch {
      backOff.failed()
      lastDetail = error.detail
      throw error
    }
  }

  /// As ``connected()``; throws where the server is another one than marks were last asked of.
  mutating func connectedUnchanged() throws(SessionStoreFailure) -> RedisConnection {
    let connection = try connected()
    if isChanged { throw told() }
    return connection
  }

  /// The failure that says that the server changed, noted as said.
  mutating func told() -> SessionStoreFailure {
    isTold = true
    return .serverChanged(server: "\(configuration.address)", run: server?.runID ?? "")
  }

  /// Notes that marks were asked of the server as it is now.
  mutating func noteAsked() {
    askedRun = server?.runID
    isChanged = false
    isTold = false
    hasFollowed = false
  }

  /// What a failed call leaves behind: no connection where it broke or where another server may have taken over.
  mutating func ended(_ failure: SessionStoreFailure) -> SessionStoreFailure {
    switch failure {
    case .unreachable(_, let detail):
      lastDetail = detail
      connection = nil
    case .busy(_, let detail):
      if detail.hasPrefix("READONLY") || detail.hasPrefix("MASTERDOWN") {
        noteFollowing()
        connection = nil
      }
    case .denied: connection = nil
    case .malformed, .refused, .invalidConfiguration, .tooManyPartitions, .serverChanged, .tooOld: break
    }
    // Replies that were not read would be taken for those of the next call.
    if let open = connection, open.pending > 0 { connection = nil }
    return failure
  }

  /// Sends what was appended to `connection`; throws the first error among the replies, after the last of them.
  func receive(
    _ connection: RedisConnection, _ body: (Int, borrowing RedisReply) -> Void = { _, _ in }
  ) throws(SessionStoreFailure) {
    var first: SessionStoreFailure?
    let server = configuration.address
    try connection.replies { index, reply in
      if let error = reply.error() {
        if first == nil { first = SessionStoreFailure(reply: error, server: "\(server)") }
      } else {
        body(index, reply)
      }
    }
    if let first { throw first }
  }

  /// Loads the scripts; a server forgets them when it restarts and by `SCRIPT FLUSH`.
  mutating func loadScripts(_ connection: RedisConnection) throws(SessionStoreFailure) {
    for script in [RedisScript.append, RedisScript.raise] {
      connection.begin("SCRIPT")
      connection.add("LOAD")
      connection.add(script)
      connection.append()
    }
    var hashes: [[UInt8]] = []
    try receive(connection) { _, reply in hashes.append(reply.bytes() ?? []) }
    appendHash = hashes[0]
    raiseHash = hashes[1]
  }

  /// A server that was asked for marks and follows another one now holds that one's data.
  private mutating func noteFollowing() {
    guard askedRun != nil else { return }
    hasFollowed = true
    isChanged = true
  }

  private mutating func check(_ info: RedisServerInfo) throws(SessionStoreFailure) {
    guard info.isNewEnough else { throw .tooOld(server: "\(configuration.address)", version: info.version) }
    if info.isReplica && !takesReplicas {
      if info.runID == askedRun { noteFollowing() }
      throw .busy(server: "\(configuration.address)", detail: "READONLY it is the replica of another server")
    }
    if let askedRun, askedRun != info.runID { isChanged = true }
  }

  private func authenticate(_ connection: RedisConnection) throws(SessionStoreFailure) {
    if let password = configuration.password {
      connection.begin("AUTH")
      if let user = configuration.user { connection.add(user.utf8) }
      connection.add(password.utf8)
      connection.append()
    }
    if configuration.database != 0 {
      connection.begin("SELECT")
      connection.add(Int64(configuration.database))
      connection.append()
    }
    try receive(connection)
  }

  private func info(_ connection: RedisConnection) throws(SessionStoreFailure) -> RedisServerInfo {
    connection.begin("INFO")
    connection.add("server")
    connection.append()
    connection.begin("INFO")
    connection.add("replication")
    connection.append()
    var info = RedisServerInfo(version: "", runID: "")
    try receive(connection) { _, reply in
      for line in String(decoding: reply.bytes() ?? [], as: UTF8.self).split(whereSeparator: \.isNewline) {
        if line.hasPrefix("redis_version:") { info.version = String(line.dropFirst(14)) }
        if line.hasPrefix("run_id:") { info.runID = String(line.dropFirst(7)) }
        if line == "role:slave" { info.isReplica = true }
      }
    }
    connection.begin("CONFIG")
    connection.add("GET")
    connection.add("maxmemory-policy")
    connection.append()
    // Managed servers and careful administrators forbid CONFIG: then it is unknown.
    try connection.replies { _, reply in
      if let policy = reply.bytes(at: 1) { info.evictionPolicy = String(decoding: policy, as: UTF8.self) }
    }
    return info
  }
}
