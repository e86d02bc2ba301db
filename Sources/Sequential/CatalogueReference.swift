import Events

extension Catalogue {
  /// What ``topK(_:count:k:exclusions:scratch:items:results:)`` must return for query `index`: every row scored in
  /// fp32 by the same dot product, everything sorted. Plain and slow.
  func reference(
    _ queries: borrowing AlignedBuffer<Float>, index: Int, k: Int, exclusions: borrowing Exclusions
  ) -> [ScoredItem] {
    var scores = AlignedBuffer<Float>(count: count, repeating: 0)
    kernels.scores(rows, bias: bias, queries: queries, index: index, first: 0, count: count, into: &scores)
    var scored: [ScoredItem] = []
    for row in 0..<count where scores[row].isFinite && !exclusions.contains(ItemIndex(row), query: index) {
      scored.append(ScoredItem(item: ItemIndex(row), score: scores[row]))
    }
    scored.sort { $0.score != $1.score ? $0.score > $1.score : $0.item < $1.item }
    return Array(scored.prefix(k))
  }
}
