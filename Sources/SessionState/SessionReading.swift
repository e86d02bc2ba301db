public import Events

/// A stored event with its item, for tools, frontends and tests.
public struct SequenceEvent: Sendable, Equatable {
  /// Running number of the event in its session.
  public var number: Int64
  /// Number of the event since its visit began.
  public var ordinal: Int64
  /// Where it came from.
  public var origin: Origin
  /// When it happened.
  public var time: EventTime
  /// External item id.
  public var item: [UInt8]
}

/// A store whose sessions can be looked at one by one.
public protocol SessionReading: SessionStore, ~Copyable {
  /// The latest prediction of `session`, encoded; nil where there is none.
  mutating func storedPrediction(of session: [UInt8]) throws(Failure) -> [UInt8]?
}

extension SessionReading where Self: ~Copyable {
  /// The stored events of `session`, oldest first. Allocates.
  public mutating func sequence(of session: [UInt8]) throws(Failure) -> [SequenceEvent] {
    var readout = SessionReadout()
    try read([ByteRange(start: 0, count: session.count)], of: session, into: &readout)
    return readout.events.map {
      SequenceEvent(
        number: $0.number, ordinal: $0.ordinal, origin: $0.origin, time: $0.time,
        item: Array(readout.bytes[$0.item.indices]))
    }
  }

  /// The marks of `session`, by slot. Allocates.
  public mutating func marks(of session: [UInt8]) throws(Failure) -> [Int32: Int64] {
    var readout = SessionReadout()
    try read([ByteRange(start: 0, count: session.count)], of: session, into: &readout)
    return readout.marks.reduce(into: [:]) { $0[$1.partition] = $1.offset }
  }
}
