import Events

/// What a worker remembers of the sessions that it saw last: a bounded table from session id to slot, least recently used out first.
///
/// Holds the newest items (L of them, or as many as are excluded), marks and counters of each session; the encoder's memory of the session lives in the encoder under the same
/// slot. Everything here can be rebuilt from the store.
struct SessionCache: ~Copyable {
  /// One session.
  struct Slot {
    var hash: UInt64 = 0
    var idCount: Int32 = 0
    /// Known items of the window that the encoder's memory holds; nil where it holds nothing of use.
    var known: Int32?
    /// Running number of the last event applied; 0 for a new session.
    var number: Int64 = 0
    /// Ordinal of the last event applied.
    var ordinal: Int64 = 0
    /// Greatest event time so far.
    var greatestTime: EventTime = .min
    var marks: InlineArray<4, Mark> = .init(repeating: Mark(partition: -1, offset: -1))
    var markCount: Int32 = 0
    /// Records applied since the commit numbered ``commitNumber``.
    var uncommitted: Int32 = 0
    var commitNumber: Int64 = 0
    /// Number of the batch that used it last: pinned while that is worked on.
    var batch: Int64 = 0
    /// Its place among that batch's sessions.
    var session: Int32 = 0
    var newer: Int32 = -1
    var older: Int32 = -1
  }

  /// Most sessions.
  let capacity: Int
  /// Items kept of each session: L, or more where more are excluded.
  let itemsPerSession: Int
  private(set) var slots: [Slot] = []
  /// Sessions forgotten to make room.
  private(set) var evictions = 0
  private var ids: [UInt8] = []
  private var items: [ItemIndex] = []
  private var free: [Int32] = []
  /// Marks of sessions whose clicks arrive on more partitions than a slot has room for. Rare: topics are keyed by session.
  private var moreMarks: [Int: [Int32: Int64]] = [:]
  private var newest: Int32 = -1
  private var oldest: Int32 = -1
  /// Open addressing with linear probing; -1 is free.
  private var table: [Int32]

  /// An empty cache of at most `capacity` sessions with `itemsPerSession` items each.
  init(capacity: Int, itemsPerSession: Int) {
    self.capacity = capacity
    self.itemsPerSession = itemsPerSession
    var size = 16
    while size < capacity * 2 { size *= 2 }
    table = Array(repeating: -1, count: size)
  }

  /// Bytes that a slot takes beside the encoder's memory.
  static func slotBytes(itemsPerSession: Int) -> Int {
    MemoryLayout<Slot>.stride + Limits.sessionBytes + itemsPerSession * MemoryLayout<ItemIndex>.stride + 12
  }

  /// Sessions held.
  var count: Int { slots.count - free.count }

  /// The state in `slot`, to read and change.
  subscript(slot: Int) -> Slot {
    get { slots[slot] }
    set { slots[slot] = newValue }
  }

  /// The slot of a session, now the one used last; nil where it is not held.
  mutating func find(_ id: ByteRange, of bytes: [UInt8]) -> Int? {
    let hash = SessionCache.hash(id, bytes)
    guard let place = place(hash, id, bytes) else { return nil }
    let slot = Int(table[place])
    unlink(slot)
    linkNewest(slot)
    return slot
  }

  /// A slot for a session that is not held; where the cache is full the least recently used session that `batch` does not use is forgotten, and
  /// `forget` is told its slot and what stood there. Nil where `batch` uses all of them.
  mutating func insert(_ id: ByteRange, of bytes: [UInt8], batch: Int64, forget: (Int, Slot) -> Void) -> Int? {
    var slot: Int
    if let reused = free.popLast() {
      slot = Int(reused)
    } else if slots.count < capacity {
      slot = slots.count
      slots.append(Slot())
      ids.append(contentsOf: repeatElement(0, count: Limits.sessionBytes))
      items.append(contentsOf: repeatElement(.unknown, count: itemsPerSession))
    } else {
      guard let victim = evict(batch: batch) else { return nil }
      forget(victim, slots[victim])
      slot = Int(free.removeLast())
    }
    let hash = SessionCache.hash(id, bytes)
    slots[slot] = Slot()
    slots[slot].hash = hash
    slots[slot].idCount = id.count
    slots[slot].batch = batch
    for index in 0..<Int(id.count) { ids[slot * Limits.sessionBytes + index] = bytes[Int(id.start) + index] }
    var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
    while table[place] >= 0 { place = (place + 1) & (table.count - 1) }
    table[place] = Int32(slot)
    linkNewest(slot)
    return slot
  }

  /// The least recently used session that `batch` does not use, forgotten: its slot. Nil where there is none.
  mutating func evict(batch: Int64) -> Int? {
    var slot = oldest
    while slot >= 0, slots[Int(slot)].batch == batch { slot = slots[Int(slot)].newer }
    guard slot >= 0 else { return nil }
    evictions += 1
    remove(Int(slot))
    return Int(slot)
  }

  /// As ``evict(batch:)``, for the batch that uses `slot` now.
  mutating func evict(exceptBatchOf slot: Int) -> Int? { evict(batch: slots[slot].batch) }

  /// Forgets the session in `slot`.
  mutating func remove(_ slot: Int) {
    guard var hole = (slots[slot].idCount > 0 ? placeOf(slot) : nil) else { return }
    let mask = table.count - 1
    table[hole] = -1
    // Close the gap, so that probing never needs tombstones.
    var next = (hole + 1) & mask
    while table[next] >= 0 {
      let home = Int(truncatingIfNeeded: slots[Int(table[next])].hash) & mask
      if (next - home) & mask >= (next - hole) & mask {
        table[hole] = table[next]
        table[next] = -1
        hole = next
      }
      next = (next + 1) & mask
    }
    unlink(slot)
    slots[slot].idCount = 0
    if !moreMarks.isEmpty { moreMarks[slot] = nil }
    free.append(Int32(slot))
  }

  /// Records the item of the event with `ordinal`.
  mutating func setItem(_ item: ItemIndex, slot: Int, ordinal: Int64) {
    items[slot * itemsPerSession + Int((ordinal - 1) % Int64(itemsPerSession))] = item
  }

  /// The item of the event with `ordinal`, one of the newest ``itemsPerSession`` of the visit.
  func item(slot: Int, ordinal: Int64) -> ItemIndex {
    items[slot * itemsPerSession + Int((ordinal - 1) % Int64(itemsPerSession))]
  }

  /// The mark of `partition`, or -1.
  func mark(slot: Int, partition: Int32) -> Int64 {
    for index in 0..<Int(slots[slot].markCount) where slots[slot].marks[index].partition == partition {
      return slots[slot].marks[index].offset
    }
    return moreMarks.isEmpty ? -1 : moreMarks[slot]?[partition] ?? -1
  }

  /// Raises the mark of a partition.
  mutating func raiseMark(slot: Int, _ mark: Mark) {
    let count = Int(slots[slot].markCount)
    for index in 0..<count where slots[slot].marks[index].partition == mark.partition {
      slots[slot].marks[index].offset = max(slots[slot].marks[index].offset, mark.offset)
      return
    }
    if count < slots[slot].marks.count {
      slots[slot].marks[count] = mark
      slots[slot].markCount += 1
    } else {
      moreMarks[slot, default: [:]][mark.partition] = max(moreMarks[slot]?[mark.partition] ?? -1, mark.offset)
    }
  }

  /// Makes `slot` a new session of the same id.
  mutating func clear(_ slot: Int) {
    let old = slots[slot]
    slots[slot] = Slot()
    slots[slot].hash = old.hash
    slots[slot].idCount = old.idCount
    slots[slot].uncommitted = old.uncommitted
    slots[slot].commitNumber = old.commitNumber
    slots[slot].batch = old.batch
    slots[slot].session = old.session
    slots[slot].newer = old.newer
    slots[slot].older = old.older
    if !moreMarks.isEmpty { moreMarks[slot] = nil }
  }

  private static func hash(_ id: ByteRange, _ bytes: [UInt8]) -> UInt64 {
    let span = bytes.span
    return ByteHash.hash(span.extracting(id.indices))
  }

  private func place(_ hash: UInt64, _ id: ByteRange, _ bytes: [UInt8]) -> Int? {
    var place = Int(truncatingIfNeeded: hash) & (table.count - 1)
    while table[place] >= 0 {
      let slot = Int(table[place])
      if slots[slot].hash == hash, slots[slot].idCount == id.count, hasID(slot, id, bytes) { return place }
      place = (place + 1) & (table.count - 1)
    }
    return nil
  }

  private func placeOf(_ slot: Int) -> Int? {
    var place = Int(truncatingIfNeeded: slots[slot].hash) & (table.count - 1)
    while table[place] >= 0 {
      if table[place] == Int32(slot) { return place }
      place = (place + 1) & (table.count - 1)
    }
    return nil
  }

  private func hasID(_ slot: Int, _ id: ByteRange, _ bytes: [UInt8]) -> Bool {
    let start = slot * Limits.sessionBytes
    for index in 0..<Int(id.count) where ids[start + index] != bytes[Int(id.start) + index] { return false }
    return true
  }

  private mutating func linkNewest(_ slot: Int) {
    slots[slot].older = newest
    slots[slot].newer = -1
    if newest >= 0 { slots[Int(newest)].newer = Int32(slot) }
    newest = Int32(slot)
    if oldest < 0 { oldest = Int32(slot) }
  }

  private mutating func unlink(_ slot: Int) {
    let newer = slots[slot].newer
    let older = slots[slot].older
    if newer >= 0 { slots[Int(newer)].older = older } else { newest = older }
    if older >= 0 { slots[Int(older)].newer = newer } else { oldest = newer }
    slots[slot].newer = -1
    slots[slot].older = -1
  }
}
