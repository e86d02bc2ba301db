private import CLimits

/// The plain references: seconds for one operation on one core, by the best run, so that noise never flatters a ratio.
@safe enum Plain {
  /// A SASRec (d 64, 2 blocks, ffn 256, 1 head) over a window of `length` items.
  static func sasrec(length: Int, runs: Int) -> Double {
    let weights = floats(2 * (4 * 64 * 64 + 2 * 64 * 256))
    let items = floats(1000 * 64)
    var hidden = [Float](repeating: 0, count: 64)
    let window = (0..<length).map { Int32($0) }
    return unsafe weights.withUnsafeBufferPointer { weights in
      unsafe items.withUnsafeBufferPointer { items in
        var model = unsafe plain_sasrec(
          width: 64, blocks: 2, heads: 1, ffn: 256, length: length, weights: weights.baseAddress,
          items: items.baseAddress)
        var scratch = unsafe [Float](repeating: 0, count: plain_sasrec_scratch(&model))
        return Sample(runs: runs, operations: 1) {
          unsafe plain_sasrec_encode(&model, window, length, &scratch, &hidden)
        }.best
      }
    }
  }

  /// A GRU of 100 units over a window of `length` items.
  static func gru(length: Int, runs: Int) -> Double {
    let table = floats(1000 * 300)
    let weights = floats(300 * 100)
    let window = (0..<length).map { Int32($0) }
    var hidden = [Float](repeating: 0, count: 100)
    return Sample(runs: runs, operations: 1) {
      unsafe plain_gru_encode(table, weights, 100, window, length, &hidden)
    }.best
  }

  /// The best 20 of `count` rows of 64.
  static func topK(count: Int, runs: Int) -> Double {
    let rows = floats(count * 64)
    let query = floats(64)
    var best = [Int32](repeating: 0, count: 20)
    var scores = [Float](repeating: 0, count: 20)
    return Sample(runs: runs, operations: 1) {
      unsafe plain_top_k(rows, count, 64, query, 20, &best, &scores)
    }.best
  }

  private static func floats(_ count: Int) -> [Float] {
    var numbers = Numbers(3)
    return (0..<count).map { _ in numbers.float(0.1) }
  }
}

/// Heap allocations that this thread makes in `body`, for each of `operations`; nil where they aren't counted.
func allocations(for operations: Int, _ body: () -> Void) -> Double? {
  let before = limits_allocations()
  body()
  let after = limits_allocations()
  return before < 0 ? nil : Double(after - before) / Double(operations)
}
