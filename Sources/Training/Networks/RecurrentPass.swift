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
  /// What the masks of the last ``forward(_:dropout:)`` were drawn from.
  private var dropout: RandomStream?

  /// Buffers for batches of at most `capacity`.
  init(_ network: RecurrentNetwork<Scalar>, _ capacity: BatchCapacity) {
    self.network = network
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
    order.arrange(batch)
    isCarried = !batch.lanes.isEmpty
    if isCarried { laneOrder.arrange(batch, order) }
    let lanes = lanes
    feedItems()
    for (index, layer) in layers.enumerated() {
      if index > 0 { layer.feed(layers[index - 1].hidden, rows: order.rows) }
      layer.forward(order, lanes)
      drop(layer.hidden, rate: network.shape.hiddenDropout, part: index + 1)
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
    for (index, layer) in layers.enumerated().reversed() {
      drop(layer.hidden, rate: network.shape.hiddenDropout, part: index + 1)
      layer.backward(order, lanes, into: gradients)
      if index > 0 { layer.backwardFeed(layers[index - 1].hidden, rows: order.rows, into: gradients) }
    }
    backwardFeedItems(into: gradients)
  }

  /// The input's part of layer 0's gates.
  private func feedItems() {
    let table = network.parameters[network.inputTable].value
    guard let embedded else {
      return Scalar.copyRows(order.rows, of: table, at: order.items, to: layers[0].gates, at: nil)
    }
    Scalar.copyRows(order.rows, of: table, at: order.items, to: embedded, at: nil)
    drop(embedded, rate: network.shape.embeddingDropout, part: 0)
    layers[0].feed(embedded, rows: order.rows)
  }

  private func backwardFeedItems(into gradients: GradientSet<Scalar>) {
    if let embedded {
      layers[0].backwardFeed(embedded, rows: order.rows, into: gradients)
      drop(embedded, rate: network.shape.embeddingDropout, part: 0)
    }
    let gradient = gradients[network.inputTable]
    for row in 0..<order.rows { gradient.touch(Int(order.items[row])) }
    Scalar.addRows(order.rows, of: embedded ?? layers[0].gates, to: gradient.value, at: order.items)
  }

  /// `hidden` · Pᵀ + b, or `hidden` itself where there is no projection.
  private func project(_ hidden: Tensor<Scalar>) -> Tensor<Scalar> {
    guard let projected, let projection = network.projection else { return hidden }
    let weight = network.parameters[projection.weight].value
    Scalar.multiply(
      hidden.slice(rows: order.rows), transposed: false, weight.slice(rows: weight.rows), transposed: true,
      into: projected.slice(rows: order.rows), alpha: 1, beta: 0)
    Scalar.addBias(network.parameters[projection.bias].value, to: projected, rows: order.rows)
    return projected
  }

  /// Has `hidden` become the gradient of what was projected, and adds those of the projection.
  private func backwardProject(
    _ gradient: Tensor<Scalar>, _ hidden: Tensor<Scalar>, into gradients: GradientSet<Scalar>
  ) {
    let rows = order.rows
    let target = projected ?? hidden
    if gradient !== target { Scalar.copyRows(rows, of: gradient, at: order.packed, to: target, at: nil) }
    guard let projected, let projection = network.projection else { return }
    let weight = network.parameters[projection.weight].value
    Scalar.multiply(
      projected.slice(rows: rows), transposed: true, hidden.slice(rows: rows), transposed: false,
      into: gradients[projection.weight].value.slice(rows: weight.rows), alpha: 1, beta: 1)
    Scalar.sumRows(projected, rows: rows, into: gradients[projection.bias].value)
    Scalar.multiply(
      projected.slice(rows: rows), transposed: false, weight.slice(rows: weight.rows), transposed: false,
      into: hidden.slice(rows: rows), alpha: 1, beta: 0)
  }

  /// The mask of `part` on the rows of the batch; the same on the way back.
  private func drop(_ x: Tensor<Scalar>, rate: Double, part: Int) {
    guard let dropout, rate > 0 else { return }
    Scalar.dropout(x, count: order.rows * x.columns, rate: rate, key: dropout.child(part).key)
  }
}
