/// A layer of recurrent cells in one replica, with its buffers: back-propagation through time (Werbos 1990) over sequences of any lengths
/// side by side, in the order of ``TimeMajorOrder``.
protocol RecurrentLayer<Scalar>: AnyObject {
  associatedtype Scalar: TrainingScalar

  /// Its weights.
  var weights: RecurrentLayerWeights<Scalar> { get }
  /// `[n, G·H]`: takes the input's part of the gates before ``forward(_:_:)``; holds its gradient after ``backward(_:_:into:)``.
  var gates: Tensor<Scalar> { get }
  /// `[n, H]`: the hidden state after each event, once ``forward(_:_:)`` is through; takes the gradient with respect to it before
  /// ``backward(_:_:into:)``. In between it may be changed: the way back does not read it.
  var hidden: Tensor<Scalar> { get }
  /// The state that lanes carry from step to step, `[lanes, H]` each: h, and c of an LSTM.
  var laneStates: [(name: String, tensor: Tensor<Scalar>)] { get }

  /// Computes ``hidden`` from the input's part of the gates. Sequences start from the state of their lanes, and leave theirs there; without
  /// `lanes` they start from zero.
  func forward(_ order: TimeMajorOrder, _ lanes: LaneOrder?)
  /// Computes the gradient of ``gates``, and adds those of the recurrent matrix and of the biases. The state of lanes counts as given: the
  /// gradient ends where the step began.
  func backward(_ order: TimeMajorOrder, _ lanes: LaneOrder?, into gradients: GradientSet<Scalar>)
}

/// The lanes of a batch whose recurrent state is carried, by rank in ``TimeMajorOrder``.
struct LaneOrder: Sendable {
  /// The lane of each sequence.
  var lanes: [Int32]
  /// The same, or −1 where the lane is reset before the sequence.
  var initial: [Int32]

  /// Room for the largest batch.
  init(_ capacity: BatchCapacity) {
    lanes = [Int32](repeating: 0, count: capacity.sequences)
    initial = lanes
  }

  /// Takes the lanes of `batch`, each of which appears once.
  mutating func arrange(_ batch: PackedBatch, _ order: TimeMajorOrder) {
    precondition(batch.lanes.count == batch.sequences && batch.resets.count == batch.sequences)
    for rank in 0..<order.count {
      let sequence = Int(order.sequences[rank])
      let lane = batch.lanes[sequence]
      precondition(lane >= 0)
      lanes[rank] = lane
      initial[rank] = batch.resets[sequence] ? -1 : lane
    }
  }
}

/// The parameters of a recurrent layer.
struct RecurrentLayerWeights<Scalar: TrainingScalar>: Sendable {
  /// Units, H.
  let size: Int
  /// `weight_ih` `[G·H, inputs]`; nil where the input's part is looked up in a table.
  let input: LearntTensor<Scalar>?
  /// `weight_hh` `[G·H, H]`.
  let recurrent: LearntTensor<Scalar>
  /// `bias_ih` `[G·H]`.
  let inputBias: LearntTensor<Scalar>
  /// `bias_hh` `[G·H]`.
  let recurrentBias: LearntTensor<Scalar>

  /// The parameters `layers.layer.…`, of `size` units.
  init(layer: Int, size: Int, of parameters: ParameterList<Scalar>) {
    self.size = size
    input = parameters.find("layers.\(layer).weight_ih")
    recurrent = parameters["layers.\(layer).weight_hh"]
    inputBias = parameters["layers.\(layer).bias_ih"]
    recurrentBias = parameters["layers.\(layer).bias_hh"]
  }

  /// `weight_hh`.
  var recurrentWeight: TensorSlice<Scalar> { recurrent.value.slice(rows: recurrent.value.rows) }
  /// Both biases.
  var biases: GateBiases<Scalar> { GateBiases(input: inputBias.value, recurrent: recurrentBias.value) }
}

extension RecurrentLayer {
  /// ``gates`` = the first `rows` rows of `input` · W_ihᵀ.
  func feed(_ input: Tensor<Scalar>, rows: Int) {
    guard let weight = weights.input?.value else { preconditionFailure("the layer has no input matrix") }
    Scalar.multiply(
      input.slice(rows: rows), transposed: false, weight.slice(rows: weight.rows), transposed: true,
      into: gates.slice(rows: rows), alpha: 1, beta: 0)
  }

  /// Adds the gradient of W_ih, and has `input` become that of the input, given that of ``gates``.
  func backwardFeed(_ input: Tensor<Scalar>, rows: Int, into gradients: GradientSet<Scalar>) {
    guard let weight = weights.input else { preconditionFailure("the layer has no input matrix") }
    let sum = weight.gradient(gradients)
    Scalar.multiply(
      gates.slice(rows: rows), transposed: true, input.slice(rows: rows), transposed: false,
      into: sum.slice(rows: sum.rows), alpha: 1, beta: 1)
    Scalar.multiply(
      gates.slice(rows: rows), transposed: false, weight.value.slice(rows: sum.rows), transposed: false,
      into: input.slice(rows: rows), alpha: 1, beta: 0)
  }

  /// Adds the gradients of W_hh and of the biases, given those of both parts of the gates and the states before each event. `isFromZero`
  /// where the first step's state is zero, which adds nothing to W_hh's.
  func addGradients(
    input: Tensor<Scalar>, recurrent: Tensor<Scalar>, previous: Tensor<Scalar>, _ order: TimeMajorOrder,
    isFromZero: Bool, into gradients: GradientSet<Scalar>
  ) {
    let first = isFromZero ? order.count : 0
    let rows = order.rows - first
    if rows > 0 {
      let sum = weights.recurrent.gradient(gradients)
      Scalar.multiply(
        recurrent.slice(row: first, rows: rows), transposed: true, previous.slice(row: first, rows: rows),
        transposed: false, into: sum.slice(rows: sum.rows), alpha: 1, beta: 1)
    }
    Scalar.sumRows(input, rows: order.rows, into: weights.inputBias.gradient(gradients))
    Scalar.sumRows(recurrent, rows: order.rows, into: weights.recurrentBias.gradient(gradients))
  }

  /// The state that sequences begin with: that of their lanes, or zero.
  func begin(_ state: Tensor<Scalar>, from lane: Tensor<Scalar>, _ order: TimeMajorOrder, _ lanes: LaneOrder?) {
    guard let lanes else { return state.zero(rows: order.count) }
    Scalar.copyRows(order.count, of: lane, at: lanes.initial, to: state, at: nil)
  }

  /// Leaves the state after each sequence's last event in its lane.
  func end(_ state: Tensor<Scalar>, to lane: Tensor<Scalar>, _ order: TimeMajorOrder, _ lanes: LaneOrder?) {
    guard let lanes else { return }
    Scalar.copyRows(order.count, of: state, at: order.last, to: lane, at: lanes.lanes)
  }
}
