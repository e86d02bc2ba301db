/// Session-parallel mini-batches (Hidasi et al. 2016, section 3.1.1), with a window in a session's place: each lane goes through one window,
/// an event a step, its recurrent state carried on; when it ends, the lane takes the epoch's next window and begins from zero state. When
/// there is none left the lane stays empty, so that every target has its turn.
struct LaneBatches {
  /// One lane.
  private struct Lane {
    var batch = PackedBatch()
    /// The row of ``batch`` that comes next.
    var row = 0
    /// False once the epoch has no more windows.
    var isOpen = true
  }

  private let table: WindowTable
  private let order: [Int32]
  private let shares: [Range<Int>]
  private var lanes: [Lane]
  private var next = 0

  /// Lanes for the windows of `order`, shared out to `replicas` by ranges.
  init(_ table: WindowTable, order: [Int32], lanes: Int, replicas: Int) {
    self.table = table
    self.order = order
    self.lanes = [Lane](repeating: Lane(), count: lanes)
    shares = LaneBatches.shares(lanes: lanes, replicas: replicas)
  }

  /// The lanes of each replica.
  static func shares(lanes: Int, replicas: Int) -> [Range<Int>] {
    (0..<replicas).map { lanes * $0 / replicas..<lanes * ($0 + 1) / replicas }
  }

  /// Sets `batches`, one a replica, to the next event of every open lane; false at the epoch's end.
  mutating func step(_ batches: inout [PackedBatch]) -> Bool {
    var hasRows = false
    for replica in shares.indices {
      batches[replica].removeAll()
      for lane in shares[replica] {
        guard refill(lane) else { continue }
        append(lane, as: Int32(lane - shares[replica].lowerBound), to: &batches[replica])
        hasRows = true
      }
    }
    return hasRows
  }

  /// True where `lane` has a row; takes the next window where it had come to the end of its own.
  private mutating func refill(_ lane: Int) -> Bool {
    guard lanes[lane].isOpen else { return false }
    if lanes[lane].row < lanes[lane].batch.rows { return true }
    lanes[lane].batch.removeAll()
    lanes[lane].row = 0
    guard next < order.count else {
      lanes[lane].isOpen = false
      return false
    }
    table.append(Int(order[next]), to: &lanes[lane].batch)
    next += 1
    return true
  }

  private mutating func append(_ lane: Int, as number: Int32, to batch: inout PackedBatch) {
    let row = lanes[lane].row
    batch.items.append(lanes[lane].batch.items[row])
    batch.targets.append(lanes[lane].batch.targets[row])
    batch.starts.append(Int32(batch.items.count))
    batch.lanes.append(number)
    batch.resets.append(row == 0)
    lanes[lane].row += 1
  }
}
