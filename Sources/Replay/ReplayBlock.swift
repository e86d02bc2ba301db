import Events

/// Events that are worked on together: the block as the source gave it, and each worker's part of it.
final class ReplayBlock {
  var batch: EventBatch
  let parts: [ReplayPart]
  /// Of each event, the worker and the place in its part.
  private(set) var routes: [(lane: Int32, place: Int32)] = []

  init(capacity: Int, lanes: Int) {
    batch = EventBatch(capacity: capacity)
    parts = (0..<lanes).map { _ in ReplayPart(capacity: capacity) }
    routes.reserveCapacity(capacity)
  }

  /// Empties the block and keeps its memory.
  func clear() {
    batch.removeAll()
    routes.removeAll(keepingCapacity: true)
    for part in parts { part.batch.removeAll() }
  }

  /// Gives each event to the worker of its session. Which one that is changes nothing in what comes out.
  func route() {
    for event in batch.events {
      let bytes = batch.bytes.span
      let hash = ByteHash.hash(bytes.extracting(event.session.indices))
      let lane = parts.count == 1 ? 0 : Int(hash >> 32) % parts.count
      routes.append((Int32(lane), Int32(parts[lane].batch.events.count)))
      parts[lane].batch.append(event, from: batch)
    }
  }

  /// Writes the predictions, a line each, in the order of the events.
  func write(to output: inout ReplayOutput) throws(ReplayFailure) {
    for route in routes {
      let part = parts[Int(route.lane)]
      try output.write(part.output.bytes[part.output.predictions[Int(route.place)].encoded.indices])
    }
  }
}
