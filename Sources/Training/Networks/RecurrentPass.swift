import Sequential

/// Forward and backward through a ``RecurrentNetwork``, with buffers for one replica.
final class RecurrentPass<Scalar: TrainingScalar>: NetworkPass {
  private let network: RecurrentNetwork<Scalar>
  private let layers: [any RecurrentLayer<Scalar>]
  private var order: TimeMajorOrder
  private var laneOrder: LaneOrder
  /// ``laneOrder`` where the batch has lanes.
  private var lanes: LaneOrder? { isCarried ? laneOrder : nil }
  private var isCarried = false
  /// `[n, e]`, time-major: the embedded items, then their gradient. Nil with a one-hot input.
  private let embedded: Tensor<Scalar>?
  /// `[n, o]`, time-major: what the projection puts out, then its gradient. Nil without one.
  private let projected: Tensor<Scalar>?
  /// `[n, o]`, in the batch's order.
  private let output: Tensor<Scalar>
  private let capacity: BatchCapacity
  /// What the masks of the last ``forward(_:dropout:)`` were drawn from.
  private var dropout: RandomStream?

  /// Buffers for batches of at most `capacity`.
  init(_ network: RecurrentNetwork<Scalar>, _ capacity: BatchCapacity) {
    self.network = network
    self.capacity = capacity
    let shape = network.shape
    layers = network.layers.map { weights -> any RecurrentLayer<Scalar> in
      shape.cell == .gru ? GRULayer(weights, capacity) : LSTMLayer(weights, capacity)
    }
    order = TimeMajorOrder(capacity)
    laneOrder = LaneOrder(capacity)
    embedded = shape.embeddingSize.map { Tensor(rows: capacity.rows, columns: $0) }
    projected = shape.projectionSize.map { Tensor(rows: capacity.rows, columns: $0) }
    output = Tensor(rows: capacity.rows, columns: shape.outputSize)
  }

  /// The state that lanes carry from step to step, `[lanes, H]` each, to be stored and restored where training is interrupted: of each layer
  /// `layers.i.hidden`, and `layers.i.cell` of an LSTM.
  var laneStates: [(name: String, tensor: Tensor<Scalar>)] {
    layers.enumerated().flatMap { index, layer in
      layer.laneStates.map { (name: "layers.\(index).\($0.name)", tensor: $0.tensor) }
    }
  }

  func forward(_ batch: PackedBatch, dropout: RandomStream?) -> Tensor<Scalar> {
    self.dropout = dropout
    batch.check(rows: network.shape.itemCount, length: capacity.length)
    order.arrange(batch)
    isCarried = !batch.lanes.isEmpty
    if isCarried { laneOrder.arrange(batch, order) }
    let lanes = lanes
    feedItems()
    for index in layers.indices {
      let layer = layers[index]
      if index > 0 { layer.feed(layers[index - 1].hidden, rows: order.rows) }
      layer.forward(order, lanes)
      drop(layer, index)
    }
    let result = project(layers[layers.count - 1].hidden)
    guard !order.isPacked else { return result }
    Scalar.copyRows(order.rows, of: result, at: order.timeMajor, to: output, at: nil)
    return output
  }

  func backward(_ hiddenGradient: Tensor<Scalar>, _ batch: PackedBatch, into gradients: GradientSet<Scalar>) {
    precondition(batch.rows == order.rows && batch.sequences == order.count)
    let lanes = lanes
    backwardProject(hiddenGradient, layers[layers.count - 1].hidden, into: gradients)
    for index in layers.indices.reversed() {
      let layer = layers[index]
      drop(layer, index)
      layer.backward(order, lanes, into: gradients)
      if index > 0 { layer.backwardFeed(layers[index - 1].hidden, rows: order.rows, into: gradients) }
    }
    backwardFeedItems(into: gradients)
  }

  /// The input's part of layer 0's gates.
  private func feedItems() {
    guard let embedded else { return network.input.forward(order.events, dropout: .none, into: layers[0].gates) }
    network.input.forward(order.events, dropout: embeddingMask, into: embedded)
    layers[0].feed(embedded, rows: order.rows)
  }

  private func backwardFeedItems(into gradients: GradientSet<Scalar>) {
    guard let embedded else {
      return network.input.backward(layers[0].gates, order.events, dropout: .none, gradients: gradients)
    }
    layers[0].backwardFeed(embedded, rows: order.rows, into: gradients)
    network.input.backward(embedded, order.events, dropout: embeddingMask, gradients: gradients)
  }

  /// What is scored: `hidden` after the projection, or itself where there is none.
  private func project(_ hidden: Tensor<Scalar>) -> Tensor<Scalar> {
    guard let projected, let projection = network.projection else { return hidden }
    projection.forward(hidden.slice(rows: order.rows), into: projected.slice(rows: order.rows))
    return projected
  }

  /// Has `hidden` become its own gradient, given that of what is scored, and adds those of the projection.
  private func backwardProject(
    _ gradient: Tensor<Scalar>, _ hidden: Tensor<Scalar>, into gradients: GradientSet<Scalar>
  ) {
    let rows = order.rows
    let target = projected ?? hidden
    if gradient !== target { Scalar.copyRows(rows, of: gradient, at: order.packed, to: target, at: nil) }
    guard let projected, let projection = network.projection else { return }
    let x = hidden.slice(rows: rows)
    projection.backward(projected.slice(rows: rows), x: x, into: x, adding: false, gradients: gradients)
  }

  private var embeddingMask: DropoutMask { DropoutMask(network.shape.embeddingDropout, dropout, part: 0) }

  /// The mask behind layer `index` on its rows; the same on the way back.
  private func drop(_ layer: any RecurrentLayer<Scalar>, _ index: Int) {
    let mask = DropoutMask(network.shape.hiddenDropout, dropout, part: index + 1)
    if mask.drops { Scalar.drop(layer.hidden, count: order.rows * layer.hidden.columns, dropout: mask) }
  }
}
