import Events

/// Stored events as text, one entry of a list each, and marks as fields of a hash:
///
///     12 3 clicks:0 123456 1700000000000 sku-1
///     │  │ │        │      │             └ item: the rest, whatever bytes it holds
///     │  │ │        │      └ time, milliseconds since 1970
///     │  │ │        └ offset
///     │  │ └ topic:partition
///     │  └ ordinal: since the visit began
///     └ running number: since the session began
struct StoredEventText {
  private var names: PartitionNames

  /// Why an entry can't be read.
  enum Fault: Error {
    case malformed
    case tooManyPartitions
  }

  init(_ partitions: PartitionTable) { names = PartitionNames(partitions) }

  /// Appends the entry of `event`, whose item stands in `items`.
  mutating func append(_ event: StoredEvent, items: [UInt8], to bytes: inout [UInt8]) {
    bytes.appendDecimal(event.number)
    bytes.append(UInt8(ascii: " "))
    bytes.appendDecimal(event.ordinal)
    bytes.append(UInt8(ascii: " "))
    names.append(event.origin.partition, to: &bytes)
    bytes.append(UInt8(ascii: " "))
    bytes.appendDecimal(event.origin.offset)
    bytes.append(UInt8(ascii: " "))
    bytes.appendDecimal(event.time)
    bytes.append(UInt8(ascii: " "))
    _ = bytes.appendBytes(event.item, of: items)
  }

  /// The field among the marks that holds the session's greatest event time. No mark has this name: they all have a colon.
  static let timeField = Array("time".utf8)

  /// The value of ``timeField``.
  static func time(_ value: Span<UInt8>) throws(Fault) -> EventTime {
    guard let time = value.decimal(), believable.contains(time) else { throw .malformed }
    return time
  }

  /// Appends the field of the marks that belongs to `slot`.
  mutating func appendField(_ slot: Int32, to bytes: inout [UInt8]) { names.append(slot, to: &bytes) }

  /// Greatest number, ordinal and offset: Redis' scripts count in doubles, and nothing that is added to it overflows.
  private static let greatest: Int64 = 1 << 53
  /// Offsets and times: no difference of two of them overflows.
  private static let believable = -greatest...greatest

  /// Reads an entry into `readout`.
  mutating func read(_ entry: Span<UInt8>, into readout: inout SessionReadout) throws(Fault) {
    var start = 0
    let number = try Self.number(entry, &start)
    let ordinal = try Self.number(entry, &start)
    let partition = try slot(entry.extracting(Self.field(entry, &start)))
    let offset = try Self.number(entry, &start)
    let time = try Self.number(entry, &start)
    guard number > 0, number <= Self.greatest, ordinal > 0, ordinal <= number, start < entry.count else {
      throw .malformed
    }
    guard Self.believable.contains(offset), Self.believable.contains(time) else { throw .malformed }
    let item = readout.bytes.appendBytes(entry.extracting(start..<entry.count))
    readout.events.append(
      StoredEvent(
        number: number, ordinal: ordinal, origin: Origin(partition: partition, offset: offset), time: time, item: item))
  }

  /// The mark in a field and value of the hash.
  mutating func mark(field: Span<UInt8>, value: Span<UInt8>) throws(Fault) -> Mark {
    guard let offset = value.decimal(), Self.believable.contains(offset) else { throw .malformed }
    return Mark(partition: try slot(field), offset: offset)
  }

  private mutating func slot(_ name: Span<UInt8>) throws(Fault) -> Int32 {
    do throws(PartitionNames.Full) {
      if let slot = try names.slot(of: name) { return slot }
    } catch {
      throw .tooManyPartitions
    }
    throw .malformed
  }

  /// The place of the field that begins at `start`; `start` moves behind the space after it.
  private static func field(_ entry: Span<UInt8>, _ start: inout Int) throws(Fault) -> Range<Int> {
    var end = start
    while end < entry.count && entry[end] != UInt8(ascii: " ") { end += 1 }
    guard end < entry.count else { throw .malformed }
    defer { start = end + 1 }
    return start..<end
  }

  private static func number(_ entry: Span<UInt8>, _ start: inout Int) throws(Fault) -> Int64 {
    guard let number = entry.extracting(try field(entry, &start)).decimal() else { throw .malformed }
    return number
  }
}
