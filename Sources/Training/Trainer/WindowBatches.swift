/// What an epoch of whole windows is made of: their order, and how a step's windows are shared out to replicas. Everything follows from the
/// seed, the epoch and the number of threads.
struct WindowBatches: Sendable {
  /// The windows.
  let table: WindowTable
  /// Windows of a step.
  let batchSize: Int
  /// Windows beyond the table's primary ones that each epoch draws, without repetition.
  let replayed: Int
  private let seed: UInt64

  /// Batches of `batchSize` windows of `table`. Beside the primary ones each epoch draws `replayShare` times as many of the others.
  init(_ table: WindowTable, batchSize: Int, replayShare: Double, seed: UInt64) {
    self.table = table
    self.batchSize = batchSize
    self.seed = seed
    let others = table.windows.count - table.primary
    replayed = min(others, Int((Double(table.primary) * replayShare).rounded()))
    let primary = table.windows[..<table.primary].reduce(0) { $0 + Int($1.rows) }
    rowsOfEpoch = primary + (others > 0 ? (table.rows - primary) * replayed / others : 0)
  }

  /// Windows of an epoch.
  var count: Int { table.primary + replayed }

  /// Rows of an epoch; about, where windows are replayed.
  let rowsOfEpoch: Int

  /// The windows of `epoch` (from 1) in their order: a shuffle (Durstenfeld 1964) of the primary ones and of those that are replayed.
  func order(epoch: Int) -> [Int32] {
    var random = RandomStream(seed: seed, purpose: .order, step: epoch)
    var order = (0..<Int32(table.primary)).map { $0 }
    if replayed > 0 {
      var others = (Int32(table.primary)..<Int32(table.windows.count)).map { $0 }
      for place in 0..<replayed { others.swapAt(place, place + random.below(others.count - place)) }
      order.append(contentsOf: others[..<replayed])
    }
    for place in stride(from: order.count - 1, to: 0, by: -1) { order.swapAt(place, random.below(place + 1)) }
    return order
  }

  /// The windows of each of `shards`, so that their rows are about equal: the longest first, each to the shard with the fewest rows.
  func share(_ windows: ArraySlice<Int32>, into shards: inout [[Int32]]) {
    let sorted = windows.sorted { a, b in
      let (ofA, ofB) = (table.windows[Int(a)].rows, table.windows[Int(b)].rows)
      return ofA != ofB ? ofA > ofB : a < b
    }
    var rows = [Int](repeating: 0, count: shards.count)
    for index in shards.indices { shards[index].removeAll(keepingCapacity: true) }
    for window in sorted {
      var lightest = 0
      for shard in 1..<max(shards.count, 1) where rows[shard] < rows[lightest] { lightest = shard }
      shards[lightest].append(window)
      rows[lightest] += Int(table.windows[Int(window)].rows)
    }
  }
}
