public import Events

/// How baselines learn.
public struct BaselineOptions: Sendable {
  /// A gap above this begins another visit, in milliseconds of event time; the serving rule's own.
  public var idleTimeout: Int64
  /// Most sessions that are open at a time; the least recently seen one makes room, and begins anew when it comes back.
  public var openSessions = 1 << 20
  /// Most events that are kept, at 8 bytes each and 16 a visit. When there are more, the older half goes.
  public var events = 1 << 25
  /// Longest visit; what follows is taken for another one, so that what is counted of pairs stays in proportion to the events.
  public var visitLength = 2048
  /// Most items; events with others are passed over.
  public var items = 1 << 22
  /// Most bytes of all items' ids together; events with others are passed over.
  public var idBytes = 1 << 30

  /// The defaults, with another gap or not.
  public init(idleTimeout: Int64 = 24 * 3_600_000) { self.idleTimeout = idleTimeout }
}

/// The visits of a training file, as all baselines learn from them.
public final class VisitHistory: Sendable {
  /// The items of the file, in the order of their first appearance.
  public let vocabulary: Vocabulary
  /// The items of all visits, one visit after the other in the order of their beginnings, each in the order of its clicks.
  public let items: [ItemIndex]
  /// Events that were passed over, or let go, because there are more than is kept.
  public let dropped: Int
  /// Where each visit begins in `items`; one more number at the end.
  let starts: [Int]
  /// Of each visit, the greatest time of its events.
  let times: [EventTime]
  /// Of each item, its clicks.
  let clicks: [Int]

  /// Number of visits.
  public var visitCount: Int { times.count }

  /// Where the items of visit `number` stand in ``items``.
  public func visit(_ number: Int) -> Range<Int> { starts[number]..<starts[number + 1] }

  /// Learns from all events of `source`.
  public init<Source: EventSource & ~Copyable>(
    learningFrom source: inout Source, options: BaselineOptions = BaselineOptions()
  ) throws(Source.Failure) {
    var reader = HistoryReader(options)
    var batch = EventBatch()
    var state = SourceState.open
    while state == .open {
      batch.removeAll()
      state = try source.take(into: &batch, milliseconds: 1000)
      reader.observe(batch)
    }
    // Ids are unique by their table, and decoders hand over none that is empty or too long.
    vocabulary = Vocabulary(reader.ids)!
    dropped = reader.dropped
    times = reader.times
    (items, starts) = reader.grouped()
    var clicks = [Int](repeating: 0, count: vocabulary.count)
    for item in items { clicks[Int(item)] += 1 }
    self.clicks = clicks
  }
}

/// Reads events into visits.
private struct HistoryReader {
  /// Ids of the items, in the order of their first appearance.
  private(set) var ids: [[UInt8]] = []
  /// Of each visit, the greatest time of its events.
  private(set) var times: [EventTime] = []
  private(set) var dropped = 0
  private let options: BaselineOptions
  private var rows: [[UInt8]: ItemIndex] = [:]
  private var idBytes = 0
  /// The kept events in the order of their source: item and visit.
  private var items: [ItemIndex] = []
  private var visits: [Int32] = []
  private var sessions: OpenSessions
  /// By slot of `sessions`: the number of its visit, -1 where none of its events is kept, and the visit's length.
  private var open: [(visit: Int32, length: Int)] = []
  private var scratch: [UInt8] = []

  init(_ options: BaselineOptions) {
    self.options = options
    sessions = OpenSessions(capacity: options.openSessions, idleTimeout: options.idleTimeout)
  }

  mutating func observe(_ batch: borrowing EventBatch) {
    for event in batch.events {
      guard let item = row(of: event.item, in: batch.bytes) else {
        dropped += 1
        continue
      }
      if items.count == max(2, options.events) { forget() }
      let visit = sessions.visit(batch.bytes.span.extracting(event.session.indices), at: event.time)
      let slot = visit.slot
      if slot == open.count { open.append((-1, 0)) }
      if visit.begins || open[slot].visit < 0 || open[slot].length == options.visitLength {
        open[slot] = (Int32(times.count), 0)
        times.append(event.time)
      }
      let number = open[slot].visit
      open[slot].length += 1
      times[Int(number)] = max(times[Int(number)], event.time)
      items.append(item)
      visits.append(number)
    }
  }

  /// The row of an item, a new one where there is room; nil where there is not.
  private mutating func row(of item: ByteRange, in bytes: [UInt8]) -> ItemIndex? {
    scratch.removeAll(keepingCapacity: true)
    _ = scratch.appendBytes(item, of: bytes)
    if let row = rows[scratch] { return row }
    guard ids.count < options.items, idBytes + scratch.count <= options.idBytes else { return nil }
    let row = ItemIndex(ids.count)
    rows[scratch] = row
    ids.append(scratch)
    idBytes += scratch.count
    return row
  }

  /// Lets the older half of the events go, and numbers the visits anew that have others left.
  private mutating func forget() {
    let count = items.count - items.count / 2
    items.removeFirst(count)
    visits.removeFirst(count)
    dropped += count
    var numbers = [Int32](repeating: -1, count: times.count)
    var kept: [EventTime] = []
    for place in visits.indices {
      let visit = Int(visits[place])
      if numbers[visit] < 0 {
        numbers[visit] = Int32(kept.count)
        kept.append(times[visit])
      }
      visits[place] = numbers[visit]
    }
    times = kept
    for slot in open.indices where open[slot].visit >= 0 { open[slot].visit = numbers[Int(open[slot].visit)] }
  }

  /// The items visit by visit, and where each visit begins.
  func grouped() -> ([ItemIndex], [Int]) { Grouping.sort(items, by: visits, groups: times.count) }
}

/// Numbers side by side, by the group that they belong to.
enum Grouping {
  /// `values` sorted by their `groups`, stably, and where each group begins.
  static func sort(_ values: [Int32], by keys: [Int32], groups: Int) -> ([Int32], [Int]) {
    var starts = [Int](repeating: 0, count: groups + 1)
    for key in keys { starts[Int(key) + 1] += 1 }
    for group in 0..<groups { starts[group + 1] += starts[group] }
    var next = starts
    var sorted = [Int32](repeating: 0, count: values.count)
    for (value, key) in zip(values, keys) {
      sorted[next[Int(key)]] = value
      next[Int(key)] += 1
    }
    return (sorted, starts)
  }
}
