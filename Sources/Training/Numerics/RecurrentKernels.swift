private import CTraining

/// Rows of one time step in time-major buffers: the sequences that are longer than it, the longest first.
struct RecurrentStep: Sendable, Equatable {
  /// First row.
  var row: Int
  /// Sequences that have an event here.
  var rows: Int
  /// Sequences among them that go on: the first ones, at rows ``next``….
  var nextRows: Int

  /// First row of the next step.
  var next: Int { row + rows }
}

/// What a GRU layer keeps of a batch between forward and backward, time-major, `n` rows.
struct GRUBuffers<Scalar: TensorElement> {
  /// `[n, 3H]`: the input's part of the gates; r, z, n after the step; gradients of the input's part after its way back.
  let gates: Tensor<Scalar>
  /// `[n, 3H]`: the recurrent part; its last third with bias after the step; its gradients after the way back.
  let recurrent: Tensor<Scalar>
  /// `[n, H]`: the state before each event.
  let previous: Tensor<Scalar>
  /// `[n, H]`: the state after each event; on the way back the gradient of the loss with respect to it.
  let hidden: Tensor<Scalar>
  /// `[sequences, H]`: the gradient that comes back through time.
  let carry: Tensor<Scalar>
}

/// What an LSTM layer keeps of a batch between forward and backward, time-major, `n` rows.
struct LSTMBuffers<Scalar: TensorElement> {
  /// `[n, 4H]`: the sum of the input's and the recurrent part; i, f, g, o after the step; gradients of the sum after its way back.
  let gates: Tensor<Scalar>
  /// `[n, H]`: the hidden state before each event.
  let previous: Tensor<Scalar>
  /// `[n, H]`: the cell state before each event.
  let previousCell: Tensor<Scalar>
  /// `[n, H]`: the cell state after each event.
  let cell: Tensor<Scalar>
  /// `[n, H]`: tanh of it.
  let squashed: Tensor<Scalar>
  /// `[n, H]`: the hidden state after each event; on the way back the gradient of the loss with respect to it.
  let hidden: Tensor<Scalar>
  /// `[sequences, H]`: the gradient of the hidden state that comes back through time.
  let carry: Tensor<Scalar>
  /// `[sequences, H]`: that of the cell state.
  let cellCarry: Tensor<Scalar>
}

/// The biases of a layer's gates, `[G·H]` each.
struct GateBiases<Scalar: TensorElement> {
  /// Added to the input's part.
  let input: Tensor<Scalar>
  /// Added to the recurrent part.
  let recurrent: Tensor<Scalar>
}

/// Kernels of recurrent networks: a time step's gates, and rows that change places.
protocol RecurrentKernels: TensorElement {
  /// One step of a GRU (Cho et al. 2014, in PyTorch's form), after the matrix products.
  static func forwardGRU(_ step: RecurrentStep, _ buffers: GRUBuffers<Self>, _ biases: GateBiases<Self>)
  /// Its way back: gradients of both parts of the gates, and in `carry` that of the state before as far as no matrix is in between.
  static func backwardGRU(_ step: RecurrentStep, _ buffers: GRUBuffers<Self>)
  /// One step of an LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000), after the matrix products.
  static func forwardLSTM(_ step: RecurrentStep, _ buffers: LSTMBuffers<Self>, _ biases: GateBiases<Self>)
  /// Its way back: gradients of the gates, and in `cellCarry` that of the cell state before.
  static func backwardLSTM(_ step: RecurrentStep, _ buffers: LSTMBuffers<Self>)
  /// The first `count` values of x become σ(x).
  static func sigmoid(_ x: Tensor<Self>, count: Int)
  /// The first `count` values of x become tanh x.
  static func tanh(_ x: Tensor<Self>, count: Int)
}

extension GRUBuffers {
  /// True where all of `step` lies in the buffers.
  fileprivate func hold(_ step: RecurrentStep) -> Bool {
    let size = hidden.columns
    return step.row >= 0 && step.nextRows >= 0 && step.nextRows <= step.rows && step.next + step.nextRows <= hidden.rows
      && gates.rows >= hidden.rows && recurrent.rows >= hidden.rows && previous.rows >= hidden.rows
      && carry.rows >= step.rows && gates.columns == 3 * size && recurrent.columns == 3 * size
      && previous.columns == size && carry.columns == size
  }
}

extension LSTMBuffers {
  private static func hold(_ rows: Int, _ columns: Int, _ one: Tensor<Scalar>, _ other: Tensor<Scalar>) -> Bool {
    one.rows >= rows && one.columns == columns && other.rows >= rows && other.columns == columns
  }

  /// True where all of `step` lies in the buffers.
  fileprivate func hold(_ step: RecurrentStep) -> Bool {
    let size = hidden.columns
    return step.row >= 0 && step.nextRows >= 0 && step.nextRows <= step.rows && step.next + step.nextRows <= hidden.rows
      && gates.rows >= hidden.rows && gates.columns == 4 * size
      && LSTMBuffers.hold(hidden.rows, size, previous, previousCell)
      && LSTMBuffers.hold(hidden.rows, size, cell, squashed)
      && LSTMBuffers.hold(step.rows, size, carry, cellCarry)
  }
}

extension Float: RecurrentKernels {
  static func forwardGRU(_ step: RecurrentStep, _ buffers: GRUBuffers<Float>, _ biases: GateBiases<Float>) {
    precondition(buffers.hold(step))
    let size = buffers.hidden.columns
    precondition(biases.input.count == 3 * size && biases.recurrent.count == 3 * size)
    let (gates, state, next) = (3 * step.row * size, step.row * size, step.next * size)
    unsafe training_gru_forward_f(
      buffers.gates.base + gates, buffers.recurrent.base + gates, biases.input.base, biases.recurrent.base,
      buffers.previous.base + state, buffers.hidden.base + state, buffers.previous.base + next, Int64(step.rows),
      Int64(step.nextRows), Int64(size))
  }

  static func backwardGRU(_ step: RecurrentStep, _ buffers: GRUBuffers<Float>) {
    precondition(buffers.hold(step))
    let size = buffers.hidden.columns
    let (gates, state) = (3 * step.row * size, step.row * size)
    unsafe training_gru_backward_f(
      buffers.gates.base + gates, buffers.recurrent.base + gates, buffers.previous.base + state,
      buffers.hidden.base + state, buffers.carry.base, Int64(step.rows), Int64(step.nextRows), Int64(size))
  }

  static func forwardLSTM(_ step: RecurrentStep, _ buffers: LSTMBuffers<Float>, _ biases: GateBiases<Float>) {
    precondition(buffers.hold(step))
    let size = buffers.hidden.columns
    precondition(biases.input.count == 4 * size && biases.recurrent.count == 4 * size)
    let (state, next) = (step.row * size, step.next * size)
    unsafe training_lstm_forward_f(
      buffers.gates.base + 4 * state, biases.input.base, biases.recurrent.base, buffers.previousCell.base + state,
      buffers.cell.base + state, buffers.squashed.base + state, buffers.hidden.base + state,
      buffers.previous.base + next, buffers.previousCell.base + next, Int64(step.rows), Int64(step.nextRows),
      Int64(size))
  }

  static func backwardLSTM(_ step: RecurrentStep, _ buffers: LSTMBuffers<Float>) {
    precondition(buffers.hold(step))
    let size = buffers.hidden.columns
    let state = step.row * size
    unsafe training_lstm_backward_f(
      buffers.gates.base + 4 * state, buffers.previousCell.base + state, buffers.squashed.base + state,
      buffers.hidden.base + state, buffers.carry.base, buffers.cellCarry.base, Int64(step.rows), Int64(step.nextRows),
      Int64(size))
  }

  static func sigmoid(_ x: Tensor<Float>, count: Int) {
    precondition(count <= x.count)
    unsafe training_sigmoid_f(x.base, Int64(count))
  }

  static func tanh(_ x: Tensor<Float>, count: Int) {
    precondition(count <= x.count)
    unsafe training_tanh_f(x.base, Int64(count))
  }
}

extension Double: RecurrentKernels {
  static func forwardGRU(_ step: RecurrentStep, _ buffers: GRUBuffers<Double>, _ biases: GateBiases<Double>) {
    precondition(buffers.hold(step))
    let size = buffers.hidden.columns
    precondition(biases.input.count == 3 * size && biases.recurrent.count == 3 * size)
    let (gates, state, next) = (3 * step.row * size, step.row * size, step.next * size)
    unsafe training_gru_forward_d(
      buffers.gates.base + gates, buffers.recurrent.base + gates, biases.input.base, biases.recurrent.base,
      buffers.previous.base + state, buffers.hidden.base + state, buffers.previous.base + next, Int64(step.rows),
      Int64(step.nextRows), Int64(size))
  }

  static func backwardGRU(_ step: RecurrentStep, _ buffers: GRUBuffers<Double>) {
    precondition(buffers.hold(step))
    let size = buffers.hidden.columns
    let (gates, state) = (3 * step.row * size, step.row * size)
    unsafe training_gru_backward_d(
      buffers.gates.base + gates, buffers.recurrent.base + gates, buffers.previous.base + state,
      buffers.hidden.base + state, buffers.carry.base, Int64(step.rows), Int64(step.nextRows), Int64(size))
  }

  static func forwardLSTM(_ step: RecurrentStep, _ buffers: LSTMBuffers<Double>, _ biases: GateBiases<Double>) {
    precondition(buffers.hold(step))
    let size = buffers.hidden.columns
    precondition(biases.input.count == 4 * size && biases.recurrent.count == 4 * size)
    let (state, next) = (step.row * size, step.next * size)
    unsafe training_lstm_forward_d(
      buffers.gates.base + 4 * state, biases.input.base, biases.recurrent.base, buffers.previousCell.base + state,
      buffers.cell.base + state, buffers.squashed.base + state, buffers.hidden.base + state,
      buffers.previous.base + next, buffers.previousCell.base + next, Int64(step.rows), Int64(step.nextRows),
      Int64(size))
  }

  static func backwardLSTM(_ step: RecurrentStep, _ buffers: LSTMBuffers<Double>) {
    precondition(buffers.hold(step))
    let size = buffers.hidden.columns
    let state = step.row * size
    unsafe training_lstm_backward_d(
      buffers.gates.base + 4 * state, buffers.previousCell.base + state, buffers.squashed.base + state,
      buffers.hidden.base + state, buffers.carry.base, buffers.cellCarry.base, Int64(step.rows), Int64(step.nextRows),
      Int64(size))
  }

  static func sigmoid(_ x: Tensor<Double>, count: Int) {
    precondition(count <= x.count)
    unsafe training_sigmoid_d(x.base, Int64(count))
  }

  static func tanh(_ x: Tensor<Double>, count: Int) {
    precondition(count <= x.count)
    unsafe training_tanh_d(x.base, Int64(count))
  }
}
