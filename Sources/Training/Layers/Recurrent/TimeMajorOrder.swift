/// The rows of a batch step by step, longest sequence first: the sequences of a step then stand together, and those that go on are the first
/// of them, so that each step is one matrix product without padding.
///
/// Sequences of equal length keep their order. Arrays are made once for the largest batch.
struct TimeMajorOrder: Sendable {
  /// The time steps.
  private(set) var steps: [RecurrentStep] = []
  /// The sequence of each rank.
  private(set) var sequences: [Int32]
  /// The batch's row of each row here.
  private(set) var packed: [Int32]
  /// The row here of each of the batch's rows.
  private(set) var timeMajor: [Int32]
  /// The rows here, as one sequence without targets.
  private(set) var events = PackedBatch()
  /// The row here of each rank's last event.
  private(set) var last: [Int32]
  /// Number of rows, n.
  private(set) var rows = 0
  /// Number of sequences.
  private(set) var count = 0
  /// Sequences of each length, and then the rank of the next of that length.
  private var ranks: [Int]

  /// Room for the largest batch.
  init(_ capacity: BatchCapacity) {
    sequences = [Int32](repeating: 0, count: capacity.sequences)
    last = sequences
    packed = [Int32](repeating: 0, count: capacity.rows)
    timeMajor = packed
    events.items.reserveCapacity(capacity.rows)
    events.starts.reserveCapacity(2)
    ranks = [Int](repeating: 0, count: capacity.length + 1)
    steps.reserveCapacity(capacity.length)
  }

  /// True where the order is the batch's own.
  var isPacked: Bool { steps.count <= 1 }

  /// Bytes for the largest batch.
  static func bytes(_ capacity: BatchCapacity) -> Int {
    let indices = 2 * capacity.sequences + 3 * capacity.rows + 2
    let steps = capacity.length * MemoryLayout<RecurrentStep>.stride
    return indices * MemoryLayout<Int32>.stride + steps + (capacity.length + 1) * MemoryLayout<Int>.stride
  }

  /// Orders `batch`, whose sequences have at least one row each.
  mutating func arrange(_ batch: PackedBatch) {
    (rows, count) = (batch.rows, batch.sequences)
    precondition(rows <= packed.count && count <= sequences.count)
    countLengths(batch)
    makeSteps()
    events.removeAll()
    events.items.append(contentsOf: repeatElement(0, count: rows))
    events.starts.append(Int32(rows))
    for sequence in 0..<count {
      let start = Int(batch.starts[sequence])
      let length = Int(batch.starts[sequence + 1]) - start
      let rank = ranks[length]
      ranks[length] = rank + 1
      sequences[rank] = Int32(sequence)
      for time in 0..<length {
        let row = steps[time].row + rank
        packed[row] = Int32(start + time)
        timeMajor[start + time] = Int32(row)
        events.items[row] = batch.items[start + time]
      }
      last[rank] = Int32(steps[length - 1].row + rank)
    }
  }

  /// ``ranks``: sequences of each length.
  private mutating func countLengths(_ batch: PackedBatch) {
    for length in ranks.indices { ranks[length] = 0 }
    for sequence in 0..<count {
      let length = Int(batch.starts[sequence + 1] - batch.starts[sequence])
      precondition(length > 0 && length < ranks.count)
      ranks[length] += 1
    }
  }

  /// ``steps`` from the lengths' counts, and ``ranks``: the rank of the first sequence of each length.
  private mutating func makeSteps() {
    steps.removeAll(keepingCapacity: true)
    var row = 0
    var remaining = count
    for length in 1..<ranks.count {
      guard remaining > 0 else { break }
      let ending = ranks[length]
      steps.append(RecurrentStep(row: row, rows: remaining, nextRows: remaining - ending))
      row += remaining
      remaining -= ending
      ranks[length] = remaining
    }
  }
}
