import Sequential

/// A GRU or LSTM over a session's items (Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016): item
/// embeddings or one-hot vectors, recurrent layers, perhaps a projection, and scores against the item embeddings or a table of their own.
final class RecurrentNetwork<Scalar: TrainingScalar>: Network {
  /// Its form.
  let shape: RecurrentShape
  let parameters: [Parameter<Scalar>]
  let output: OutputTable
  /// Index of `item_embedding.weight` `[V, e]`, or of `input.weight` `[V, G·H₀]` where the input is one-hot.
  let inputTable: Int
  /// The layers' parameters.
  let layers: [RecurrentLayerWeights<Scalar>]
  /// Indices of `projection.weight` `[o, H]` and `projection.bias` `[o]`.
  let projection: (weight: Int, bias: Int)?

  var outputSize: Int { shape.outputSize }

  /// A network of `shape`, its weights drawn from `seed` as PyTorch's modules draw theirs: those of recurrent layers from ±1/√H (the one-hot
  /// input's too), those of the projection and of the output's own table from ±1/√inputs; item embeddings normal with deviation .1; no item
  /// bias.
  init(_ shape: RecurrentShape, seed: UInt64) {
    shape.check()
    self.shape = shape
    let specifications = shape.configuration(name: "network").tensors
    let parameters = specifications.map { specification in
      Parameter<Scalar>(
        specification.name, specification.shape, isDecayed: specification.shape.count == 2,
        isTable: ["item_embedding.weight", "input.weight", "output.weight"].contains(specification.name))
    }
    func index(_ name: String) -> Int {
      guard let index = specifications.firstIndex(where: { $0.name == name }) else {
        preconditionFailure("the configuration has no tensor \(name)")
      }
      return index
    }
    self.parameters = parameters
    let isEmbedded = shape.embeddingSize != nil
    inputTable = index(isEmbedded ? "item_embedding.weight" : "input.weight")
    layers = shape.layerSizes.enumerated().map { layer, size in
      RecurrentLayerWeights(
        parameters: parameters, size: size,
        input: layer > 0 || isEmbedded ? index("layers.\(layer).weight_ih") : nil,
        recurrent: index("layers.\(layer).weight_hh"), inputBias: index("layers.\(layer).bias_ih"),
        recurrentBias: index("layers.\(layer).bias_hh"))
    }
    projection = shape.projectionSize.map { _ in (index("projection.weight"), index("projection.bias")) }
    output = OutputTable(
      weight: shape.output == .tied ? index("item_embedding.weight") : index("output.weight"),
      bias: shape.itemBias ? index("output.bias") : nil)
    initialise(seed)
  }

  func makePass(_ capacity: BatchCapacity) -> RecurrentPass<Scalar> { RecurrentPass(self, capacity) }

  func passBytes(_ capacity: BatchCapacity) -> Int {
    let perRow = (shape.embeddingSize ?? 0) + outputSize + (projection == nil ? 0 : outputSize)
    let layers = shape.layerSizes.reduce(0) { sum, size in
      let values =
        shape.cell == .gru
        ? GRULayer<Scalar>.values(capacity, size: size) : LSTMLayer<Scalar>.values(capacity, size: size)
      return sum + values
    }
    let lanes = 2 * capacity.sequences * MemoryLayout<Int32>.stride
    return (perRow * capacity.rows + layers) * MemoryLayout<Scalar>.stride + lanes + TimeMajorOrder.bytes(capacity)
  }

  /// Draws all weights; each parameter has a stream of its own.
  private func initialise(_ seed: UInt64) {
    for (index, parameter) in parameters.enumerated() {
      var random = RandomStream(seed: seed, purpose: .weights, part: index)
      switch parameter.name {
      case "item_embedding.weight":
        for value in 0..<parameter.value.count { parameter.value[value] = Scalar(0.1 * random.normal()) }
      case "output.bias": break
      default:
        let bound = 1 / Double(fanIn(parameter.name)).squareRoot()
        for value in 0..<parameter.value.count {
          parameter.value[value] = Scalar(bound * (2 * random.uniform() - 1))
        }
      }
    }
  }

  /// What a parameter's bound goes by: the units of its layer; the inputs of the projection and of the output's own table.
  private func fanIn(_ name: String) -> Int {
    let sizes = shape.layerSizes
    if name == "input.weight" { return sizes[0] }
    if name == "output.weight" { return outputSize }
    let parts = name.split(separator: ".")
    guard parts[0] == "layers", let layer = Int(parts[1]) else { return sizes[sizes.count - 1] }
    return sizes[layer]
  }
}
