import Sequential

/// A GRU or LSTM over a session's items (Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016): item
/// embeddings or one-hot vectors, recurrent layers, perhaps a projection, and scores against the item embeddings or a table of their own.
final class RecurrentNetwork<Scalar: TrainingScalar>: Network {
  /// Its form.
  let shape: RecurrentShape
  let parameters: [Parameter<Scalar>]
  let output: OutputTable
  /// `item_embedding.weight` `[V, e]`, or `input.weight` `[V, G·H₀]` where the input is one-hot: then what is looked up is layer 0's gates.
  let input: ItemEmbedding<Scalar>
  /// The layers' parameters.
  let layers: [RecurrentLayerWeights<Scalar>]
  /// To `[o]` from the last layer, where there is one.
  let projection: Linear<Scalar>?

  var outputSize: Int { shape.outputSize }

  /// A network of `shape`, its weights drawn from `seed` as PyTorch's modules draw theirs: those of recurrent layers from ±1/√H (the one-hot
  /// input's too), those of the projection and of the output's own table from ±1/√inputs; item embeddings normal with deviation .1; no item
  /// bias.
  init(_ shape: RecurrentShape, seed: UInt64) {
    shape.check()
    self.shape = shape
    let list = ParameterList<Scalar>(shape.configuration(name: "network"))
    parameters = list.parameters
    input = ItemEmbedding(list[shape.embeddingSize == nil ? "input.weight" : "item_embedding.weight"])
    layers = shape.layerSizes.enumerated().map { RecurrentLayerWeights(layer: $0, size: $1, of: list) }
    projection = shape.projectionSize.map { _ in Linear("projection", of: list) }
    output = OutputTable(
      weight: list[shape.output == .tied ? "item_embedding.weight" : "output.weight"].index,
      bias: list.find("output.bias")?.index)
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
    let stream = RandomStream(seed: seed, purpose: .weights)
    for (index, parameter) in parameters.enumerated() where parameter.name != "output.bias" {
      if parameter.name == "item_embedding.weight" {
        parameter.value.fillNormal(deviation: 0.1, stream.child(index))
      } else {
        let bound = 1 / Double(fanIn(parameter.name)).squareRoot()
        var random = stream.child(index)
        for place in 0..<parameter.value.count {
          parameter.value[place] = Scalar(bound * (2 * random.uniform() - 1))
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

extension ItemEmbedding {
  /// Of `table` `[V, …]`, without positions.
  init(_ table: LearntTensor<Scalar>) {
    items = table
    positions = nil
  }
}
