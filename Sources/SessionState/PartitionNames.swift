import Events

/// The names of partitions as they stand in stored events and marks, `topic:partition`, to slots and back. A space, a percent sign
/// and control characters in a topic's name (which Kafka does not allow, but a file's path may hold) are percent-encoded.
///
/// A known name costs no allocation.
struct PartitionNames {
  private let partitions: PartitionTable
  /// By slot.
  private var encoded: [[UInt8]] = []
  /// Slots by the hash of their encoded names.
  private var slots: [UInt64: Int32] = [:]

  init(_ partitions: PartitionTable) { self.partitions = partitions }

  /// Appends the name of `slot` to `bytes`.
  mutating func append(_ slot: Int32, to bytes: inout [UInt8]) {
    while encoded.count <= Int(slot) {
      let name = partitions.names[encoded.count]
      var text: [UInt8] = []
      for byte in name.utf8 {
        if byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "%") {
          text.appendPercentEncoded(byte)
        } else {
          text.append(byte)
        }
      }
      slots[ByteHash.hash(text.span)] = Int32(encoded.count)
      encoded.append(text)
    }
    let name = encoded[Int(slot)]
    _ = bytes.appendBytes(name.span)
  }

  /// The slot of an encoded name, new or known; nil where it is not a name.
  mutating func slot(of name: Span<UInt8>) throws(Full) -> Int32? {
    if let slot = slots[ByteHash.hash(name)],
      ByteHash.equal(name, encoded[Int(slot)], 0..<encoded[Int(slot)].count)
    {
      return slot
    }
    guard let colon = name.indices.last(where: { name[$0] == UInt8(ascii: ":") }), colon > 0,
      let partition = name.extracting(colon + 1..<name.count).decimal(), let number = Int32(exactly: partition),
      number >= 0, let topic = Self.decoded(name.extracting(0..<colon))
    else { return nil }
    guard let slot = partitions.slot(topic: topic, partition: number) else { throw Full() }
    var known: [UInt8] = []
    append(slot, to: &known)
    return slot
  }

  /// The table of partitions has no room.
  struct Full: Error {}

  private static func decoded(_ name: Span<UInt8>) -> String? {
    var bytes: [UInt8] = []
    var index = 0
    while index < name.count {
      if name[index] == UInt8(ascii: "%") {
        guard index + 2 < name.count, let high = digit(name[index + 1]), let low = digit(name[index + 2]) else {
          return nil
        }
        bytes.append(high << 4 | low)
        index += 3
      } else {
        bytes.append(name[index])
        index += 1
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    default: nil
    }
  }
}

extension Array where Element == UInt8 {
  /// Appends `byte` as a percent sign and two hexadecimal digits.
  mutating func appendPercentEncoded(_ byte: UInt8) {
    append(UInt8(ascii: "%"))
    for digit in [byte >> 4, byte & 15] { append(digit < 10 ? 0x30 + digit : 0x37 + digit) }
  }
}
