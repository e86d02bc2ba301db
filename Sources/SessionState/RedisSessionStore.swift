public import Events

/// Sessions' sequences in Redis. Belongs to one worker.
///
/// For a session, in one hash slot, with one time to live: `{prefix}:{<session>}:events`, a list of its newest
/// ``SessionRules/keep`` events (``StoredEvent`` as text); `{prefix}:{<session>}:marks`, a hash of topic:partition to the last
/// offset applied, with the greatest event time in the field `time`; `{prefix}:{<session>}:next`, its latest prediction. For all of them,
/// `{prefix}:partitions`, a hash of topic:partition to the offset applied and the run of the server that it was applied on.
///
/// A session whose keys can't be read does not stop anything: they get another name (`:malformed` at the end), and it begins anew.
///
/// It connects with the first call. After a failure of the connection the next call connects anew, at once the first time, then
/// no sooner than a growing pause allows; until then it fails at once, and asks for a retry.
public struct RedisSessionStore: SessionReading, ~Copyable {
  let rules: SessionRules
  /// True for a store that changes nothing, whatever it finds.
  let onlyReads: Bool
  let keys: RedisKeys
  var text: StoredEventText
  var link: RedisLink
  /// Highest offsets of the append at hand, by partition.
  private var marks: [Mark] = []
  /// Sessions of the appends at hand that are still to be sent, and those that were.
  private var unsent: [Int] = []
  private var sent: [Int] = []
  /// Sessions of the call at hand that can't be read, with the reason.
  var unreadable: [(index: Int, why: String)] = []
  /// The field of the mark at hand.
  var field: [UInt8] = []
  /// Marks of partitions that are still to be raised.
  var raises: [Mark] = []
  /// By slot, true where the server has a mark of this run.
  var isRaised: [Bool] = []
  /// The run of the server that these two are about.
  var raisedRun = ""

  /// A store at `configuration` whose sessions live by `rules`; `partitions` is the worker's table. One that only reads, for tools, also
  /// takes a replica, and throws where a session can't be read.
  public init(
    _ configuration: RedisConfiguration, rules: SessionRules, partitions: PartitionTable, onlyReads: Bool = false
  ) throws(SessionStoreFailure) {
    try configuration.check()
    self.onlyReads = onlyReads
    self.rules = rules
    keys = RedisKeys(prefix: configuration.keyPrefix)
    text = StoredEventText(partitions)
    link = RedisLink(configuration, takesReplicas: onlyReads)
  }

  /// The server as it was when it was last connected to; nil before.
  public var server: RedisServerInfo? { link.server }

  /// Connects where it is not connected, for a check at start.
  @discardableResult public mutating func connect() throws(SessionStoreFailure) -> RedisServerInfo? {
    _ = try link.connected()
    return server
  }

  /// Reads sessions: see ``SessionStore/read(_:of:into:)``. List and marks of a session are of the same moment.
  public mutating func read(
    _ keys: [ByteRange], of bytes: [UInt8], into readout: inout SessionReadout
  ) throws(SessionStoreFailure) {
    readout.removeAll()
    if keys.isEmpty { return }
    let connection = try link.connectedUnchanged()
    unreadable.removeAll()
    do throws(SessionStoreFailure) {
      for key in keys {
        let session = bytes.span.extracting(key.indices)
        connection.begin("MULTI")
        connection.append()
        connection.begin("LRANGE")
        connection.add { self.keys.append(.events, of: session, to: &$0) }
        connection.add("0")
        connection.add("-1")
        connection.append()
        connection.begin("HGETALL")
        connection.add { self.keys.append(.marks, of: session, to: &$0) }
        connection.append()
        connection.begin("EXEC")
        connection.append()
      }
      try receive(connection) { (store, index, reply) throws(SessionStoreFailure) in
        let session = bytes.span.extracting(keys[index / 4].indices)
        if let error = reply.error() { throw store.failure(error, session: session) }
        guard index % 4 == 3 else { return }
        try store.readSession(reply, index / 4, session: session, into: &readout)
      }
      for place in unreadable.indices {
        let (index, why) = unreadable[place]
        let session = bytes.span.extracting(keys[index].indices)
        readout.sessions[index] = try setAside(session, why, connection, into: &readout)
      }
    } catch {
      throw link.ended(error)
    }
  }

  /// Compares and appends: see ``SessionStore/append(_:into:)``. After a failure, sessions may be stored or not; appended
  /// again, those that are come back as conflicts.
  ///
  /// Marks of partitions are raised with the call after the one that applied what they speak of: nothing undoes a mark where one of the
  /// scripts before it in the same pipeline fails, and a round trip of its own a batch would cost as much as the batch. One that is late
  /// says less than is true, which is harmless; only a partition's first one, without which all of it would be read again, goes at once.
  public mutating func append(
    _ appends: borrowing SessionAppends, into outcomes: inout AppendOutcomes
  ) throws(SessionStoreFailure) {
    outcomes.removeAll()
    let count = appends.sessions.count
    if count == 0 { return }
    let connection = try link.connectedUnchanged()
    for _ in 0..<count { outcomes.outcomes.append(.stored) }
    if server?.runID != raisedRun { forgetRaises() }
    unreadable.removeAll(keepingCapacity: true)
    unsent.removeAll(keepingCapacity: true)
    for index in 0..<count { unsent.append(index) }
    do throws(SessionStoreFailure) {
      var loads = 0
      while !unsent.isEmpty {
        // The server forgot the script (SCRIPT FLUSH): once is normal.
        if loads > 0 { try link.loadScripts(connection) }
        if loads > 2 { throw .busy(server: "\(link.configuration.address)", detail: "NOSCRIPT again and again") }
        loads += 1
        try send(appends, connection, into: &outcomes)
      }
      for place in unreadable.indices {
        let (index, why) = unreadable[place]
        let session = appends.bytes.span.extracting(appends.sessions[index].session.indices)
        let stored = try setAside(session, why, connection, into: &outcomes.readout)
        outcomes.outcomes[index] = .conflict(outcomes.readout.sessions.count)
        outcomes.readout.sessions.append(stored)
      }
      try note(appends, outcomes, connection)
    } catch {
      throw link.ended(error)
    }
  }

  /// The latest prediction of `session`, encoded; nil where there is none.
  public mutating func storedPrediction(of session: [UInt8]) throws(SessionStoreFailure) -> [UInt8]? {
    let connection = try link.connected()
    var prediction: [UInt8]?
    do throws(SessionStoreFailure) {
      connection.begin("GET")
      connection.add { keys.append(.next, of: session.span, to: &$0) }
      connection.append()
      try receive(connection) { (store, _, reply) throws(SessionStoreFailure) in
        if let error = reply.error() { throw store.failure(error, session: session.span) }
        prediction = reply.bytes()
      }
    } catch {
      throw link.ended(error)
    }
    return prediction
  }

  /// How long the keys of `session` have to live, in milliseconds; nil where there are none.
  public mutating func timeToLive(of session: [UInt8]) throws(SessionStoreFailure) -> Int64? {
    let connection = try link.connected()
    var left: Int64?
    do throws(SessionStoreFailure) {
      connection.begin("PTTL")
      connection.add { keys.append(.events, of: session.span, to: &$0) }
      connection.append()
      try receive(connection) { (store, _, reply) throws(SessionStoreFailure) in
        if let error = reply.error() { throw store.failure(error, session: session.span) }
        left = reply.integer()
      }
    } catch {
      throw link.ended(error)
    }
    return left.flatMap { $0 < 0 ? nil : $0 }
  }

  // MARK: - Commands and replies

  /// Sends the appends of `unsent` and reads their outcomes; what the server lacks the script for is `unsent` then.
  private mutating func send(
    _ appends: borrowing SessionAppends, _ connection: RedisConnection, into outcomes: inout AppendOutcomes
  ) throws(SessionStoreFailure) {
    let isRaising = !raises.isEmpty
    if isRaising { raiseCommand(connection) }
    for index in unsent { appendCommand(appends, index, connection) }
    swap(&unsent, &sent)
    unsent.removeAll(keepingCapacity: true)
    // The closure can't borrow the appends themselves.
    let bytes = appends.bytes
    let sessions = appends.sessions
    try receive(connection) { (store, index, reply) throws(SessionStoreFailure) in
      if isRaising && index == 0 { return try store.endRaise(reply) }
      let place = store.sent[isRaising ? index - 1 : index]
      let session = bytes.span.extracting(sessions[place].session.indices)
      if let error = reply.error() {
        if error.hasPrefix("NOSCRIPT") { return store.unsent.append(place) }
        let failure = store.failure(error, session: session)
        guard case .malformed = failure else { throw failure }
        store.unreadable.append((place, "\(failure)"))
      } else if reply.integer() == nil {
        let count = store.unreadable.count
        let found = outcomes.readout.sessions.count
        try store.readSession(reply, place, session: session, into: &outcomes.readout)
        if store.unreadable.count > count {
          outcomes.readout.sessions.removeLast()
        } else {
          outcomes.outcomes[place] = .conflict(found)
        }
      }
    }
  }

  private mutating func appendCommand(
    _ appends: borrowing SessionAppends, _ index: Int, _ connection: RedisConnection
  ) {
    let append = appends.sessions[index]
    let session = appends.bytes.span.extracting(append.session.indices)
    marks.removeAll(keepingCapacity: true)
    for event in appends.events[append.events] {
      if let known = marks.firstIndex(where: { $0.partition == event.origin.partition }) {
        marks[known].offset = max(marks[known].offset, event.origin.offset)
      } else {
        marks.append(Mark(partition: event.origin.partition, offset: event.origin.offset))
      }
    }
    connection.begin("EVALSHA")
    connection.add(link.appendHash)
    connection.add("3")
    connection.add { keys.append(.events, of: session, to: &$0) }
    connection.add { keys.append(.marks, of: session, to: &$0) }
    connection.add { keys.append(.next, of: session, to: &$0) }
    connection.add {
      $0.appendDecimal(append.expected)
      $0.append(UInt8(ascii: " "))
    }
    connection.add(Int64(rules.keep))
    connection.add(rules.timeToLive)
    let prediction = appends.bytes.span.extracting(append.prediction.indices)
    connection.add { _ = $0.appendBytes(prediction) }
    connection.add(append.greatestTime)
    connection.add(Int64(marks.count))
    for mark in marks {
      connection.add { text.appendField(mark.partition, to: &$0) }
      connection.add(mark.offset)
    }
    let items = appends.bytes
    for event in appends.events[append.events] {
      connection.add { text.append(event, items: items, to: &$0) }
    }
    connection.append()
  }

  /// Reads all replies; throws the first failure after the last reply, so that commands and replies stay in step.
  mutating func receive(
    _ connection: RedisConnection,
    _ body: (inout RedisSessionStore, Int, borrowing RedisReply) throws(SessionStoreFailure) -> Void
  ) throws(SessionStoreFailure) {
    var first: SessionStoreFailure?
    try connection.replies { index, reply in
      do throws(SessionStoreFailure) {
        try body(&self, index, reply)
      } catch {
        if first == nil { first = error }
      }
    }
    if let first { throw first }
  }
}
