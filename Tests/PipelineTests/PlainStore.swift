import Events

/// What a failing store says.
enum PlainStoreFailure: PortFailure {
  case away
  case changed
  var disposition: Disposition { self == .away ? .retry : .rebuild }
  var description: String { self == .away ? "the store is away; wait for it" : "the store is another one" }
}

/// The store's contract in plain Swift dictionaries, shared by the processors that write to it, with faults to order.
final class PlainStoreContents {
  struct Stored: Equatable {
    var number: Int64
    var ordinal: Int64
    var origin: Origin
    var time: EventTime
    var item: String
  }

  struct Session {
    var events: [Stored] = []
    var marks: [Int32: Int64] = [:]
    var greatest = EventTime.min
    var prediction = ""
  }

  var sessions: [String: Session] = [:]
  /// Called before each append; may change what is stored, as another writer does, or throw.
  var beforeAppend: (PlainStoreContents) throws(PlainStoreFailure) -> Void = { _ in }
  /// Called after the sessions of an append were applied; may throw: the answer got lost.
  var afterAppend: () throws(PlainStoreFailure) -> Void = {}
  /// Called by each question for marks; may throw.
  var beforeMarks: () throws(PlainStoreFailure) -> Void = {}
  /// By partition, the last offset applied, on which run of the server.
  var partitions: [Int32: (offset: Int64, run: Int)] = [:]
  /// Number of the server's run.
  var run = 0
  /// The run that marks were last asked of.
  var askedRun = 0
  /// Sessions that were read.
  var reads = 0
}

struct PlainStore: SessionStore, ~Copyable {
  let contents: PlainStoreContents
  let keep: Int

  mutating func read(_ keys: [ByteRange], of bytes: [UInt8], into readout: inout SessionReadout)
    throws(PlainStoreFailure)
  {
    contents.reads += keys.count
    for key in keys { add(contents.sessions[bytes.text(key)] ?? .init(), to: &readout) }
  }

  private func add(_ session: PlainStoreContents.Session, to readout: inout SessionReadout) {
    let events = readout.events.count
    let marks = readout.marks.count
    for event in session.events {
      readout.events.append(
        StoredEvent(
          number: event.number, ordinal: event.ordinal, origin: event.origin, time: event.time,
          item: readout.bytes.appendBytes(Array(event.item.utf8).span)))
    }
    for (partition, offset) in session.marks.sorted(by: { $0.key < $1.key }) {
      readout.marks.append(Mark(partition: partition, offset: offset))
    }
    readout.sessions.append(
      StoredSession(
        events: events..<readout.events.count, marks: marks..<readout.marks.count, greatestTime: session.greatest))
  }

  mutating func append(_ appends: borrowing SessionAppends, into outcomes: inout AppendOutcomes)
    throws(PlainStoreFailure)
  {
    try contents.beforeAppend(contents)
    if contents.run != contents.askedRun { throw .changed }
    for append in appends.sessions {
      let key = appends.bytes.text(append.session)
      var session = contents.sessions[key] ?? .init()
      guard (session.events.last?.number ?? 0) == append.expected else {
        outcomes.outcomes.append(.conflict(outcomes.readout.sessions.count))
        add(session, to: &outcomes.readout)
        continue
      }
      for event in appends.events[append.events] {
        session.events.append(
          .init(
            number: event.number, ordinal: event.ordinal, origin: event.origin, time: event.time,
            item: appends.bytes.text(event.item)))
        let mark = session.marks[event.origin.partition] ?? -1
        session.marks[event.origin.partition] = max(mark, event.origin.offset)
      }
      session.events.removeFirst(max(0, session.events.count - keep))
      session.greatest = append.greatestTime
      session.prediction = appends.bytes.text(append.prediction)
      contents.sessions[key] = session
      outcomes.outcomes.append(.stored)
    }
    if outcomes.outcomes.allSatisfy({ $0 == .stored }) {
      for mark in appends.partitions {
        let known = contents.partitions[mark.partition]?.offset ?? -1
        contents.partitions[mark.partition] = (max(known, mark.offset), contents.run)
      }
    }
    try contents.afterAppend()
  }

  mutating func marks(of partitions: [Int32]) throws(PlainStoreFailure) -> [PartitionMark] {
    try contents.beforeMarks()
    contents.askedRun = contents.run
    return partitions.map {
      let known = contents.partitions[$0]
      return PartitionMark(partition: $0, offset: known?.offset ?? -1, isTrusted: known?.run == contents.run)
    }
  }
}

/// Writes a prediction as text that shows all of it, scores to the bit.
struct PlainEncoder: PredictionEncoder, ~Copyable {
  mutating func encode(
    _ prediction: Prediction, items: [ScoredItem], of event: Event, eventBytes: [UInt8], into bytes: inout [UInt8]
  ) {
    var text = "\(eventBytes.text(event.session)) \(eventBytes.text(event.item)) \(prediction.status.rawValue):"
    for item in items[prediction.itemIndices] { text += " \(item.item)=\(item.score.bitPattern)" }
    bytes.append(contentsOf: text.utf8)
  }
}
