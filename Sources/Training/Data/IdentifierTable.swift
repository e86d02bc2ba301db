import Events

/// Ids of sessions or items as they appear in a log, numbered from 0 in the order of their first appearance.
struct IdentifierTable: Sendable {
  private var bytes: [UInt8] = []
  /// `count + 1` positions in `bytes`.
  private var starts: [Int] = [0]
  /// Open addressing with linear probing, at most half full; -1 is free.
  private var table = [Int32](repeating: -1, count: 1024)

  /// Number of ids.
  var count: Int { starts.count - 1 }

  /// Bytes that it takes, or that growing once more would.
  var byteCount: Int { bytes.capacity + starts.capacity * 8 + table.count * 12 }

  /// The number of `id`, a new one where it has none.
  mutating func number(of id: Span<UInt8>) -> Int32 {
    let slot = slot(of: id)
    if table[slot] >= 0 { return table[slot] }
    let number = Int32(count)
    table[slot] = number
    _ = bytes.appendBytes(id)
    starts.append(bytes.count)
    if count * 2 > table.count { grow() }
    return number
  }

  /// The number of `id`, or -1.
  func known(_ id: Span<UInt8>) -> Int32 { table[slot(of: id)] }

  /// The bytes of id `number`.
  subscript(number: Int) -> ArraySlice<UInt8> { bytes[starts[number]..<starts[number + 1]] }

  /// Where `id` stands, or would.
  private func slot(of id: Span<UInt8>) -> Int {
    var slot = Int(truncatingIfNeeded: ByteHash.hash(id)) & (table.count - 1)
    while table[slot] >= 0 {
      let number = Int(table[slot])
      if ByteHash.equal(id, bytes, starts[number]..<starts[number + 1]) { return slot }
      slot = (slot + 1) & (table.count - 1)
    }
    return slot
  }

  private mutating func grow() {
    let bytes = bytes
    var grown = [Int32](repeating: -1, count: table.count * 2)
    let span = bytes.span
    for number in 0..<count {
      let id = span.extracting(starts[number]..<starts[number + 1])
      var slot = Int(truncatingIfNeeded: ByteHash.hash(id)) & (grown.count - 1)
      while grown[slot] >= 0 { slot = (slot + 1) & (grown.count - 1) }
      grown[slot] = Int32(number)
    }
    table = grown
  }
}
