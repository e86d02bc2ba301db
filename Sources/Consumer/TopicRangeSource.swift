public import Events
public import Kafka

/// What a ``TopicRangeSource`` has read.
public struct TopicRangeCounts: Sendable, Equatable {
  /// Records, of all kinds.
  public var records = 0
  /// Events of the range asked for.
  public var events = 0
  /// Events before it, read for state alone.
  public var warmUp = 0
  /// Records without a value.
  public var tombstones = 0
  /// Records of kinds that are not events of ours.
  public var ignored = 0
  /// Records that are not events, by reason.
  public var rejections: [RejectionReason: Int] = [:]

  /// Nothing read.
  public init() {}
}

/// Events of a part of a topic, read outside of any group. Belongs to one thread.
///
/// The order is that of ``TopicRangeReader``: the same every time. Events of the warm-up are ``Event/isStateOnly``.
public struct TopicRangeSource<Decoder: RecordDecoder & ~Copyable>: EventSource, ~Copyable {
  /// What has been read.
  public private(set) var counts = TopicRangeCounts()
  private let reader: TopicRangeReader
  private var decoder: Decoder
  private let limit: Int
  private let patience: Duration
  private var lastRecord = ContinuousClock.now
  private var lastFailure: KafkaFailure?
  /// By slot: the greatest event time that an event before what is read can have; nil before the first record.
  private var unread: [EventTime?] = []

  /// The events of `reader`'s records, at most `limit`. A take fails where no record came for `patience` milliseconds.
  public init(_ reader: TopicRangeReader, decoder: consuming Decoder, limit: Int? = nil, patience: Int = 60_000) {
    self.reader = reader
    reader.copiesHeaders = decoder.wantsHeaders
    self.decoder = decoder
    self.limit = limit ?? .max
    self.patience = .milliseconds(patience)
    for range in reader.ranges {
      while unread.count <= Int(range.slot) { unread.append(nil) }
      unread[Int(range.slot)] = range.unread.map(latestEventTime)
    }
  }

  /// The greatest time that an event of the partition in `slot` can have which lies before what is read: `.min` where there is
  /// none. Known from the partition's first record on.
  public func unreadTime(of slot: Int32) -> EventTime { unread[Int(slot)] ?? .max }

  /// Fills an emptied `batch`: see ``EventSource/take(into:milliseconds:)``. Waits at most `milliseconds` in all. Failures that may pass are
  /// waited for.
  public mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(KafkaFailure) -> SourceState {
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    // Records that leave nothing in the batch don't fill it, so they are counted.
    let end = counts.records + batch.capacity
    while !batch.isFull && counts.records < end {
      if counts.events >= limit { return .ended }
      let left = max(0, Int((deadline - ContinuousClock.now) / .milliseconds(1)))
      switch try step(into: &batch, milliseconds: left) {
      case .record: lastRecord = ContinuousClock.now
      case .ended: return .ended
      case .waiting:
        if ContinuousClock.now - lastRecord > patience {
          throw lastFailure ?? .timedOut(operation: "reading the topic", detail: "no record in \(patience)")
        }
        return .open
      }
    }
    return .open
  }

  /// Nothing to do: nothing is committed.
  public mutating func commit(except pending: ArraySlice<Event>) throws(KafkaFailure) -> Bool { true }

  private mutating func step(into batch: inout EventBatch, milliseconds: Int) throws(KafkaFailure) -> RangeStep {
    let reader = self.reader
    do throws(KafkaFailure) {
      return try reader.next(milliseconds: milliseconds) { value, key, place in
        counts.records += 1
        noteFirst(place)
        if place.isTombstone {
          batch.tombstones += 1
          counts.tombstones += 1
        } else {
          decode(value, key, place, isWarmUp: place.origin.offset < reader.ranges[place.range].output, into: &batch)
        }
      }
    } catch {
      guard error.disposition == .retry else { throw error }
      lastFailure = error
      return .waiting
    }
  }

  private mutating func decode(
    _ value: Span<UInt8>, _ key: Span<UInt8>, _ place: RangePlace, isWarmUp: Bool, into batch: inout EventBatch
  ) {
    let (events, rejections) = (batch.events.count, batch.rejections.count)
    decoder.decode(
      value, key: key, headers: reader.headers, origin: place.origin, recordTime: place.time, into: &batch)
    for rejection in batch.rejections[rejections...] { counts.rejections[rejection.reason, default: 0] += 1 }
    if batch.events.count == events {
      counts.ignored += batch.rejections.count == rejections ? 1 : 0
    } else if isWarmUp {
      batch.keepStateOnly(events: events, rejections: rejections)
      counts.warmUp += 1
    } else {
      counts.events += 1
    }
  }

  /// The first record of a partition bounds the deleted ones before it, where nothing else does.
  private mutating func noteFirst(_ place: RangePlace) {
    let slot = Int(place.origin.partition)
    if unread[slot] == nil { unread[slot] = place.time.map(latestEventTime) ?? .max }
  }
}

/// The greatest event time of a record with this timestamp: what is later is clamped.
private func latestEventTime(_ recordTime: EventTime) -> EventTime {
  guard recordTime != .min else { return .min }
  let (time, isTooLate) = recordTime.addingReportingOverflow(Limits.futureMilliseconds)
  return isTooLate ? .max : time
}
