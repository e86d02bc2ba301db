import Events

/// A stored event in few bytes: its length, then its numbers with seven bits a byte, then its item.
enum CompactEvent {
  /// Most bytes of an event besides its item.
  static let overhead = 60

  /// Appends `event`, whose item stands in `items`.
  static func append(_ event: StoredEvent, items: [UInt8], to bytes: inout [UInt8], scratch: inout [UInt8]) {
    scratch.removeAll(keepingCapacity: true)
    appendNumber(UInt64(bitPattern: event.number), to: &scratch)
    appendNumber(UInt64(bitPattern: event.ordinal), to: &scratch)
    appendNumber(UInt64(UInt32(bitPattern: event.origin.partition)), to: &scratch)
    appendNumber(UInt64(bitPattern: event.origin.offset), to: &scratch)
    appendNumber(UInt64(bitPattern: event.time), to: &scratch)
    _ = scratch.appendBytes(event.item, of: items)
    // Two bytes of length in front, so that the oldest event can be cut off without reading it.
    bytes.append(UInt8(truncatingIfNeeded: scratch.count))
    bytes.append(UInt8(truncatingIfNeeded: scratch.count >> 8))
    _ = bytes.appendBytes(scratch.span)
  }

  /// Reads the event that begins at `index` of `bytes` into `readout` and moves `index` behind it.
  static func read(_ bytes: [UInt8], _ index: inout Int, into readout: inout SessionReadout) {
    let count = Int(bytes[index]) | Int(bytes[index + 1]) << 8
    index += 2
    let end = index + count
    let number = Int64(bitPattern: takeNumber(bytes, &index))
    let ordinal = Int64(bitPattern: takeNumber(bytes, &index))
    let partition = Int32(bitPattern: UInt32(truncatingIfNeeded: takeNumber(bytes, &index)))
    let offset = Int64(bitPattern: takeNumber(bytes, &index))
    let time = EventTime(bitPattern: takeNumber(bytes, &index))
    let item = readout.bytes.appendBytes(ByteRange(start: index, count: end - index), of: bytes)
    readout.events.append(
      StoredEvent(
        number: number, ordinal: ordinal, origin: Origin(partition: partition, offset: offset), time: time, item: item))
    index = end
  }

  static func appendNumber(_ number: UInt64, to bytes: inout [UInt8]) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  static func takeNumber(_ bytes: [UInt8], _ index: inout Int) -> UInt64 {
    var number: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = bytes[index]
      index += 1
      number |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return number }
      shift += 7
    }
  }
}
