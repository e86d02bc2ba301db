/// A layer of gated recurrent units (Cho et al., "Learning Phrase Representations using RNN Encoder–Decoder", EMNLP 2014), with the reset
/// gate after the matrix, as PyTorch has it:
///
///     r = σ(W_ir x + b_ir + W_hr h + b_hr)    z = σ(W_iz x + b_iz + W_hz h + b_hz)
///     n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn))    h' = (1 − z) ⊙ n + z ⊙ h
final class GRULayer<Scalar: TrainingScalar>: RecurrentLayer {
  let weights: RecurrentLayerWeights<Scalar>
  private let buffers: GRUBuffers<Scalar>
  private let lane: Tensor<Scalar>

  var gates: Tensor<Scalar> { buffers.gates }
  var hidden: Tensor<Scalar> { buffers.hidden }
  var laneStates: [(name: String, tensor: Tensor<Scalar>)] { [("hidden", lane)] }

  /// Buffers for batches of at most `capacity`.
  init(_ weights: RecurrentLayerWeights<Scalar>, _ capacity: BatchCapacity) {
    self.weights = weights
    let (rows, size) = (capacity.rows, weights.size)
    buffers = GRUBuffers(
      gates: Tensor(rows: rows, columns: 3 * size), recurrent: Tensor(rows: rows, columns: 3 * size),
      previous: Tensor(rows: rows, columns: size), hidden: Tensor(rows: rows, columns: size),
      carry: Tensor(rows: capacity.sequences, columns: size))
    lane = Tensor(rows: capacity.lanes, columns: size)
  }

  /// Values of the buffers of a layer of `size` units.
  static func values(_ capacity: BatchCapacity, size: Int) -> Int {
    (8 * capacity.rows + capacity.sequences + capacity.lanes) * size
  }

  func forward(_ order: TimeMajorOrder, _ lanes: LaneOrder?) {
    begin(buffers.previous, from: lane, order, lanes)
    for step in order.steps {
      if step.row == 0, lanes == nil {
        buffers.recurrent.zero(rows: step.rows)
      } else {
        Scalar.multiply(
          buffers.previous.slice(row: step.row, rows: step.rows), transposed: false, weights.recurrentWeight,
          transposed: true, into: buffers.recurrent.slice(row: step.row, rows: step.rows), alpha: 1, beta: 0)
      }
      Scalar.forwardGRU(step, buffers, weights.biases)
    }
    end(buffers.hidden, to: lane, order, lanes)
  }

  func backward(_ order: TimeMajorOrder, _ lanes: LaneOrder?, into gradients: GradientSet<Scalar>) {
    for step in order.steps.reversed() {
      Scalar.backwardGRU(step, buffers)
      guard step.row > 0 else { break }
      Scalar.multiply(
        buffers.recurrent.slice(row: step.row, rows: step.rows), transposed: false, weights.recurrentWeight,
        transposed: false, into: buffers.carry.slice(rows: step.rows), alpha: 1, beta: 1)
    }
    addGradients(
      input: buffers.gates, recurrent: buffers.recurrent, previous: buffers.previous, order, isFromZero: lanes == nil,
      into: gradients)
  }
}
