import Sequential

@testable import Training

/// Recurrent networks and batches that the tests share.
enum RecurrentFixtures {
  static let items = 7

  static func shape(
    _ cell: RecurrentConfiguration.Cell, _ layerSizes: [Int], embedding: Int? = 3,
    output: ModelConfiguration.Output = .tied, projects: Bool = false, itemBias: Bool = false, dropout: Double = 0
  ) -> RecurrentShape {
    RecurrentShape(
      cell: cell, itemCount: items, maxLength: 8, layerSizes: layerSizes,
      input: embedding.map { .embedding(size: $0) } ?? .oneHot, output: output, projects: projects,
      itemBias: itemBias, embeddingDropout: dropout, hiddenDropout: dropout)
  }

  /// Sequences of these lengths; every item follows from where it stands.
  static func batch(_ lengths: [Int], lanes: [Int32] = [], resets: [Bool] = [], first: Int = 0) -> PackedBatch {
    var batch = PackedBatch()
    for (sequence, length) in lengths.enumerated() {
      let items = (0..<length).map { Int32((first + 3 * sequence + 2 * $0 + $0 * $0) % self.items) }
      batch.append(items: items[...], targets: ArraySlice(repeating: 0, count: length))
    }
    batch.lanes = lanes
    batch.resets = resets
    return batch
  }

  static let capacity = BatchCapacity(rows: 40, sequences: 8, length: 9, lanes: 6)
}
