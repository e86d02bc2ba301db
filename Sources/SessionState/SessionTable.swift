import Events

/// The sessions of a ``MemorySessionStore``: found by id, in the order of their last use. Slots are reused.
struct SessionTable: ~Copyable {
  /// What is kept of a session.
  struct Entry: BitwiseCopyable {
    var hash: UInt64 = 0
    var id = BlockPool.Stream()
    var events = BlockPool.Stream()
    var marks = BlockPool.Stream()
    var prediction = BlockPool.Stream()
    /// Number of events kept.
    var eventCount = 0
    /// Running number of the last event; 0 where there is none.
    var last: Int64 = 0
    /// Greatest event time so far.
    var greatestTime = EventTime.min
    fileprivate var older: Int32 = -1
    fileprivate var newer: Int32 = -1
  }

  /// Entries by slot, free ones among them.
  var entries: [Entry] = []
  /// Number of sessions.
  private(set) var count = 0
  /// The session that was not used for the longest time; -1 where there is none.
  private(set) var oldest: Int32 = -1
  private var newest: Int32 = -1
  private var freeSlots: [Int32] = []
  /// Open addressing with linear probing, at most half full; -1 is free.
  private var places = [Int32](repeating: -1, count: 1024)

  /// The slot of the session called `id`; nil where it is not kept.
  func find(_ id: Span<UInt8>, hash: UInt64, in pool: borrowing BlockPool) -> Int32? {
    var place = Int(truncatingIfNeeded: hash) & (places.count - 1)
    while places[place] >= 0 {
      let slot = places[place]
      if entries[Int(slot)].hash == hash, pool.equals(entries[Int(slot)].id, id) { return slot }
      place = (place + 1) & (places.count - 1)
    }
    return nil
  }

  /// Adds a session as the last used one. It must not be kept already.
  mutating func add(hash: UInt64) -> Int32 {
    if (count + 1) * 2 > places.count { grow() }
    let slot = freeSlots.popLast() ?? Int32(entries.count)
    if Int(slot) == entries.count { entries.append(Entry()) }
    entries[Int(slot)] = Entry(hash: hash)
    place(slot)
    link(slot)
    count += 1
    return slot
  }

  /// Forgets the session in `slot`, whose streams are released already.
  mutating func remove(_ slot: Int32) {
    unlink(slot)
    var hole = Int(truncatingIfNeeded: entries[Int(slot)].hash) & (places.count - 1)
    while places[hole] != slot { hole = (hole + 1) & (places.count - 1) }
    // Moves what was pushed behind the hole back into it, so that no search ends too early.
    var next = (hole + 1) & (places.count - 1)
    while places[next] >= 0 {
      let home = Int(truncatingIfNeeded: entries[Int(places[next])].hash) & (places.count - 1)
      if (next - home) & (places.count - 1) >= (next - hole) & (places.count - 1) {
        places[hole] = places[next]
        hole = next
      }
      next = (next + 1) & (places.count - 1)
    }
    places[hole] = -1
    freeSlots.append(slot)
    count -= 1
  }

  /// Makes the session in `slot` the last used one.
  mutating func touch(_ slot: Int32) {
    if newest == slot { return }
    unlink(slot)
    link(slot)
  }

  private mutating func place(_ slot: Int32) {
    var place = Int(truncatingIfNeeded: entries[Int(slot)].hash) & (places.count - 1)
    while places[place] >= 0 { place = (place + 1) & (places.count - 1) }
    places[place] = slot
  }

  private mutating func grow() {
    let slots = places.filter { $0 >= 0 }
    places = [Int32](repeating: -1, count: places.count * 2)
    for slot in slots { place(slot) }
  }

  private mutating func link(_ slot: Int32) {
    entries[Int(slot)].older = newest
    entries[Int(slot)].newer = -1
    if newest >= 0 { entries[Int(newest)].newer = slot } else { oldest = slot }
    newest = slot
  }

  private mutating func unlink(_ slot: Int32) {
    let older = entries[Int(slot)].older
    let newer = entries[Int(slot)].newer
    if older >= 0 { entries[Int(older)].newer = newer } else { oldest = newer }
    if newer >= 0 { entries[Int(newer)].older = older } else { newest = older }
  }
}
