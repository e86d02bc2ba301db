import Events
import Kafka

/// How far the records of each partition were handed over, are done, and are committed. Knows nothing of partitions that are not
/// assigned.
struct HandedOver {
  /// Offsets that are one after the last record of their kind; below 0 before the first.
  private struct Place {
    /// Handed over to the worker.
    var next: Int64 = -1
    /// Done: the worker said that everything up to here is stored and acknowledged.
    var done: Int64 = -1
    /// Known to the group's coordinator.
    var committed: Int64 = -1
    var isAssigned = false
  }

  /// By slot.
  private var places: [Place] = []
  /// Partitions that must be read again from an offset; nothing of them is handed over before.
  private(set) var rewinds: [PartitionOffset] = []

  /// Begins with a partition; what was known of an earlier assignment is void.
  mutating func assign(_ slots: [Int32]) {
    rewinds.removeAll { slots.contains($0.partition) }
    for slot in slots {
      while places.count <= Int(slot) { places.append(Place()) }
      places[Int(slot)] = Place(isAssigned: true)
    }
  }

  /// Ends with a partition: nothing of it may be committed any more.
  mutating func forget(_ slots: [Int32]) {
    rewinds.removeAll { slots.contains($0.partition) }
    for slot in slots where Int(slot) < places.count { places[Int(slot)] = Place() }
  }

  /// Notes that the record at `offset` was handed over; false where its partition is not assigned, or must be rewound first.
  mutating func note(_ slot: Int32, offset: Int64) -> Bool {
    guard Int(slot) < places.count, places[Int(slot)].isAssigned else { return false }
    guard rewinds.isEmpty || !rewinds.contains(where: { $0.partition == slot }) else { return false }
    places[Int(slot)].next = offset + 1
    return true
  }

  /// Notes that everything handed over is done, but for `pending` and what follows one of them in its partition.
  mutating func finish(except pending: ArraySlice<Event>) {
    for slot in places.indices { places[slot].done = places[slot].next }
    for event in pending {
      let slot = Int(event.origin.partition)
      guard slot < places.count, places[slot].isAssigned else { continue }
      places[slot].done = min(places[slot].done, event.origin.offset)
    }
  }

  /// Takes back what was handed over and is not done: its partitions have to be read again from there.
  mutating func takeBack() {
    for slot in places.indices where places[slot].isAssigned && places[slot].done < places[slot].next {
      places[slot].next = places[slot].done
      rewinds.removeAll { $0.partition == slot }
      rewinds.append(PartitionOffset(partition: Int32(slot), next: places[slot].done))
    }
  }

  /// Notes that the partitions to be rewound were, but for `left`.
  mutating func rewound(except left: [PartitionOffset]) { rewinds = left }

  /// What is done and not committed.
  func uncommitted() -> [PartitionOffset] {
    var offsets: [PartitionOffset] = []
    for slot in places.indices where places[slot].isAssigned && places[slot].done > places[slot].committed {
      offsets.append(PartitionOffset(partition: Int32(slot), next: places[slot].done))
    }
    return offsets
  }

  /// Notes that `offsets` are committed.
  mutating func committed(_ offsets: [PartitionOffset]) {
    for offset in offsets where places[Int(offset.partition)].isAssigned {
      places[Int(offset.partition)].committed = offset.next
    }
  }

  /// The partitions that are assigned.
  var assigned: [Int32] { places.indices.filter { places[$0].isAssigned }.map { Int32($0) } }
}
