internal import Events

/// Events written one after the other, for sorting and for spilling: six numbers, then the bytes.
enum EventRecord {
  /// Bytes of the numbers: time, offset, partition, and the lengths of session, item, user and type.
  static let header = 8 + 8 + 4 + 4 * 2
  /// Longest record.
  static let longest = header + 3 * Limits.sessionBytes + Limits.itemBytes

  static func append(_ event: Event, of other: [UInt8], to bytes: inout [UInt8]) {
    append(UInt64(bitPattern: event.time), 8, to: &bytes)
    append(UInt64(bitPattern: event.origin.offset), 8, to: &bytes)
    append(UInt64(UInt32(bitPattern: event.origin.partition)), 4, to: &bytes)
    for range in [event.session, event.item, event.user, event.type] { append(UInt64(range.count), 2, to: &bytes) }
    for range in [event.session, event.item, event.user, event.type] { _ = bytes.appendBytes(range, of: other) }
  }

  private static func append(_ value: UInt64, _ count: Int, to bytes: inout [UInt8]) {
    for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
  }

  private static func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[start + index]) << UInt64(8 * index) }
    return value
  }

  /// The time of the record at `start`.
  static func time(_ bytes: [UInt8], at start: Int) -> EventTime { EventTime(bitPattern: number(bytes, start, 8)) }

  /// The length of the record at `start`.
  static func count(_ bytes: [UInt8], at start: Int) -> Int {
    var count = header
    for field in 0..<4 { count += Int(number(bytes, start + 20 + 2 * field, 2)) }
    return count
  }

  /// Appends the event of the record at `start` to `batch`.
  static func read(_ bytes: [UInt8], at start: Int, into batch: inout EventBatch) {
    var position = start + header
    func next(_ field: Int, _ batch: inout EventBatch) -> ByteRange {
      let range = ByteRange(start: position, count: Int(number(bytes, start + 20 + 2 * field, 2)))
      position += Int(range.count)
      return batch.bytes.appendBytes(range, of: bytes)
    }
    let session = next(0, &batch)
    let item = next(1, &batch)
    let user = next(2, &batch)
    let type = next(3, &batch)
    let origin = Origin(
      partition: Int32(truncatingIfNeeded: number(bytes, start + 16, 4)),
      offset: Int64(bitPattern: number(bytes, start + 8, 8)))
    batch.append(
      Event(session: session, item: item, user: user, type: type, time: time(bytes, at: start), origin: origin))
  }
}

/// Events in memory that are sorted together.
struct EventRun {
  private(set) var bytes: [UInt8] = []
  private var keys: [(time: EventTime, start: Int)] = []

  /// Memory in use.
  var byteCount: Int { bytes.count + keys.count * 16 }
  var isEmpty: Bool { keys.isEmpty }
  var count: Int { keys.count }

  mutating func append(_ event: Event, of other: [UInt8]) {
    keys.append((event.time, bytes.count))
    EventRecord.append(event, of: other, to: &bytes)
  }

  /// Sorts by time; events of equal time keep their order.
  mutating func sort() { keys.sort { ($0.time, $0.start) < ($1.time, $1.start) } }

  /// Position in ``bytes`` of the event that is `index`th after sorting.
  func start(_ index: Int) -> Int { keys[index].start }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    keys.removeAll(keepingCapacity: true)
  }
}

/// Reads a run back from its part of the spill file.
struct SpilledRun {
  private let file: SpillFile
  private var position: Int
  private let end: Int
  private var buffer: [UInt8]
  private var start = 0
  private var filled = 0

  init(_ file: SpillFile, _ part: Range<Int>, buffer capacity: Int) throws(FormatsFailure) {
    self.file = file
    position = part.lowerBound
    end = part.upperBound
    buffer = [UInt8](repeating: 0, count: max(capacity, EventRecord.longest))
    try fill()
  }

  /// The time of its first event, or nil where none is left.
  var time: EventTime? { start < filled ? EventRecord.time(buffer, at: start) : nil }

  /// Appends its first event to `batch` and goes to the next.
  mutating func pop(into batch: inout EventBatch) throws(FormatsFailure) {
    EventRecord.read(buffer, at: start, into: &batch)
    start += EventRecord.count(buffer, at: start)
    // The buffer's last record may be cut off.
    let rest = filled - start
    if rest < EventRecord.header || rest < EventRecord.count(buffer, at: start) { try fill() }
  }

  private mutating func fill() throws(FormatsFailure) {
    let rest = filled - start
    buffer.moveToFront(start..<filled)
    let count = min(buffer.count - rest, end - position)
    (start, filled) = (0, rest + count)
    try file.read(into: &buffer, at: rest..<rest + count, from: position)
    position += count
  }
}
