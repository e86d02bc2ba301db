public import Events

/// Turns JSON records into events. Belongs to one worker; allocates nothing in steady state.
///
/// A record is valid JSON to its last byte, nested at most 128 deep, and none of the configured fields stands in it twice;
/// else it is rejected as `malformed` (`invalid_text` where it is not UTF-8). A user or type longer than
/// ``Limits/sessionBytes`` is `malformed` too.
public struct JSONEventDecoder: ~Copyable {
  /// What it has seen.
  public private(set) var counts = DecodeCounts()
  private let fields: JSONFields
  private let session: [Int]
  private let item: [Int]
  private let time: [Int]
  private let user: [Int]
  private let type: [Int]
  private let kind: Int?
  private let kindText: [UInt8]
  private let ignoresWithoutItem: Bool
  private let types: [[UInt8]]

  /// A decoder for records of that mapping; only events of `types`, or of all where there are none.
  public init(_ mapping: JSONMapping = .native, types: [String] = []) throws(FormatsFailure) {
    let fields = try JSONFields()
    func add(_ paths: [JSONPath]) throws(FormatsFailure) -> [Int] {
      var numbers: [Int] = []
      for path in paths { numbers.append(try fields.add(path)) }
      return numbers
    }
    let numbers = (
      try add(mapping.session), try add(mapping.item), try add(mapping.time), try add(mapping.user),
      try add(mapping.type), try add(mapping.kind.map { [$0.path] } ?? [])
    )
    (session, item, time, user, type) = (numbers.0, numbers.1, numbers.2, numbers.3, numbers.4)
    kind = numbers.5.first
    kindText = Array((mapping.kind?.text ?? "").utf8)
    ignoresWithoutItem = mapping.ignoresWithoutItem
    self.types = types.map { Array($0.utf8) }
    self.fields = fields
  }

  /// Decodes one record. `recordTime` is the record's own timestamp, where it has one.
  @discardableResult
  public mutating func decode(
    _ record: Span<UInt8>, key: Span<UInt8>, origin: Origin, recordTime: EventTime?, into batch: inout EventBatch
  ) -> RecordOutcome {
    let start = batch.bytes.count
    let outcome = event(record, origin: origin, recordTime: recordTime, into: &batch)
    if outcome != .event { batch.bytes.removeLast(batch.bytes.count - start) }
    if case .rejected(let reason) = outcome {
      batch.reject(record, bytes: record.count, key: key, as: reason, origin: origin)
    }
    counts.count(outcome)
    return outcome
  }

  private mutating func event(
    _ record: Span<UInt8>, origin: Origin, recordTime: EventTime?, into batch: inout EventBatch
  ) -> RecordOutcome {
    switch fields.read(record) {
    case .read: break
    case .malformed: return .rejected(.malformed)
    case .invalidText: return .rejected(.invalidText)
    case .tooLong: return .rejected(.recordTooLong)
    case .wrongType: return .rejected(.wrongType)
    }
    switch ofOurKind() {
    case .event: break
    case let other: return other
    }
    guard let session = text(session, into: &batch), let item = text(item, into: &batch),
      let user = text(user, into: &batch), let type = text(type, into: &batch)
    else { return .rejected(.wrongType) }
    if item.isEmpty && ignoresWithoutItem || !isWanted(type, batch.bytes) { return .ignored }
    if let fault = EventRules.fault(ofSession: Int(session.count)) ?? EventRules.fault(ofItem: Int(item.count)) {
      return .rejected(fault)
    }
    guard user.count <= Limits.sessionBytes, type.count <= Limits.sessionBytes else { return .rejected(.malformed) }
    let ownTime = recordTime.flatMap { EventRules.isBelieved($0) ? $0 : nil }
    var time: EventTime
    switch eventTime() {
    case .found(let value): time = value
    case .absent:
      guard let ownTime else { return .rejected(.missingTime) }
      time = ownTime
    case .fault(let reason): return .rejected(reason)
    }
    guard EventRules.isBelieved(time) else { return .rejected(.timeOutOfRange) }
    if let ownTime, time - ownTime > Limits.futureMilliseconds {
      time = ownTime
      counts.clampedTimes += 1
    }
    var event = Event(session: session, item: item, user: user, type: type, time: time, origin: origin)
    event.recordTime = ownTime ?? time
    batch.append(event)
    return .event
  }

  /// Whether the record is of the kind that the mapping asks for.
  private func ofOurKind() -> RecordOutcome {
    guard let kind else { return .event }
    switch fields.kind(kind) {
    case .absent: return .rejected(.malformed)
    case .string: return fields.withText(kind) { $0.equals(kindText) } ? .event : .ignored
    default: return .rejected(.wrongType)
    }
  }

  private func isWanted(_ type: ByteRange, _ bytes: [UInt8]) -> Bool {
    types.isEmpty || types.contains { bytes.span.extracting(type.indices).equals($0) }
  }

  /// The text of the first of `numbers` that holds any, empty where none does; nil for one that is neither string nor
  /// integer.
  private func text(_ numbers: [Int], into batch: inout EventBatch) -> ByteRange? {
    for number in numbers {
      switch fields.kind(number) {
      case .absent: continue
      case .string, .integer:
        let range = fields.appendText(number, to: &batch.bytes)
        if !range.isEmpty { return range }
      case .real, .other: return nil
      }
    }
    return .empty
  }

  private enum TimeField {
    case found(EventTime)
    case absent
    case fault(RejectionReason)
  }

  private func eventTime() -> TimeField {
    for number in time {
      switch fields.kind(number) {
      case .absent: continue
      case .integer, .real:
        guard let value = fields.integer(number) else { return .fault(.timeOutOfRange) }
        return .found(value)
      case .string:
        guard let value = fields.withText(number, { EventTimeText.parseJSON($0) }) else { return .fault(.invalidTime) }
        return .found(value)
      case .other: return .fault(.wrongType)
      }
    }
    return .absent
  }
}

extension Span where Element == UInt8 {
  /// True where the bytes are those of `other`.
  func equals(_ other: [UInt8]) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }
}
