/// The external ids of a catalogue's items, and the way from an id to its row. Read-only and shared by all workers.
public final class Vocabulary: Sendable {
  /// Number of items.
  public let count: Int
  private let bytes: [UInt8]
  /// `count + 1` positions in `bytes`.
  private let starts: [Int32]
  /// Open addressing with linear probing, at most half full; -1 is free.
  private let table: [Int32]

  /// A vocabulary of unique ids in row order; nil where two are equal, one is empty or longer than ``Limits/itemBytes``,
  /// or they need 2 GiB together. ``firstFault(in:)`` says which.
  public init?(_ ids: [[UInt8]]) {
    var bytes: [UInt8] = []
    var starts: [Int32] = [0]
    starts.reserveCapacity(ids.count + 1)
    var capacity = 16
    while capacity < ids.count * 2 { capacity *= 2 }
    var table = [Int32](repeating: -1, count: capacity)
    for (row, id) in ids.enumerated() {
      guard !id.isEmpty, id.count <= Limits.itemBytes, bytes.count + id.count < Int(Int32.max) else { return nil }
      var slot = Int(truncatingIfNeeded: ByteHash.hash(id.span)) & (capacity - 1)
      while table[slot] >= 0 {
        if ids[Int(table[slot])] == id { return nil }
        slot = (slot + 1) & (capacity - 1)
      }
      table[slot] = Int32(row)
      bytes.append(contentsOf: id)
      starts.append(Int32(bytes.count))
    }
    count = ids.count
    self.bytes = bytes
    self.starts = starts
    self.table = table
  }

  /// The first row whose id makes a vocabulary impossible, and why in a few words.
  public static func firstFault(in ids: [[UInt8]]) -> (row: Int, why: String)? {
    var seen: [[UInt8]: Int] = [:]
    for (row, id) in ids.enumerated() {
      if id.isEmpty { return (row, "is empty") }
      if id.count > Limits.itemBytes { return (row, "is longer than \(Limits.itemBytes) bytes") }
      if let first = seen.updateValue(row, forKey: id) { return (row, "repeats line \(first + 1)") }
    }
    return nil
  }

  /// The row of the id in `id`, or ``ItemIndex/unknown``.
  public func index(of id: Span<UInt8>) -> ItemIndex {
    var slot = Int(truncatingIfNeeded: ByteHash.hash(id)) & (table.count - 1)
    while table[slot] >= 0 {
      let row = Int(table[slot])
      if ByteHash.equal(id, bytes, Int(starts[row])..<Int(starts[row + 1])) { return ItemIndex(row) }
      slot = (slot + 1) & (table.count - 1)
    }
    return .unknown
  }

  /// Appends the id of row `item` to `output`.
  public func appendID(of item: ItemIndex, to output: inout [UInt8]) {
    let start = Int(starts[Int(item)])
    _ = output.appendBytes(ByteRange(start: start, count: Int(starts[Int(item) + 1]) - start), of: bytes)
  }

  /// The id of row `item` as text. Allocates: for people, not for the path of a click.
  public func id(of item: ItemIndex) -> String {
    String(decoding: bytes[Int(starts[Int(item)])..<Int(starts[Int(item) + 1])], as: UTF8.self)
  }
}
