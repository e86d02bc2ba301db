/// How to reach Redis and what to call things there.
public struct RedisConfiguration: Sendable, Equatable {
  /// Where the server is.
  public enum Address: Sendable, Equatable, CustomStringConvertible {
    /// A host and TCP port.
    case tcp(host: String, port: Int)
    /// A Unix socket.
    case unix(path: String)

    /// `host:port`, or the path.
    public var description: String {
      switch self {
      case .tcp(let host, let port): "\(host):\(port)"
      case .unix(let path): path
      }
    }
  }

  /// Where the server is.
  public var address: Address
  /// User to authenticate as; nil is Redis's `default`.
  public var user: String?
  /// Password; nil does not authenticate.
  public var password: String?
  /// Number of the database. Default 0.
  public var database: Int
  /// What all keys begin with; without braces. Default `intentd`.
  public var prefix: String
  /// Part of every key after the prefix, so that another one begins with empty sessions; nil for none.
  public var generation: String?
  /// How long to wait for a connection and for each reply, in milliseconds. Default 2,000.
  public var timeout: Int

  /// The server at `address`.
  public init(
    _ address: Address, user: String? = nil, password: String? = nil, database: Int = 0, prefix: String = "intentd",
    generation: String? = nil, timeout: Int = 2_000
  ) {
    self.address = address
    self.user = user
    self.password = password
    self.database = database
    self.prefix = prefix
    self.generation = generation
    self.timeout = timeout
  }

  /// What all keys begin with: the prefix and, where there is one, the generation. The part in braces comes after it, so that a
  /// session's keys stay together whatever it is.
  var keyPrefix: String { generation.map { "\(prefix):\($0)" } ?? prefix }

  /// Throws for a setting that can't be used.
  public func check() throws(SessionStoreFailure) {
    if prefix.isEmpty { throw .invalidConfiguration(name: "prefix", why: "it is empty") }
    if generation?.isEmpty == true { throw .invalidConfiguration(name: "generation", why: "it is empty") }
    for (name, part) in [("prefix", prefix), ("generation", generation ?? "")]
    where part.utf8.contains(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }) {
      throw .invalidConfiguration(name: name, why: "it holds a brace, which would move its keys between servers")
    }
    if timeout <= 0 { throw .invalidConfiguration(name: "timeout", why: "it is not above 0") }
    if database < 0 { throw .invalidConfiguration(name: "database", why: "it is below 0") }
    if user != nil && password == nil { throw .invalidConfiguration(name: "user", why: "there is no password") }
  }
}
