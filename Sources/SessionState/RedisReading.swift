import Events

/// Replies as sessions.
extension RedisSessionStore {
  /// Reads a reply of two lists, events and marks, as the session at `index`; notes it as unreadable, and as empty, where it is.
  mutating func readSession(
    _ reply: borrowing RedisReply, _ index: Int, session: Span<UInt8>, into readout: inout SessionReadout
  ) throws(SessionStoreFailure) {
    let events = readout.events.count
    let marks = readout.marks.count
    let bytes = readout.bytes.count
    do throws(SessionStoreFailure) {
      let greatestTime = try readParts(reply, session: session, into: &readout)
      readout.sessions.append(
        StoredSession(
          events: events..<readout.events.count, marks: marks..<readout.marks.count, greatestTime: greatestTime))
    } catch {
      guard case .malformed = error, !onlyReads else { throw error }
      readout.events.removeLast(readout.events.count - events)
      readout.marks.removeLast(readout.marks.count - marks)
      readout.bytes.removeLast(readout.bytes.count - bytes)
      readout.sessions.append(.empty)
      unreadable.append((index, "\(error)"))
    }
  }

  /// Reads events and marks; returns the greatest time.
  private mutating func readParts(
    _ reply: borrowing RedisReply, session: Span<UInt8>, into readout: inout SessionReadout
  ) throws(SessionStoreFailure) -> EventTime {
    for index in 0..<2 {
      if let error = reply.error(at: index) { throw failure(error, session: session) }
    }
    let events = readout.events.count
    var fault: StoredEventText.Fault?
    let areEvents = reply.forEachBytes(at: 0) { entry in
      do throws(StoredEventText.Fault) {
        try text.read(entry, into: &readout)
      } catch {
        fault = error
      }
    }
    if !areEvents || fault != nil { throw malformed(fault, .events, session, "an entry is not a stored event") }
    var greatestTime = EventTime.min
    for event in readout.events[events...] { greatestTime = max(greatestTime, event.time) }
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
        if field == StoredEventText.timeField {
          greatestTime = max(greatestTime, try StoredEventText.time(bytes))
          return
        }
        let name = field
        readout.marks.append(try text.mark(field: name.span, value: bytes))
      } catch {
        fault = error
      }
    }
    if !areMarks || fault != nil {
      throw malformed(fault, .marks, session, "a field is not topic:partition and offset")
    }
    return greatestTime
  }

  private func malformed(
    _ fault: StoredEventText.Fault?, _ kind: RedisKeys.Kind, _ session: Span<UInt8>, _ detail: String
  ) -> SessionStoreFailure {
    let key = keys.text(kind, of: session)
    if fault == .tooManyPartitions { return .tooManyPartitions(key: key) }
    return .malformed(key: key, detail: detail)
  }

  func failure(_ error: String, session: Span<UInt8>) -> SessionStoreFailure {
    let error = SessionStoreFailure.cause(of: error)
    if error.hasPrefix("MALFORMED") || error.hasPrefix("WRONGTYPE") {
      return .malformed(key: keys.text(.events, of: session), detail: error)
    }
    return SessionStoreFailure(reply: error, server: "\(link.configuration.address)")
  }

  /// The failure of a command on the hash of partitions.
  func failure(_ error: String) -> SessionStoreFailure {
    let error = SessionStoreFailure.cause(of: error)
    if error.hasPrefix("WRONGTYPE") {
      return .malformed(key: String(decoding: keys.partitions, as: UTF8.self), detail: error)
    }
    return SessionStoreFailure(reply: error, server: "\(link.configuration.address)")
  }
}
