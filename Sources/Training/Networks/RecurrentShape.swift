import Sequential

/// The form of a recurrent network: what decides its parameters, and its dropout.
struct RecurrentShape: Sendable, Equatable {
  /// The cell of all layers.
  var cell: RecurrentConfiguration.Cell
  /// Items of the catalogue, V.
  var itemCount: Int
  /// Longest window of items, L; the network itself does not depend on it.
  var maxLength: Int
  /// Units of each layer, H₀…; 1 to 4 layers.
  var layerSizes: [Int]
  /// What layer 0 is fed: rows of the item embeddings, e values each, or one-hot vectors, as in GRU4Rec's original form (Hidasi et al. 2016).
  var input: RecurrentConfiguration.Input
  /// Tied where item embeddings are the output's rows too ("constrained embeddings", Hidasi & Karatzoglou 2018).
  var output = ModelConfiguration.Output.tied
  /// Asks for a projection to the embeddings' size; where tied sizes differ there is one anyway.
  var projects = false
  /// A bias for each item in the scores.
  var itemBias = false
  /// Share of the input embeddings' values that are dropped; a one-hot input has none.
  var embeddingDropout = 0.0
  /// Share of each layer's outputs that are dropped before what follows: the next layer, the projection, the scores.
  var hiddenDropout = 0.0

  /// Size of the item embeddings, e; nil for a one-hot input.
  var embeddingSize: Int? {
    if case .embedding(let size) = input { return size }
    return nil
  }

  /// Size of the projection, or nil where there is none.
  var projectionSize: Int? {
    guard let embeddingSize else { return nil }
    return projects || (output == .tied && embeddingSize != layerSizes.last) ? embeddingSize : nil
  }

  /// Values of a hidden state that is scored, o.
  var outputSize: Int { projectionSize ?? layerSizes[layerSizes.count - 1] }

  /// What `config.json` says of it.
  func configuration(name: String, version: String = "1") -> ModelConfiguration {
    ModelConfiguration(
      name: name, version: version, itemCount: itemCount, maxLength: maxLength, output: output, itemBias: itemBias,
      architecture: .recurrent(
        RecurrentConfiguration(
          cell: cell, layerSizes: layerSizes, input: input,
          projection: projectionSize.map { RecurrentConfiguration.Projection(size: $0) })))
  }

  /// Stops where the form is none that a model directory can have.
  func check() {
    precondition((1...4).contains(layerSizes.count) && layerSizes.allSatisfy { $0 > 0 } && itemCount > 0)
    precondition(embeddingSize != nil || (output == .untied && !projects), "a one-hot input has no item embeddings")
    precondition((0..<1).contains(embeddingDropout) && (0..<1).contains(hiddenDropout))
  }
}

extension RecurrentShape {
  /// The form that `configuration` describes; nil where it is one that can't be trained here: another architecture, or one of the forms that
  /// only imported models have.
  init?(_ configuration: ModelConfiguration, embeddingDropout: Double = 0, hiddenDropout: Double = 0) {
    guard case .recurrent(let recurrent) = configuration.architecture else { return nil }
    self.init(
      cell: recurrent.cell, itemCount: configuration.itemCount, maxLength: configuration.maxLength,
      layerSizes: recurrent.layerSizes, input: recurrent.input, output: configuration.output,
      projects: recurrent.projection != nil, itemBias: configuration.itemBias, embeddingDropout: embeddingDropout,
      hiddenDropout: hiddenDropout)
    let same = self.configuration(name: configuration.name, version: configuration.version)
    guard same == configuration else { return nil }
  }
}
