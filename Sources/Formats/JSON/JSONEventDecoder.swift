public import Events

/// What a decoder takes for an event, besides the mapping of fields.
public struct EventSelection: Sendable, Equatable {
  /// Types that are events; without any, all are.
  public var types: [String] = []
  /// Types that are passed over and counted.
  public var ignoredTypes: [String] = []
  /// What records are wrapped in.
  public var envelope = RecordEnvelope.none

  /// All types, nothing around them.
  public init() {}
}

/// What records are wrapped in.
public enum RecordEnvelope: Sendable, Equatable {
  /// Nothing: the record is the event.
  case none
  /// CloudEvents over Kafka, structured or binary mode.
  case cloudEvents
}

/// Turns JSON records into events. Belongs to one worker; allocates nothing in steady state.
///
/// A record is valid JSON to its last byte, nested at most 128 deep, and none of the configured fields stands in it twice;
/// else it is rejected as `malformed` (`invalid_text` where it is not UTF-8). A user or type longer than
/// ``Limits/sessionBytes`` is `malformed` too.
public struct JSONEventDecoder: ~Copyable {
  /// What it has seen.
  public private(set) var counts = DecodeCounts()
  /// Told, once, the first type that is neither accepted nor ignored.
  public var firstOtherType: ((String) -> Void)?
  private let fields: JSONFields
  private let numbers: FieldNumbers
  private let timeUnit: TimeUnit
  private let kindText: [UInt8]
  private let ignoresWithoutItem: Bool
  private let placeholder: [UInt8]
  private let types: [[UInt8]]
  private let ignoredTypes: [[UInt8]]
  /// What is needed where records are CloudEvents.
  private var envelope: CloudEventsEnvelope?
  private let noHeaders = RecordHeaderView()

  /// A decoder for records of that mapping; only events of `types`, or of all where there are none.
  public init(_ mapping: JSONMapping = .native, types: [String] = []) throws(FormatsFailure) {
    var selection = EventSelection()
    selection.types = types
    try self.init(mapping, selection)
  }

  /// A decoder for records of that mapping, as far as they are selected.
  public init(_ mapping: JSONMapping, _ selection: EventSelection) throws(FormatsFailure) {
    if selection.envelope == .none, mapping.paths.contains(where: \.isAttribute) {
      throw .invalidMapping(text: "ce:", why: "only CloudEvents have attributes")
    }
    let fields = try JSONFields()
    let attributes = AttributeNames(of: mapping)
    let numbers = try FieldNumbers(mapping, in: fields, below: nil, attributes)
    var envelope: CloudEventsEnvelope?
    if selection.envelope == .cloudEvents {
      envelope = try CloudEventsEnvelope(mapping, outer: fields, attributes)
    }
    // Nothing throws from here on, as the compiler asks of a type that can't be copied.
    self.envelope = envelope
    self.numbers = numbers
    timeUnit = mapping.timeUnit
    kindText = Array((mapping.kind?.text ?? "").utf8)
    ignoresWithoutItem = mapping.ignoresWithoutItem
    placeholder = Array(mapping.placeholder.utf8)
    types = selection.types.map { Array($0.utf8) }
    ignoredTypes = (selection.ignoredTypes + mapping.ignoredTypes.filter { !selection.types.contains($0) })
      .map { Array($0.utf8) }
    self.fields = fields
  }

  /// True for CloudEvents, whose attributes may be headers.
  public var wantsHeaders: Bool { envelope != nil }

  /// Decodes one record. `recordTime` is the record's own timestamp, where it has one.
  @discardableResult
  public mutating func decode(
    _ record: Span<UInt8>, key: Span<UInt8>, origin: Origin, recordTime: EventTime?, into batch: inout EventBatch
  ) -> RecordOutcome {
    decode(record, key: key, headers: noHeaders, origin: origin, recordTime: recordTime, into: &batch)
  }

  /// Decodes one record with its headers.
  @discardableResult
  public mutating func decode(
    _ record: Span<UInt8>, key: Span<UInt8>, headers: RecordHeaderView, origin: Origin, recordTime: EventTime?,
    into batch: inout EventBatch
  ) -> RecordOutcome {
    let start = batch.bytes.count
    let outcome =
      envelope == nil
      ? plain(record, origin: origin, recordTime: recordTime, into: &batch)
      : unwrapped(record, headers, origin: origin, recordTime: recordTime, into: &batch)
    if outcome != .event { batch.bytes.removeLast(batch.bytes.count - start) }
    if case .rejected(let reason) = outcome {
      batch.reject(record, bytes: record.count, key: key, as: reason, origin: origin)
    }
    counts.count(outcome)
    return outcome
  }

  private mutating func plain(
    _ record: Span<UInt8>, origin: Origin, recordTime: EventTime?, into batch: inout EventBatch
  ) -> RecordOutcome {
    if let fault = fields.read(record).fault { return .rejected(fault) }
    return event(FieldValues(fields: fields, numbers: numbers), origin: origin, recordTime: recordTime, into: &batch)
  }

  private mutating func unwrapped(
    _ record: Span<UInt8>, _ headers: RecordHeaderView, origin: Origin, recordTime: EventTime?,
    into batch: inout EventBatch
  ) -> RecordOutcome {
    if let fault = fields.read(record).fault { return .rejected(fault) }
    guard let data = envelope?.open(fields, headers) else { return .rejected(.malformed) }
    switch data {
    case .failure(let reason): return .rejected(reason)
    case .record:
      return event(FieldValues(fields: fields, numbers: numbers), origin: origin, recordTime: recordTime, into: &batch)
    case .member(let values):
      return event(values, origin: origin, recordTime: recordTime, into: &batch)
    }
  }

  private mutating func event(
    _ values: FieldValues, origin: Origin, recordTime: EventTime?, into batch: inout EventBatch
  ) -> RecordOutcome {
    let numbers = values.numbers
    if let kind = numbers.kind {
      switch values.fields.kind(kind) {
      case .absent: return .rejected(.malformed)
      case .string: guard values.fields.withText(kind, { $0.equals(kindText) }) else { return .ignored }
      default: return .rejected(.wrongType)
      }
    }
    // What is not wanted may look as it likes.
    guard let type = text(numbers.type, values, else: .type, into: &batch) else { return .rejected(.wrongType) }
    if !(types.isEmpty && ignoredTypes.isEmpty), let outcome = refusal(of: type, batch.bytes) { return outcome }
    guard let item = text(numbers.item, values, into: &batch) else { return .rejected(.wrongType) }
    if item.isEmpty && ignoresWithoutItem { return .ignored }
    guard let session = session(values, into: &batch), let user = text(numbers.user, values, into: &batch) else {
      return .rejected(.wrongType)
    }
    if let fault = EventRules.fault(ofSession: Int(session.count)) ?? EventRules.fault(ofItem: Int(item.count)) {
      return .rejected(fault)
    }
    guard user.count <= Limits.sessionBytes, type.count <= Limits.sessionBytes else { return .rejected(.malformed) }
    let ownTime = recordTime.flatMap { EventRules.isBelieved($0) ? $0 : nil }
    var time: EventTime
    switch eventTime(values) {
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
    for case .field(let number) in numbers.furtherItem where values.fields.kind(number) != .absent {
      counts.furtherItems += 1
    }
    var event = Event(session: session, item: item, user: user, type: type, time: time, origin: origin)
    event.recordTime = ownTime ?? time
    batch.append(event)
    return .event
  }

  /// What becomes of an event of a type that is not wanted; nil for one that is.
  private mutating func refusal(of type: ByteRange, _ bytes: [UInt8]) -> RecordOutcome? {
    let name = bytes.span.extracting(type.indices)
    for ignored in ignoredTypes where name.equals(ignored) { return .ignored }
    if types.isEmpty { return nil }
    for accepted in types where name.equals(accepted) { return nil }
    if counts.otherTypes == 0 {
      firstOtherType?(String(decoding: bytes[type.indices].prefix(Limits.sessionBytes), as: UTF8.self))
    }
    return .otherType
  }

  /// The session's id, with its qualifier where there is one; empty where either is missing.
  private func session(_ values: FieldValues, into batch: inout EventBatch) -> ByteRange? {
    if values.numbers.sessionQualifier.isEmpty { return text(values.numbers.session, values, into: &batch) }
    guard let qualifier = text(values.numbers.sessionQualifier, values, into: &batch) else { return nil }
    batch.bytes.append(UInt8(ascii: "."))
    guard let session = text(values.numbers.session, values, into: &batch) else { return nil }
    if qualifier.isEmpty || session.isEmpty { return .empty }
    return ByteRange(start: Int(qualifier.start), count: Int(qualifier.count) + 1 + Int(session.count))
  }

  /// The text of the first of `places` that holds any, empty where none does; nil for one that is neither string nor
  /// integer.
  private func text(
    _ places: [FieldPlace], _ values: FieldValues, else fallback: CloudEventsEnvelope.Attribute? = nil,
    into batch: inout EventBatch
  ) -> ByteRange? {
    for place in places {
      let range: ByteRange
      switch place {
      case .field(let number):
        switch values.fields.kind(number) {
        case .absent: continue
        case .string, .integer: range = values.fields.appendText(number, to: &batch.bytes)
        case .real, .other: return nil
        }
      case .attribute(let number):
        guard let found = envelope?.appendText(.mapped(number), to: &batch.bytes) else { return nil }
        range = found
      }
      if range.isEmpty { continue }
      if placeholder.isEmpty || !batch.bytes.span.extracting(range.indices).equals(placeholder) { return range }
      batch.bytes.removeLast(Int(range.count))
    }
    guard let fallback, envelope != nil else { return .empty }
    return envelope?.appendText(fallback, to: &batch.bytes)
  }

  private enum TimeField {
    case found(EventTime)
    case absent
    case fault(RejectionReason)
  }

  private func eventTime(_ values: FieldValues) -> TimeField {
    for place in values.numbers.time {
      switch place {
      case .attribute(let number):
        if let found = attributeTime(.mapped(number)) { return found }
      case .field(let number):
        switch values.fields.kind(number) {
        case .absent: continue
        case .integer, .real:
          guard let value = values.fields.time(number, timeUnit) else { return .fault(.timeOutOfRange) }
          return .found(value)
        case .string:
          let unit = timeUnit
          guard let value = values.fields.withText(number, { EventTimeText.parseJSON($0, digits: unit) }) else {
            return .fault(.invalidTime)
          }
          return .found(value)
        case .other: return .fault(.wrongType)
        }
      }
    }
    return attributeTime(.time) ?? .absent
  }

  /// What an attribute of the envelope says; nil where it is absent.
  private func attributeTime(_ attribute: CloudEventsEnvelope.Attribute) -> TimeField? {
    switch envelope?.time(attribute, digits: timeUnit) {
    case nil, .absent: nil
    case .text(let time?): .found(time)
    case .text(nil): .fault(.invalidTime)
    case .wrongType: .fault(.wrongType)
    }
  }
}

extension JSONFields.Status {
  /// Why a record that was read like this is no event; nil where it may be one.
  var fault: RejectionReason? {
    switch self {
    case .read: nil
    case .malformed: .malformed
    case .invalidText: .invalidText
    case .tooLong: .recordTooLong
    case .wrongType: .wrongType
    }
  }
}

extension Span where Element == UInt8 {
  /// True where the bytes are those of `other`.
  func equals(_ other: [UInt8]) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }

  /// True where the bytes begin with those of `other`, capitals or not; `other` has none.
  func begins(with other: [UInt8]) -> Bool {
    guard count >= other.count else { return false }
    for index in other.indices {
      let byte = self[index]
      let lowered = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
      if lowered != other[index] { return false }
    }
    return true
  }
}
