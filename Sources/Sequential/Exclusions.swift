public import Events

/// Items that are never recommended, to anyone: a bitmap over the catalogue's rows, shared by all workers.
public final class BlockedItems: Sendable {
  private let words: [UInt64]
  /// Number of different items.
  public let count: Int

  /// The set of `items`; unknown ones (below 0) are passed over.
  public init(_ items: some Sequence<ItemIndex>) {
    var words: [UInt64] = []
    var count = 0
    for item in items where item >= 0 {
      let word = Int(item) >> 6
      if word >= words.count { words.append(contentsOf: repeatElement(0, count: word + 1 - words.count)) }
      let bit: UInt64 = 1 << UInt64(item & 63)
      if words[word] & bit == 0 { count += 1 }
      words[word] |= bit
    }
    self.words = words
    self.count = count
  }

  /// True where `item` is in the set.
  public func contains(_ item: ItemIndex) -> Bool {
    let word = Int(item) >> 6
    return word < words.count && words[word] >> UInt64(item & 63) & 1 == 1
  }
}

/// What a batch of queries must not be answered with: a list of items for each query, and one blocked set for all.
/// Reused: after its lists have been as long as they get, it allocates nothing.
public struct Exclusions: ~Copyable, Sendable {
  /// Items that no query is answered with.
  public var blocked: BlockedItems?
  /// Items left out of lists that were longer than ``Limits/exclusions``.
  public private(set) var truncated = 0
  /// One list a query: where its hash table begins, and its size − 1; -1 for an empty one.
  private var lists: [(start: Int, mask: Int)] = []
  /// Open addressing with linear probing, at most half full; -1 is free.
  private var slots: [ItemIndex] = []

  /// No list yet; room for `maximumBatch` of them.
  public init(blocked: BlockedItems? = nil, maximumBatch: Int = Limits.batchEvents) {
    self.blocked = blocked
    lists.reserveCapacity(maximumBatch)
    slots.reserveCapacity(maximumBatch * 64)
  }

  /// Number of lists. Queries beyond it have none.
  public var count: Int { lists.count }

  /// Forgets the lists, and keeps the blocked set and the memory.
  public mutating func removeAll() {
    lists.removeAll(keepingCapacity: true)
    slots.removeAll(keepingCapacity: true)
  }

  /// Adds the list of the next query: the newest ``Limits/exclusions`` (the last) of `items`, in any order, unknown
  /// items and repetitions allowed.
  public mutating func append(_ items: Span<ItemIndex>) {
    let first = max(0, items.count - Limits.exclusions)
    truncated += first
    guard !items.isEmpty else {
      lists.append((start: 0, mask: -1))
      return
    }
    var size = 8
    while size < (items.count - first) * 2 { size *= 2 }
    let start = slots.count
    slots.append(contentsOf: repeatElement(.unknown, count: size))
    for index in first..<items.count where items[index] >= 0 {
      let slot = start + probe(items[index], start: start, mask: size - 1)
      slots[slot] = items[index]
    }
    lists.append((start: start, mask: size - 1))
  }

  /// True where `item` must not stand in the answer to query `query` (from 0).
  public func contains(_ item: ItemIndex, query: Int) -> Bool {
    if let blocked, blocked.contains(item) { return true }
    guard query < lists.count else { return false }
    let list = lists[query]
    return list.mask >= 0 && slots[list.start + probe(item, start: list.start, mask: list.mask)] == item
  }

  /// The place of `item` in a table, or the free one where it belongs.
  private func probe(_ item: ItemIndex, start: Int, mask: Int) -> Int {
    var slot = Int(UInt32(bitPattern: item) &* 0x9E37_79B1 >> 8) & mask
    while slots[start + slot] >= 0 && slots[start + slot] != item { slot = (slot + 1) & mask }
    return slot
  }
}
