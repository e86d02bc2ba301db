import Events
import Kafka

/// How far the records of each partition were handed over, are done, and are committed. Knows nothing of partitions that are not
/// assigned.
struct HandedOver {
  /// Whether a record may be handed over.
  enum Verdict {
    /// It may not: its partition is not assigned (any more), or is to be read again first.
    case refused
    /// It was handed over before, though nobody asked for it again: the partition may have begun anew.
    case behind
    /// It was committed long ago and only rebuilds state.
    case stateOnly
    /// It is new.
    case fresh
  }

  /// Offsets that are one after the last record of their kind; below 0 before the first.
  private struct Place {
    /// The assignment that the partition belongs to; 0 for none.
    var epoch: UInt64 = 0
    /// Handed over to the worker.
    var next: Int64 = -1
    /// Done: the worker said that everything up to here is stored and acknowledged.
    var done: Int64 = -1
    /// Known to the group's coordinator.
    var committed: Int64 = -1
    /// Where to read again what was handed over and is not committed: the committed offset, or the first record.
    var base: Int64 = -1
    /// Records before this one rebuild state, and nothing else.
    var stateUntil: Int64 = -1
    /// True while that is what somebody asked for.
    var isAskedFor = false
    /// True once the coordinator was asked.
    var isLearnt = false
  }

  /// By slot.
  private var places: [Place] = []
  /// Partitions that must be read again from an offset; nothing of them is handed over before.
  private(set) var rewinds: [PartitionOffset] = []

  /// Begins with a partition; what was known of an earlier assignment is void.
  mutating func begin(_ slot: Int32, epoch: UInt64) {
    rewinds.removeAll { $0.partition == slot }
    while places.count <= Int(slot) { places.append(Place()) }
    places[Int(slot)] = Place(epoch: epoch)
  }

  /// Ends with a partition: nothing of it may be committed any more. True where something of it was handed over and not committed.
  @discardableResult mutating func end(_ slot: Int32) -> Bool {
    rewinds.removeAll { $0.partition == slot }
    guard Int(slot) < places.count else { return false }
    defer { places[Int(slot)] = Place() }
    return places[Int(slot)].next > places[Int(slot)].base
  }

  /// Notes that the record at `offset` is handed over, where it may be.
  mutating func note(_ slot: Int32, offset: Int64) -> Verdict {
    guard Int(slot) < places.count, places[Int(slot)].epoch != 0 else { return .refused }
    guard rewinds.isEmpty || !rewinds.contains(where: { $0.partition == slot }) else { return .refused }
    guard offset >= places[Int(slot)].next else { return .behind }
    if places[Int(slot)].base < 0 { places[Int(slot)].base = offset }
    places[Int(slot)].next = offset + 1
    return offset < places[Int(slot)].stateUntil ? .stateOnly : .fresh
  }

  /// True once, when a rebuilding that somebody asked for has come to its end with the record at `offset`.
  mutating func endsRebuild(_ slot: Int32, offset: Int64) -> Bool {
    guard places[Int(slot)].isAskedFor, offset >= places[Int(slot)].stateUntil else { return false }
    places[Int(slot)].isAskedFor = false
    return true
  }

  /// One after the last record that was handed over; below 0 before the first.
  func next(_ slot: Int32) -> Int64 { isAssigned(slot) ? places[Int(slot)].next : -1 }

  /// Notes that everything handed over is done, but for `pending` and what follows one of them in its partition.
  mutating func finish(except pending: ArraySlice<Event>) {
    for slot in places.indices { places[slot].done = places[slot].next }
    for event in pending {
      let slot = Int(event.origin.partition)
      guard slot < places.count, places[slot].epoch != 0 else { continue }
      places[slot].done = min(places[slot].done, event.origin.offset)
    }
  }

  /// Takes back what was handed over and is not done: its partitions have to be read again from there.
  mutating func takeBack() {
    for slot in places.indices where places[slot].epoch != 0 && places[slot].done < places[slot].next {
      rewind(Int32(slot), to: max(0, places[slot].done))
    }
  }

  /// Takes back what was handed over and is not committed, done or not.
  mutating func takeBackAll() {
    for slot in places.indices where places[slot].epoch != 0 && places[slot].base >= 0 {
      let place = places[slot]
      let target = place.done >= 0 ? min(place.done, place.base) : min(place.next, place.base)
      if target < place.next { rewind(Int32(slot), to: target) }
    }
  }

  /// Lets a partition be read again from `offset`, up to its committed offset to rebuild state alone; `isAskedFor` where somebody
  /// asked for that.
  mutating func rebuild(_ slot: Int32, from offset: Int64, isAskedFor: Bool = false) {
    places[Int(slot)].stateUntil = max(places[Int(slot)].stateUntil, places[Int(slot)].committed)
    if isAskedFor { places[Int(slot)].isAskedFor = true }
    rewind(slot, to: offset)
    // A batch that is dropped in the middle is read again, too.
    places[Int(slot)].done = offset
  }

  /// Lets a partition be read again where a record of it went astray.
  mutating func readAgain(_ slot: Int32, from offset: Int64) {
    guard isAssigned(slot), places[Int(slot)].next < 0 || offset >= places[Int(slot)].next else { return }
    rewind(slot, to: places[Int(slot)].next < 0 ? offset : places[Int(slot)].next)
  }

  /// Notes that the partitions to be rewound were, but for `left`.
  mutating func rewound(except left: [PartitionOffset]) { rewinds = left }

  /// What is done and not committed.
  func uncommitted() -> [PartitionOffset] {
    var offsets: [PartitionOffset] = []
    for slot in places.indices where places[slot].epoch != 0 && places[slot].done > places[slot].committed {
      offsets.append(PartitionOffset(partition: Int32(slot), next: places[slot].done))
    }
    return offsets
  }

  /// Slots of which something was handed over that is not committed.
  var open: [Int32] {
    places.indices.filter { places[$0].epoch != 0 && places[$0].next > places[$0].base }.map { Int32($0) }
  }

  /// Notes that `offsets` are committed.
  mutating func committed(_ offsets: [PartitionOffset]) {
    for offset in offsets where isAssigned(offset.partition) {
      places[Int(offset.partition)].committed = offset.next
      places[Int(offset.partition)].base = offset.next
      places[Int(offset.partition)].isLearnt = true
    }
  }

  /// Notes what the coordinator says of a partition: its committed offset, nil where there is none.
  mutating func learn(_ slot: Int32, committed offset: Int64?) {
    places[Int(slot)].isLearnt = true
    guard let offset, places[Int(slot)].committed < offset else { return }
    places[Int(slot)].committed = offset
    if places[Int(slot)].base < 0 { places[Int(slot)].base = offset }
  }

  /// Those of `slots` whose committed offset is not known yet.
  func unlearnt(_ slots: [Int32]) -> [Int32] { slots.filter { isAssigned($0) && !places[Int($0)].isLearnt } }

  /// The committed offset of a slot; nil where there is none.
  func committed(of slot: Int32) -> Int64? {
    places[Int(slot)].committed < 0 ? nil : places[Int(slot)].committed
  }

  /// The assignment that a slot belongs to; 0 for none.
  func epoch(of slot: Int32) -> UInt64 { Int(slot) < places.count ? places[Int(slot)].epoch : 0 }

  /// True where a slot is assigned.
  func isAssigned(_ slot: Int32) -> Bool { epoch(of: slot) != 0 }

  /// The partitions that are assigned.
  var assigned: [Int32] { places.indices.filter { places[$0].epoch != 0 }.map { Int32($0) } }

  private mutating func rewind(_ slot: Int32, to offset: Int64) {
    places[Int(slot)].next = offset
    if places[Int(slot)].done > offset { places[Int(slot)].done = offset }
    rewinds.removeAll { $0.partition == slot }
    rewinds.append(PartitionOffset(partition: slot, next: offset))
  }
}
