/// A layer of long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers, Schmidhuber & Cummins 2000), as PyTorch
/// has it:
///
///     i, f, o = σ(W_i· x + b_i· + W_h· h + b_h·)    g = tanh(W_ig x + b_ig + W_hg h + b_hg)
///     c' = f ⊙ c + i ⊙ g    h' = o ⊙ tanh(c')
final class LSTMLayer<Scalar: TrainingScalar>: RecurrentLayer {
  let weights: RecurrentLayerWeights<Scalar>
  private let buffers: LSTMBuffers<Scalar>
  private let lane: Tensor<Scalar>
  private let laneCell: Tensor<Scalar>

  var gates: Tensor<Scalar> { buffers.gates }
  var hidden: Tensor<Scalar> { buffers.hidden }
  var laneStates: [(name: String, tensor: Tensor<Scalar>)] { [("hidden", lane), ("cell", laneCell)] }

  /// Buffers for batches of at most `capacity`.
  init(_ weights: RecurrentLayerWeights<Scalar>, _ capacity: BatchCapacity) {
    self.weights = weights
    let (rows, size) = (capacity.rows, weights.size)
    func states() -> Tensor<Scalar> { Tensor(rows: rows, columns: size) }
    buffers = LSTMBuffers(
      gates: Tensor(rows: rows, columns: 4 * size), previous: states(), previousCell: states(), cell: states(),
      squashed: states(), hidden: states(), carry: Tensor(rows: capacity.sequences, columns: size),
      cellCarry: Tensor(rows: capacity.sequences, columns: size))
    lane = Tensor(rows: capacity.lanes, columns: size)
    laneCell = Tensor(rows: capacity.lanes, columns: size)
  }

  /// Values of the buffers of a layer of `size` units.
  static func values(_ capacity: BatchCapacity, size: Int) -> Int {
    (9 * capacity.rows + 2 * capacity.sequences + 2 * capacity.lanes) * size
  }

  func forward(_ order: TimeMajorOrder, _ lanes: LaneOrder?) {
    begin(buffers.previous, from: lane, order, lanes)
    begin(buffers.previousCell, from: laneCell, order, lanes)
    for step in order.steps {
      if step.row > 0 || lanes != nil {
        Scalar.multiply(
          buffers.previous.slice(row: step.row, rows: step.rows), transposed: false, weights.recurrentWeight,
          transposed: true, into: buffers.gates.slice(row: step.row, rows: step.rows), alpha: 1, beta: 1)
      }
      Scalar.forwardLSTM(step, buffers, weights.biases)
    }
    end(buffers.hidden, to: lane, order, lanes)
    end(buffers.cell, to: laneCell, order, lanes)
  }

  func backward(_ order: TimeMajorOrder, _ lanes: LaneOrder?, into gradients: GradientSet<Scalar>) {
    for step in order.steps.reversed() {
      Scalar.backwardLSTM(step, buffers)
      guard step.row > 0 else { break }
      Scalar.multiply(
        buffers.gates.slice(row: step.row, rows: step.rows), transposed: false, weights.recurrentWeight,
        transposed: false, into: buffers.carry.slice(rows: step.rows), alpha: 1, beta: 0)
    }
    addGradients(
      input: buffers.gates, recurrent: buffers.gates, previous: buffers.previous, order, isFromZero: lanes == nil,
      into: gradients)
  }
}
