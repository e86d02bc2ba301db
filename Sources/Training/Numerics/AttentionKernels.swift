private import CTraining

/// Kernels between the matrix products of attention.
protocol AttentionKernels: TensorElement {
  /// Turns queries and keys by the angles of their places, or back (`direction` −1): `heads` heads of `size` values from `column` of x on.
  static func rotate(
    _ x: Tensor<Self>, column: Int, heads: Int, size: Int, by table: RotaryTable<Self>, direction: Double,
    _ batch: PackedBatch)

  /// Softmax, in place, of the last rows of a square matrix, `[rows, columns]`: the last row over all its values, the one before it over one
  /// less; those after become 0. With dropout, dropped probabilities get a minus sign for the backward pass, and `dropped` has the others, not
  /// scaled.
  static func causalSoftmax(_ scores: TensorSlice<Self>, dropped: TensorSlice<Self>, dropout: DropoutMask)

  /// From the gradient of the dropped probabilities to that of the scores, in place. With dropout, `dropped` gets the kept probabilities again.
  static func causalSoftmaxBackward(
    _ probabilities: TensorSlice<Self>, gradient: TensorSlice<Self>, dropped: TensorSlice<Self>, dropout: DropoutMask)
}

/// cos and sin of the angles of rotary embedding, [length, size / 2].
struct RotaryTable<Scalar: TensorElement>: Sendable {
  let cosines: Tensor<Scalar>
  let sines: Tensor<Scalar>
}

extension DropoutMask {
  fileprivate var forC: training_dropout { training_dropout(key: key, threshold: threshold, scale: scale) }
}

extension Float: AttentionKernels {
  static func rotate(
    _ x: Tensor<Float>, column: Int, heads: Int, size: Int, by table: RotaryTable<Float>, direction: Double,
    _ batch: PackedBatch
  ) {
    let slice = x.slice(column: column, rows: batch.rows, columns: heads * size)
    precondition(size % 2 == 0 && table.cosines.columns == size / 2 && table.sines.columns == size / 2)
    precondition(table.cosines.rows == table.sines.rows)
    batch.check(rows: .max, length: table.cosines.rows)
    unsafe batch.starts.withUnsafeBufferPointer { starts in
      unsafe training_rotate_f(
        x.base + slice.offset, Int64(slice.stride), table.cosines.base, table.sines.base, Int64(heads), Int64(size),
        direction, training_sequences(starts: starts.baseAddress, count: Int64(batch.sequences)))
    }
  }

  static func causalSoftmax(_ scores: TensorSlice<Float>, dropped: TensorSlice<Float>, dropout: DropoutMask) {
    let before = scores.columns - scores.rows
    precondition(before >= 0 && dropped.rows == scores.rows && dropped.columns == scores.columns)
    unsafe training_causal_softmax_f(
      scores.tensor.base + scores.offset, Int64(scores.stride), Int64(before), Int64(scores.rows),
      dropped.tensor.base + dropped.offset, Int64(dropped.stride), dropout.forC,
      UInt32(truncatingIfNeeded: scores.offset))
  }

  static func causalSoftmaxBackward(
    _ probabilities: TensorSlice<Float>, gradient: TensorSlice<Float>, dropped: TensorSlice<Float>,
    dropout: DropoutMask
  ) {
    let (count, columns) = (probabilities.rows, probabilities.columns)
    precondition(columns >= count && gradient.rows == count && gradient.columns == columns)
    precondition(dropped.rows == count && dropped.columns == columns && dropped.stride == gradient.stride)
    unsafe training_causal_softmax_backward_f(
      probabilities.tensor.base + probabilities.offset, Int64(probabilities.stride), Int64(columns - count),
      Int64(count),
      gradient.tensor.base + gradient.offset, Int64(gradient.stride), dropped.tensor.base + dropped.offset,
      dropout.forC)
  }
}

extension Double: AttentionKernels {
  static func rotate(
    _ x: Tensor<Double>, column: Int, heads: Int, size: Int, by table: RotaryTable<Double>, direction: Double,
    _ batch: PackedBatch
  ) {
    let slice = x.slice(column: column, rows: batch.rows, columns: heads * size)
    precondition(size % 2 == 0 && table.cosines.columns == size / 2 && table.sines.columns == size / 2)
    precondition(table.cosines.rows == table.sines.rows)
    batch.check(rows: .max, length: table.cosines.rows)
    unsafe batch.starts.withUnsafeBufferPointer { starts in
      unsafe training_rotate_d(
        x.base + slice.offset, Int64(slice.stride), table.cosines.base, table.sines.base, Int64(heads), Int64(size),
        direction, training_sequences(starts: starts.baseAddress, count: Int64(batch.sequences)))
    }
  }

  static func causalSoftmax(_ scores: TensorSlice<Double>, dropped: TensorSlice<Double>, dropout: DropoutMask) {
    let before = scores.columns - scores.rows
    precondition(before >= 0 && dropped.rows == scores.rows && dropped.columns == scores.columns)
    unsafe training_causal_softmax_d(
      scores.tensor.base + scores.offset, Int64(scores.stride), Int64(before), Int64(scores.rows),
      dropped.tensor.base + dropped.offset, Int64(dropped.stride), dropout.forC,
      UInt32(truncatingIfNeeded: scores.offset))
  }

  static func causalSoftmaxBackward(
    _ probabilities: TensorSlice<Double>, gradient: TensorSlice<Double>, dropped: TensorSlice<Double>,
    dropout: DropoutMask
  ) {
    let (count, columns) = (probabilities.rows, probabilities.columns)
    precondition(columns >= count && gradient.rows == count && gradient.columns == columns)
    precondition(dropped.rows == count && dropped.columns == columns && dropped.stride == gradient.stride)
    unsafe training_causal_softmax_backward_d(
      probabilities.tensor.base + probabilities.offset, Int64(probabilities.stride), Int64(columns - count),
      Int64(count),
      gradient.tensor.base + gradient.offset, Int64(gradient.stride), dropped.tensor.base + dropped.offset,
      dropout.forC)
  }
}
