public import Events

/// What is noted of partitions as a whole.
extension RedisSessionStore {
  /// What is known of partitions: see ``SessionStore/marks(of:)``. Allocates.
  public mutating func marks(of partitions: [Int32]) throws(SessionStoreFailure) -> [PartitionMark] {
    let connection = try link.connected()
    if link.isChanged && !link.isTold { throw link.told() }
    var known: [PartitionMark] = []
    do throws(SessionStoreFailure) {
      if link.isChanged { forgetRaises() }
      if !raises.isEmpty { try raise(connection) }
      if !partitions.isEmpty {
        connection.begin("HMGET")
        connection.add(keys.partitions)
        for partition in partitions { connection.add { text.appendField(partition, to: &$0) } }
        connection.append()
        // Where the server followed another one, its data were replaced under the same name.
        let run = link.hasFollowed ? [] : Array((server?.runID ?? "").utf8)
        try receive(connection) { (store, _, reply) throws(SessionStoreFailure) in
          if let error = reply.error() { throw store.failure(error) }
          for (place, partition) in partitions.enumerated() {
            known.append(Self.mark(of: partition, reply.bytes(at: place), run: run))
          }
        }
      }
    } catch {
      throw link.ended(error)
    }
    link.noteAsked()
    return known
  }

  /// Notes which marks are to be raised, now that all of a batch is stored; sends them at once where one of them is a partition's first.
  mutating func note(
    _ appends: borrowing SessionAppends, _ outcomes: borrowing AppendOutcomes, _ connection: RedisConnection
  ) throws(SessionStoreFailure) {
    for outcome in outcomes.outcomes where outcome != .stored { return }
    var isFirst = false
    for mark in appends.partitions {
      while isRaised.count <= Int(mark.partition) { isRaised.append(false) }
      if !isRaised[Int(mark.partition)] { isFirst = true }
      raises.append(mark)
    }
    if isFirst { try raise(connection) }
  }

  /// Raises the marks that are to be raised, in a round trip of their own.
  mutating func raise(_ connection: RedisConnection) throws(SessionStoreFailure) {
    for _ in 0..<2 {
      raiseCommand(connection)
      try receive(connection) { (store, _, reply) throws(SessionStoreFailure) in try store.endRaise(reply) }
      if raises.isEmpty { return }
      try link.loadScripts(connection)
    }
  }

  /// Forgets what was to be said to another server, and what that one knew.
  mutating func forgetRaises() {
    raises.removeAll(keepingCapacity: true)
    isRaised.removeAll(keepingCapacity: true)
    raisedRun = server?.runID ?? ""
  }

  mutating func raiseCommand(_ connection: RedisConnection) {
    connection.begin("EVALSHA")
    connection.add(link.raiseHash)
    connection.add("1")
    connection.add(keys.partitions)
    connection.add(raisedRun.utf8)
    for mark in raises {
      connection.add { text.appendField(mark.partition, to: &$0) }
      connection.add(mark.offset)
    }
    connection.append()
  }

  mutating func endRaise(_ reply: borrowing RedisReply) throws(SessionStoreFailure) {
    if let error = reply.error() {
      if error.hasPrefix("NOSCRIPT") { return }
      throw failure(error)
    }
    for mark in raises { isRaised[Int(mark.partition)] = true }
    raises.removeAll(keepingCapacity: true)
  }

  /// The mark in `value`, `offset run`.
  private static func mark(of partition: Int32, _ value: [UInt8]?, run: [UInt8]) -> PartitionMark {
    let parts = (value ?? []).split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2, let offset = Array(parts[0]).span.decimal(), offset >= 0 else {
      return PartitionMark(partition: partition, offset: -1, isTrusted: false)
    }
    return PartitionMark(partition: partition, offset: offset, isTrusted: Array(parts[1]) == run)
  }
}
