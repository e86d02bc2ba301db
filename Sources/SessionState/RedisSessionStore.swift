public import Events

/// What a connected server says of itself.
public struct RedisServerInfo: Sendable, Equatable {
  /// Version of the server.
  public var version: String
  /// Name of this run of the server: another one has restarted, or is another server.
  public var runID: String
  /// What it does when memory is full; nil where it does not tell.
  public var evictionPolicy: String?

  /// Why the operator should look at it; nil where all is well.
  public var warning: String? {
    guard let evictionPolicy, evictionPolicy != "noeviction" else { return nil }
    return
      "Redis deletes keys when its memory is full (maxmemory-policy \(evictionPolicy)), so sessions may lose their "
      + "past. Set maxmemory-policy noeviction."
  }
}

/// Sessions' sequences in Redis. Belongs to one worker.
///
/// For a session, in one hash slot, with one time to live: `{prefix}:{<session>}:events`, a list of its newest
/// ``SessionRules/keep`` events (``StoredEvent`` as text); `{prefix}:{<session>}:marks`, a hash of topic:partition to the last
/// offset applied, with the greatest event time in the field `time`; `{prefix}:{<session>}:next`, its latest prediction.
///
/// It connects with the first call. After a failure of the connection the next call connects anew, at once the first time, then
/// no sooner than a growing pause allows; until then it fails at once, and asks for a retry.
public struct RedisSessionStore: SessionReading, ~Copyable {
  /// The server as it was when it was last connected to; nil before.
  public private(set) var server: RedisServerInfo?
  private let configuration: RedisConfiguration
  private let rules: SessionRules
  private let keys: RedisKeys
  private var text: StoredEventText
  private var connection: RedisConnection?
  private var backOff = BackOff()
  private var lastDetail = ""
  private var scriptHash: [UInt8] = []
  /// Highest offsets of the append at hand, by partition.
  private var marks: [Mark] = []
  /// Sessions of the appends at hand that are still to be sent.
  private var unsent: [Int] = []
  /// The field of the mark at hand.
  private var field: [UInt8] = []

  /// A store at `configuration` whose sessions live by `rules`; `partitions` is the worker's table.
  public init(
    _ configuration: RedisConfiguration, rules: SessionRules, partitions: PartitionTable
  ) throws(SessionStoreFailure) {
    try configuration.check()
    self.configuration = configuration
    self.rules = rules
    keys = RedisKeys(prefix: configuration.prefix)
    text = StoredEventText(partitions)
  }

  /// Connects where it is not connected, for a check at start.
  @discardableResult public mutating func connect() throws(SessionStoreFailure) -> RedisServerInfo? {
    _ = try connected()
    return server
  }

  /// Reads sessions: see ``SessionStore/read(_:of:into:)``. List and marks of a session are of the same moment.
  public mutating func read(
    _ keys: [ByteRange], of bytes: [UInt8], into readout: inout SessionReadout
  ) throws(SessionStoreFailure) {
    readout.removeAll()
    if keys.isEmpty { return }
    let connection = try connected()
    do throws(SessionStoreFailure) {
      for key in keys {
        let session = bytes.span.extracting(key.indices)
        connection.begin("MULTI")
        try connection.append()
        connection.begin("LRANGE")
        connection.add { self.keys.append(.events, of: session, to: &$0) }
        connection.add("0")
        connection.add("-1")
        try connection.append()
        connection.begin("HGETALL")
        connection.add { self.keys.append(.marks, of: session, to: &$0) }
        try connection.append()
        connection.begin("EXEC")
        try connection.append()
      }
      try receive(connection) { (store, index, reply) throws(SessionStoreFailure) in
        let session = bytes.span.extracting(keys[index / 4].indices)
        if let error = reply.error() { throw store.failure(error, session: session) }
        if index % 4 == 3 { try store.readSession(reply, session: session, into: &readout) }
      }
    } catch {
      throw ended(error)
    }
  }

  /// Compares and appends: see ``SessionStore/append(_:into:)``. After a failure, sessions may be stored or not; appended
  /// again, those that are come back as conflicts.
  public mutating func append(
    _ appends: borrowing SessionAppends, into outcomes: inout AppendOutcomes
  ) throws(SessionStoreFailure) {
    outcomes.removeAll()
    let count = appends.sessions.count
    if count == 0 { return }
    let connection = try connected()
    for _ in 0..<count { outcomes.outcomes.append(.stored) }
    unsent.removeAll(keepingCapacity: true)
    unsent.append(contentsOf: 0..<count)
    do throws(SessionStoreFailure) {
      var loads = 0
      while !unsent.isEmpty {
        // The server forgot the script (SCRIPT FLUSH, or another server behind the same name): once is normal.
        if loads > 0 { try loadScript(connection) }
        if loads > 2 { throw .busy(server: configuration.address.description, detail: "NOSCRIPT again and again") }
        loads += 1
        try send(appends, connection, into: &outcomes)
      }
    } catch {
      throw ended(error)
    }
  }

  /// The latest prediction of `session`, encoded; nil where there is none.
  public mutating func storedPrediction(of session: [UInt8]) throws(SessionStoreFailure) -> [UInt8]? {
    let connection = try connected()
    var prediction: [UInt8]?
    do throws(SessionStoreFailure) {
      connection.begin("GET")
      connection.add { keys.append(.next, of: session.span, to: &$0) }
      try connection.append()
      try receive(connection) { (store, _, reply) throws(SessionStoreFailure) in
        if let error = reply.error() { throw store.failure(error, session: session.span) }
        prediction = reply.bytes()
      }
    } catch {
      throw ended(error)
    }
    return prediction
  }

  // MARK: - Commands and replies

  /// Sends the appends of `unsent` and reads their outcomes; what the server lacks the script for is `unsent` then.
  private mutating func send(
    _ appends: borrowing SessionAppends, _ connection: RedisConnection, into outcomes: inout AppendOutcomes
  ) throws(SessionStoreFailure) {
    for index in unsent { try appendCommand(appends, index, connection) }
    let sent = unsent
    unsent.removeAll()
    // The closure can't borrow the appends themselves.
    let bytes = appends.bytes
    let sessions = appends.sessions
    try receive(connection) { (store, index, reply) throws(SessionStoreFailure) in
      let session = bytes.span.extracting(sessions[sent[index]].session.indices)
      if let error = reply.error() {
        guard error.hasPrefix("NOSCRIPT") else { throw store.failure(error, session: session) }
        store.unsent.append(sent[index])
      } else if reply.integer() == nil {
        outcomes.outcomes[sent[index]] = .conflict(outcomes.readout.sessions.count)
        try store.readSession(reply, session: session, into: &outcomes.readout)
      }
    }
  }

  private mutating func appendCommand(
    _ appends: borrowing SessionAppends, _ index: Int, _ connection: RedisConnection
  ) throws(SessionStoreFailure) {
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
    connection.add(scriptHash)
    connection.add("3")
    connection.add { keys.append(.events, of: session, to: &$0) }
    connection.add { keys.append(.marks, of: session, to: &$0) }
    connection.add { keys.append(.next, of: session, to: &$0) }
    connection.add(append.expected)
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
    try connection.append()
  }

  /// Reads all replies; throws the first failure after the last reply, so that commands and replies stay in step.
  private mutating func receive(
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

  /// Reads a reply of two lists, events and marks.
  private mutating func readSession(
    _ reply: borrowing RedisReply, session: Span<UInt8>, into readout: inout SessionReadout
  ) throws(SessionStoreFailure) {
    for index in 0..<2 {
      if let error = reply.error(at: index) { throw failure(error, session: session) }
    }
    let events = readout.events.count
    let marks = readout.marks.count
    var fault: StoredEventText.Fault?
    let areEvents = reply.forEachBytes(at: 0) { entry in
      do throws(StoredEventText.Fault) {
        try text.read(entry, into: &readout)
      } catch {
        fault = error
      }
    }
    if !areEvents || fault != nil { throw malformed(fault, .events, session, "an entry is not a stored event") }
    var greatestTime = readout.events[events...].reduce(EventTime.min) { max($0, $1.time) }
    // Fields and values take turns.
    var isField = true
    let areMarks = reply.forEachBytes(at: 1) { bytes in
      defer { isField.toggle() }
      if isField {
        field.removeAll(keepingCapacity: true)
        _ = field.appendBytes(bytes)
        return
      }
      do throws(StoredEventText.Fault) {
        let name = field
        if name == StoredEventText.timeField {
          greatestTime = max(greatestTime, try StoredEventText.time(bytes))
          return
        }
        readout.marks.append(try text.mark(field: name.span, value: bytes))
      } catch {
        fault = error
      }
    }
    if !areMarks || fault != nil {
      throw malformed(fault, .marks, session, "a field is not topic:partition and offset")
    }
    readout.sessions.append(
      StoredSession(
        events: events..<readout.events.count, marks: marks..<readout.marks.count, greatestTime: greatestTime))
  }

  private func malformed(
    _ fault: StoredEventText.Fault?, _ kind: RedisKeys.Kind, _ session: Span<UInt8>, _ detail: String
  ) -> SessionStoreFailure {
    let key = keys.text(kind, of: session)
    if fault == .tooManyPartitions { return .tooManyPartitions(key: key) }
    return .malformed(key: key, detail: detail)
  }

  private func failure(_ error: String, session: Span<UInt8>) -> SessionStoreFailure {
    if error.hasPrefix("MALFORMED") || error.contains("WRONGTYPE") {
      return .malformed(key: keys.text(.events, of: session), detail: error)
    }
    return SessionStoreFailure(reply: error, server: configuration.address.description)
  }

  // MARK: - The connection

  /// The connection, made where there is none and it is time.
  private mutating func connected() throws(SessionStoreFailure) -> RedisConnection {
    if let connection { return connection }
    let address = configuration.address
    if let pause = backOff.pause {
      let milliseconds = Int(pause / .milliseconds(1))
      throw .unreachable(server: "\(address)", detail: "\(lastDetail); next attempt in \(milliseconds) ms")
    }
    do throws(SessionStoreFailure) {
      let opened = try RedisConnection(address, milliseconds: configuration.timeout)
      try authenticate(opened)
      try loadScript(opened)
      server = try info(opened)
      connection = opened
      backOff.succeeded()
      return opened
    } catch {
      backOff.failed()
      if case .unreachable(_, let detail) = error { lastDetail = detail }
      throw error
    }
  }

  private mutating func authenticate(_ connection: RedisConnection) throws(SessionStoreFailure) {
    if let password = configuration.password {
      connection.begin("AUTH")
      if let user = configuration.user { connection.add(user.utf8) }
      connection.add(password.utf8)
      try connection.append()
    }
    if configuration.database != 0 {
      connection.begin("SELECT")
      connection.add(Int64(configuration.database))
      try connection.append()
    }
    try receive(connection) { (store, _, reply) throws(SessionStoreFailure) in
      if let error = reply.error() { throw SessionStoreFailure(reply: error, server: "\(store.configuration.address)") }
    }
  }

  private mutating func loadScript(_ connection: RedisConnection) throws(SessionStoreFailure) {
    connection.begin("SCRIPT")
    connection.add("LOAD")
    connection.add(AppendScript.text)
    try connection.append()
    try receive(connection) { (store, _, reply) throws(SessionStoreFailure) in
      if let error = reply.error() { throw SessionStoreFailure(reply: error, server: "\(store.configuration.address)") }
      store.scriptHash = reply.bytes() ?? []
    }
  }

  private mutating func info(_ connection: RedisConnection) throws(SessionStoreFailure) -> RedisServerInfo {
    connection.begin("INFO")
    connection.add("server")
    try connection.append()
    connection.begin("CONFIG")
    connection.add("GET")
    connection.add("maxmemory-policy")
    try connection.append()
    var info = RedisServerInfo(version: "", runID: "")
    try receive(connection) { (_, index, reply) throws(SessionStoreFailure) in
      if index == 0, let bytes = reply.bytes() {
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
          if line.hasPrefix("redis_version:") { info.version = String(line.dropFirst(14)) }
          if line.hasPrefix("run_id:") { info.runID = String(line.dropFirst(7)) }
        }
      } else if index == 1, let policy = reply.bytes(at: 1) {
        // Managed servers and careful administrators forbid CONFIG: then it is unknown.
        info.evictionPolicy = String(decoding: policy, as: UTF8.self)
      }
    }
    return info
  }

  /// What a failed call leaves behind: no connection where it broke or where another server may have taken over.
  private mutating func ended(_ failure: SessionStoreFailure) -> SessionStoreFailure {
    switch failure {
    case .unreachable(_, let detail):
      lastDetail = detail
      connection = nil
    case .busy(_, let detail):
      if detail.hasPrefix("READONLY") || detail.hasPrefix("MASTERDOWN") { connection = nil }
    case .denied: connection = nil
    case .malformed, .refused, .invalidConfiguration, .tooManyPartitions: break
    }
    // Replies that were not read would be taken for those of the next call.
    if let open = connection, open.pending > 0 { connection = nil }
    return failure
  }
}
