import Events

/// Events that are worked on together: the block as the source gave it, and each worker's part of it.
final class ReplayBlock {
  var batch: EventBatch
  let parts: [ReplayPart]
  /// Of each event, the worker and the place in its part.
  private(set) var routes: [(lane: Int32, place: Int32)] = []
  /// Of each event whose prediction may differ from the live one: its place in the batch, ascending.
  var inexact: [Int] = []

  init(capacity: Int, lanes: Int) {
    batch = EventBatch(capacity: capacity)
    parts = (0..<lanes).map { _ in ReplayPart(capacity: capacity) }
    routes.reserveCapacity(capacity)
  }

  /// Empties the block and keeps its memory.
  func clear() {
    batch.removeAll()
    routes.removeAll(keepingCapacity: true)
    inexact.removeAll(keepingCapacity: true)
    for part in parts { part.batch.removeAll() }
  }

  /// Gives each event to the worker of its session. Which one that is changes nothing in what comes out.
  func route() {
    for event in batch.events {
      let lane = parts.count == 1 ? 0 : lane(of: event.session)
      routes.append((Int32(lane), Int32(parts[lane].batch.events.count)))
      parts[lane].batch.append(event, from: batch)
    }
  }

  /// The worker of a session, the same in every run: FNV-1a of its id.
  private func lane(of session: ByteRange) -> Int {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in session.indices { hash = (hash ^ UInt64(batch.bytes[index])) &* 0x0000_0100_0000_01B3 }
    return Int((hash >> 32) % UInt64(parts.count))
  }

  /// Writes the predictions, a line each, in the order of the events; none for events that were read for state alone.
  func write(to output: inout ReplayOutput) throws(ReplayFailure) {
    var next = 0
    for (index, route) in routes.enumerated() {
      let isInexact = next < inexact.count && inexact[next] == index
      if isInexact { next += 1 }
      if batch.events[index].isStateOnly { continue }
      let part = parts[Int(route.lane)]
      let line = part.output.bytes[part.output.predictions[Int(route.place)].encoded.indices]
      if isInexact {
        try output.write(line.dropLast(), end: ReplayBlock.inexactEnd)
      } else {
        try output.write(line)
      }
    }
  }

  /// What stands in place of the closing brace.
  private static let inexactEnd = Array(#","exact":false}"#.utf8)
}
