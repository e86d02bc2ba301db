/// What a training is put together from: the network, what moves it, and what its hidden states are trained to do.
struct TrainingParts {
  /// The network with its first weights.
  var network: any Network<Float>
  /// Moves them.
  var optimiser: any Optimiser
  /// Makes one replica's loss, for at most so many rows.
  var makeLoss: (_ rows: Int) -> any Loss<Float>
  /// Bytes of such a loss.
  var lossBytes: (_ rows: Int) -> Int
  /// Draws the negatives that all replicas of a step share, where the objective has such: appends them to the list.
  var drawShared: (inout [Int32], inout RandomStream) -> Void
}

/// Rows of one pass, at least: what a step has beyond that is computed in several passes, whose gradients add up, so that the buffers of
/// long sequences and large batches stay bounded.
enum PassRows {
  /// Rows where windows are not longer.
  static let usual = 2048

  /// Rows of a pass over windows of at most `maxLength` events.
  static func count(maxLength: Int) -> Int { max(usual, maxLength) }
}

extension TrainingSettings {
  /// The largest batch of one replica.
  func capacity(longestWindow: Int) -> BatchCapacity {
    switch batching {
    case .windows:
      let rows = min(PassRows.count(maxLength: maxLength), max(longestWindow, longestWindow * batchSize))
      return BatchCapacity(rows: rows, sequences: min(rows, batchSize), length: maxLength)
    case .sessionParallel:
      let lanes = (batchSize + threads - 1) / threads
      return BatchCapacity(rows: lanes, sequences: lanes, length: 1, lanes: lanes)
    }
  }

  /// The largest batch of an evaluation.
  var evaluationCapacity: BatchCapacity {
    let rows = PassRows.count(maxLength: maxLength)
    return BatchCapacity(rows: rows, sequences: rows, length: maxLength)
  }
}
