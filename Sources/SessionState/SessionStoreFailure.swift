public import Events

/// What can go wrong between this process and the store of sessions.
public enum SessionStoreFailure: PortFailure, Equatable {
  /// The server does not answer, or the connection broke.
  case unreachable(server: String, detail: String)
  /// The server is there but can't serve now: it loads its data, runs a long script, follows another one, or is full.
  case busy(server: String, detail: String)
  /// Credentials or access rights do not suffice.
  case denied(server: String, detail: String)
  /// A key of this program holds something that this program did not write.
  case malformed(key: String, detail: String)
  /// The server refused a command in a way that trying again does not change.
  case refused(server: String, detail: String)
  /// A setting can't be used.
  case invalidConfiguration(name: String, why: String)
  /// The stored events name more topics and partitions than ``Limits/partitions``.
  case tooManyPartitions(key: String)
  /// The server is not the one that marks of partitions were last asked of: it restarted, or another one took over. `run` is its
  /// own name of its run.
  case serverChanged(server: String, run: String)
  /// The server is older than ``RedisServerInfo/oldest``.
  case tooOld(server: String, version: String)

  /// What the worker does about it.
  public var disposition: Disposition {
    switch self {
    case .unreachable, .busy: .retry
    case .serverChanged: .rebuild
    case .denied, .malformed, .refused, .invalidConfiguration, .tooManyPartitions, .tooOld: .halt
    }
  }

  /// What happened, where, and what to do.
  public var description: String {
    switch self {
    case .unreachable(let server, let detail):
      "Redis at \(server) is away (\(detail)). It is tried again; check the server and the network."
    case .busy(let server, let detail):
      "Redis at \(server) can't serve now (\(detail)). It is tried again; where memory is full, raise maxmemory."
    case .denied(let server, let detail):
      "Redis at \(server) denies access (\(detail)). Correct user, password or the rights of the user."
    case .malformed(let key, let detail):
      "Redis key \(key) holds what intentd did not write (\(detail)). Look who else writes there; delete the key, or choose another prefix."
    case .refused(let server, let detail):
      "Redis at \(server) refused a command (\(detail)). Trying again does not help; check its version and settings."
    case .invalidConfiguration(let name, let why):
      "The session store's setting \(name) can't be used: \(why)."
    case .tooManyPartitions(let key):
      "Redis key \(key) names more topics and partitions than the \(Limits.partitions) that one process may see. "
        + "Choose another prefix, or delete the keys of topics that are gone."
    case .serverChanged(let server, let run):
      "Redis at \(server) restarted, or another server took over (its run is \(run) now), so acknowledged writes may be gone. "
        + "Sessions are compared with the topic and rebuilt from it."
    case .tooOld(let server, let version):
      "Redis at \(server) is of version \(version). Take \(RedisServerInfo.oldest.major).\(RedisServerInfo.oldest.minor) or newer."
    }
  }

  /// The part that the server or the network said.
  var detail: String {
    switch self {
    case .unreachable(_, let detail), .busy(_, let detail), .denied(_, let detail), .malformed(_, let detail),
      .refused(_, let detail):
      detail
    case .invalidConfiguration(_, let why): why
    case .tooManyPartitions(let key): key
    case .serverChanged(_, let run): run
    case .tooOld(_, let version): "version \(version)"
    }
  }

  /// The failure behind an error reply, which begins with a name such as `LOADING`.
  init(reply: String, server: String) {
    let reply = Self.cause(of: reply)
    switch reply.prefix(while: { $0 != " " }) {
    case "LOADING", "BUSY", "READONLY", "OOM", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "MISCONF",
      "NOSCRIPT", "UNKILLABLE":
      self = .busy(server: server, detail: reply)
    case "NOAUTH", "WRONGPASS", "NOPERM", "DENIED":
      self = .denied(server: server, detail: reply)
    case "MOVED", "ASK", "CROSSSLOT":
      self = .refused(server: server, detail: "\(reply); a server of a cluster, which needs a client of its own")
    default:
      // These have no name of their own; the first not before version 6.
      if reply.contains("invalid password") || reply.hasPrefix("The user executing the script can't")
        || reply.contains("ACL failure in script")
      {
        self = .denied(server: server, detail: reply)
      } else if reply.contains("max number of clients") {
        self = .busy(server: server, detail: reply)
      } else {
        self = .refused(server: server, detail: reply)
      }
    }
  }

  /// What went wrong inside a script, where the reply wraps it, as servers before 7.0 do:
  /// `ERR Error running script (call to f_…): @user_script:12: @user_script: 12: -OOM command not allowed …`; else the reply.
  static func cause(of reply: String) -> String {
    let place = "@user_script:"
    guard reply.contains("Error running script"), let last = reply.ranges(of: place).last else {
      return reply
    }
    let rest = reply[last.upperBound...].drop { $0 == " " || $0.isNumber || $0 == ":" || $0 == "-" }
    return rest.isEmpty ? reply : String(rest)
  }
}
