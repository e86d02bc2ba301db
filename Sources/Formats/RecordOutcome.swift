public import Events

/// What became of a record.
public enum RecordOutcome: Sendable, Equatable {
  /// It is an event and stands in the batch.
  case event
  /// It is none and stands in the batch's rejections.
  case rejected(RejectionReason)
  /// It is a record of another kind, such as an item's update, or of a type that is ignored: counted, nothing more.
  case ignored
  /// Its type is neither accepted nor ignored: counted by itself, as one of the two lists may be misspelt.
  case otherType
}

/// What a decoder has seen.
public struct DecodeCounts: Sendable, Equatable {
  /// Records that became events.
  public var events = 0
  /// Records that were rejected.
  public var rejections = 0
  /// Records of other kinds, and of types that are ignored.
  public var ignored = 0
  /// Records of types that are neither accepted nor ignored.
  public var otherTypes = 0
  /// Events that named more items than the first, which alone counts.
  public var furtherItems = 0
  /// Times that lay too far after the record's own timestamp and were clamped to it.
  public var clampedTimes = 0

  /// Nothing seen.
  public init() {}

  mutating func count(_ outcome: RecordOutcome) {
    switch outcome {
    case .event: events += 1
    case .rejected: rejections += 1
    case .ignored: ignored += 1
    case .otherType: otherTypes += 1
    }
  }
}

extension EventBatch {
  /// Adds a rejected record, cut to the limits of a dead letter.
  mutating func reject(
    _ record: Span<UInt8>, bytes total: Int, key: Span<UInt8>, as reason: RejectionReason, origin: Origin
  ) {
    let key = bytes.appendBytes(key.extracting(first: Limits.sessionBytes))
    let payload = bytes.appendBytes(record.extracting(first: Limits.deadLetterBytes))
    append(Rejection(reason: reason, origin: origin, key: key, payload: payload, payloadBytes: total))
  }
}

/// The rules for an event's parts that all decoders share.
enum EventRules {
  /// True where `time` can be believed.
  static func isBelieved(_ time: EventTime) -> Bool { time >= Limits.earliestTime && time <= Limits.latestTime }

  /// Why an id of `count` bytes is none, or nil.
  static func fault(ofSession count: Int) -> RejectionReason? {
    count == 0 ? .missingSession : count > Limits.sessionBytes ? .sessionTooLong : nil
  }

  /// Why an item of `count` bytes is none, or nil.
  static func fault(ofItem count: Int) -> RejectionReason? {
    count == 0 ? .missingItem : count > Limits.itemBytes ? .itemTooLong : nil
  }

  /// True where `bytes` are UTF-8.
  static func isText(_ bytes: Span<UInt8>) -> Bool {
    var index = 0
    while index < bytes.count, bytes[index] < 0x80 { index += 1 }
    while index < bytes.count {
      let lead = bytes[index]
      index += 1
      if lead < 0x80 { continue }
      guard lead >= 0xC2, lead <= 0xF4 else { return false }
      let following = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3
      guard index + following <= bytes.count else { return false }
      // The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF.
      let low: UInt8 = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80
      let high: UInt8 = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF
      guard bytes[index] >= low, bytes[index] <= high else { return false }
      for position in index + 1..<index + following where bytes[position] & 0xC0 != 0x80 { return false }
      index += following
    }
    return true
  }
}
