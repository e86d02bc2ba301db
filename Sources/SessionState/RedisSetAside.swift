import Events

/// What nobody can read.
extension RedisSessionStore {
  /// Gives the keys of `session` another name, so that it begins anew, and notes why; returns what stands under its own name by now:
  /// another worker may have done the same a moment ago and begun.
  mutating func setAside(
    _ session: Span<UInt8>, _ why: String, _ connection: RedisConnection, into readout: inout SessionReadout
  ) throws(SessionStoreFailure) -> StoredSession {
    for _ in 0..<8 {
      let known = unreadable.count
      watchCommand(session, connection)
      try receive(connection) { (store, index, reply) throws(SessionStoreFailure) in
        if let error = reply.error() {
          let failure = store.failure(error, session: session)
          guard case .malformed = failure else { throw failure }
          store.unreadable.append((-1, ""))
        } else if index == 1 {
          try store.readSession(reply, -1, session: session, into: &readout)
          let stored = readout.sessions.removeLast()
          if store.unreadable.count == known { readout.sessions.append(stored) }
        }
      }
      let isReadable = unreadable.count == known
      unreadable.removeLast(unreadable.count - known)
      connection.begin(isReadable ? "UNWATCH" : "MULTI")
      connection.append()
      if isReadable {
        try receive(connection) { _, _, _ in }
        return readout.sessions.removeLast()
      }
      setAsideCommand(session, connection)
      var isDone = false
      try receive(connection) { (store, index, reply) throws(SessionStoreFailure) in
        if let error = reply.error() ?? reply.error(at: 0) { throw store.failure(error, session: session) }
        if index == 2 { isDone = reply.hasElements }
      }
      if isDone {
        readout.setAside.append(why)
        return .empty
      }
    }
    throw .busy(
      server: "\(link.configuration.address)", detail: "\(keys.text(.events, of: session)) changes all the time")
  }

  private func watchCommand(_ session: Span<UInt8>, _ connection: RedisConnection) {
    connection.begin("WATCH")
    for kind in RedisKeys.Kind.allCases { connection.add { keys.append(kind, of: session, to: &$0) } }
    connection.append()
    connection.begin("EVAL")
    connection.add(RedisScript.read)
    connection.add("2")
    connection.add { keys.append(.events, of: session, to: &$0) }
    connection.add { keys.append(.marks, of: session, to: &$0) }
    connection.append()
  }

  private func setAsideCommand(_ session: Span<UInt8>, _ connection: RedisConnection) {
    connection.begin("EVAL")
    connection.add(RedisScript.setAside)
    connection.add("6")
    for kind in RedisKeys.Kind.allCases { connection.add { keys.append(kind, of: session, to: &$0) } }
    for kind in RedisKeys.Kind.allCases {
      connection.add {
        keys.append(kind, of: session, to: &$0)
        $0.append(contentsOf: ":malformed".utf8)
      }
    }
    connection.add(rules.timeToLive)
    connection.append()
    connection.begin("EXEC")
    connection.append()
  }
}
