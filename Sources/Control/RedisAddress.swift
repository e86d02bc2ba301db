/// Where Redis answers, from a URL: `redis://[user:password@]host[:port][/database]` or `unix:///path[?db=database]`.
public struct RedisAddress: Sendable, Equatable {
  /// The two ways to reach a server.
  public enum Endpoint: Sendable, Equatable {
    /// Over the network.
    case tcp(host: String, port: Int)
    /// Through a socket of the file system.
    case unix(path: String)
  }

  /// How to reach it.
  public var endpoint: Endpoint
  /// Name to log in with; nil for the default user.
  public var user: String?
  /// Password to log in with; nil for none.
  public var password: String?
  /// Number of the database.
  public var database: Int

  /// An address in parts.
  public init(endpoint: Endpoint, user: String? = nil, password: String? = nil, database: Int = 0) {
    self.endpoint = endpoint
    self.user = user
    self.password = password
    self.database = database
  }

  /// The address as a URL, with the password masked.
  public var maskedURL: String {
    switch endpoint {
    case .unix(let path): return "unix://\(path)" + (database == 0 ? "" : "?db=\(database)")
    case .tcp(let host, let port):
      let login = password == nil ? (user.map { "\($0)@" } ?? "") : "\(user ?? ""):***@"
      return "redis://\(login)\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
    }
  }

  init(url: String) throws(ValueProblem) {
    if url.hasPrefix("unix://") {
      self = try Self.unix(url.dropFirst(7))
    } else if url.hasPrefix("redis://") {
      self = try Self.tcp(url.dropFirst(8))
    } else if url.hasPrefix("rediss://") {
      throw ValueProblem("rediss:// (TLS) is not spoken here; reach the server through a tunnel or a socket")
    } else {
      throw ValueProblem("must begin with redis:// or unix://")
    }
  }

  private static func unix(_ rest: Substring) throws(ValueProblem) -> RedisAddress {
    let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let path = decode(parts[0]), path.hasPrefix("/") else {
      throw ValueProblem("a socket's path must be absolute: unix:///run/redis/redis.sock")
    }
    var database: Substring = "0"
    if parts.count > 1 {
      guard parts[1].hasPrefix("db=") else { throw ValueProblem("only ?db=NUMBER may follow the socket's path") }
      database = parts[1].dropFirst(3)
    }
    return RedisAddress(endpoint: .unix(path: path), database: try number(database))
  }

  private static func tcp(_ rest: Substring) throws(ValueProblem) -> RedisAddress {
    var authority = rest.prefix { $0 != "/" }
    let path = rest.dropFirst(authority.count + 1)
    var user: String?
    var password: String?
    if let at = authority.lastIndex(of: "@") {
      let login = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      authority = authority[authority.index(after: at)...]
      user = decode(login[0])
      password = login.count > 1 ? decode(login[1]) : nil
      guard user != nil, login.count == 1 || password != nil else {
        throw ValueProblem("user or password holds a % that no two hexadecimal digits follow")
      }
      if user?.isEmpty == true { user = nil }
      if password?.isEmpty == true { password = nil }
    }
    let (host, port) = try hostAndPort(authority)
    return RedisAddress(
      endpoint: .tcp(host: host, port: port), user: user, password: password,
      database: path.isEmpty ? 0 : try number(path))
  }

  private static func hostAndPort(_ text: Substring) throws(ValueProblem) -> (String, Int) {
    var host = text
    var port: Substring = "6379"
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      host = text[text.index(after: text.startIndex)..<end]
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { throw ValueProblem("\"\(rest)\" follows the host's address") }
      if !rest.isEmpty { port = rest.dropFirst() }
    } else if let colon = text.lastIndex(of: ":") {
      host = text[..<colon]
      port = text[text.index(after: colon)...]
      guard !host.contains(":") else { throw ValueProblem("an IPv6 address stands in brackets: redis://[::1]:6379") }
    }
    guard !host.isEmpty else { throw ValueProblem("the host is missing: redis://localhost:6379") }
    guard let number = Int(port), (1...65_535).contains(number) else {
      // Not shown: without an @ it may be a password.
      throw ValueProblem(
        "what follows the host's colon is no port; with a login, write redis://user:password@host:port")
    }
    return (String(host), number)
  }

  private static func number(_ text: Substring) throws(ValueProblem) -> Int {
    guard let number = Int(text), number >= 0 else {
      // Not shown: it may be the rest of a password.
      throw ValueProblem("what follows the host is no number of a database; a / in a password is written %2F")
    }
    return number
  }

  /// Undoes percent-encoding; nil where it is wrong.
  private static func decode(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let digits = String(rest.prefix(2)), digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit),
        let value = UInt8(digits, radix: 16)
      else {
        return nil
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
