private import CTraining

/// What the trainer itself does with rows and parameters.
enum TrainerKernels {
  /// Items of `scores`' row `row` that stand before `target` in the ranking: higher ones, and of equal ones those of a lower row. Nil where
  /// the target's own score is not a number.
  static func itemsBefore(_ target: Int, in scores: Tensor<Float>, row: Int) -> Int? {
    precondition(row >= 0 && row < scores.rows && target >= 0 && target < scores.columns)
    if scores[row, target].isNaN { return nil }
    return unsafe Int(
      training_items_before(scores.base + row * scores.columns, Int64(scores.columns), Int64(target)))
  }

  /// Exchanges positions `values` of both, counted row by row.
  static func swap(_ a: Tensor<Float>, _ b: Tensor<Float>, values: Range<Int>) {
    precondition(values.lowerBound >= 0 && values.upperBound <= a.count && a.count == b.count && a !== b)
    unsafe training_swap(a.base + values.lowerBound, b.base + values.lowerBound, Int64(values.count))
  }
}
