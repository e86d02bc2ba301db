import Sequential

/// What a training is put together from: the network, what moves it, and what its hidden states are trained to do.
struct TrainingParts {
  /// The network with its first weights.
  var network: any Network<Float>
  /// Moves them.
  var optimiser: any Optimiser
  /// Makes one replica's loss, for at most so many rows.
  var makeLoss: (_ rows: Int) -> any Loss<Float>
  /// Bytes of such a loss.
  var lossBytes: (_ rows: Int) -> Int
  /// Draws the negatives that all replicas of a step share, where the objective has such: appends them to the list.
  var drawShared: (inout [Int32], inout RandomStream) -> Void
  /// Bytes of the tables that negatives are drawn by.
  var samplerBytes = 0
}

extension TrainingParts {
  /// A new network of `settings` for `items`, and all that goes with it; where `configuration` is that of a model that is continued, of
  /// its form. `clicks` counts each item's clicks, `longestWindow` is that of the windows to come.
  static func make(
    _ settings: TrainingSettings, clicks: [Int], longestWindow: Int, continuing configuration: ModelConfiguration? = nil
  ) throws(TrainingFailure) -> TrainingParts {
    let form = configuration ?? settings.configuration(items: clicks.count)
    let network: any Network<Float>
    switch form.architecture {
    case .sasrec:
      guard
        let sasrec = SASRecNetwork<Float>(
          form, dropout: settings.dropout, embeddingDropout: settings.embeddingDropout, seed: settings.seed)
      else {
        throw .model(why: "a SASRec of this form can be served, but not trained here")
      }
      network = sasrec
    case .recurrent:
      guard
        let shape = RecurrentShape(
          form, embeddingDropout: settings.embeddingDropout ?? settings.dropout, hiddenDropout: settings.dropout)
      else {
        throw .model(why: "a recurrent model of this form can be served, but not trained here")
      }
      network = RecurrentNetwork<Float>(shape, seed: settings.seed)
    }
    // Only objectives that draw by clicks have tables for it.
    let sampler =
      settings.objective == .softmax ? NegativeSampler(uniform: clicks.count) : settings.makeSampler(clicks: clicks)
    let byClicks =
      settings.objective == .batchSoftmax
      ? NegativeSampler(clicks: clicks, alpha: 1) : NegativeSampler(uniform: clicks.count)
    // Of a step's targets there are at most as many as rows.
    let rowsOfStep = settings.batching == .windows ? longestWindow * settings.batchSize : settings.batchSize
    func shape(_ rows: Int) -> LossShape {
      LossShape(
        items: clicks.count, size: network.outputSize, rows: rows,
        candidates: settings.sharesCandidates ? rowsOfStep + settings.negatives : 0)
    }
    return TrainingParts(
      network: network, optimiser: settings.makeOptimiser(network.parameters),
      makeLoss: { settings.makeLoss(shape($0), targets: byClicks, negatives: sampler) },
      lossBytes: { settings.lossBytes(shape($0)) },
      drawShared: { candidates, random in
        if settings.sharesCandidates { sampler.draw(settings.negatives, into: &candidates, &random) }
      }, samplerBytes: sampler.byteCount + byClicks.byteCount)
  }
}

extension TrainingSettings {
  /// What `config.json` says of a model with these settings.
  func configuration(items: Int) -> ModelConfiguration {
    switch architecture {
    case .sasrec:
      return ModelConfiguration(
        name: "model", itemCount: items, maxLength: maxLength, output: .tied, itemBias: itemBias,
        architecture: .sasrec(
          SASRecConfiguration(
            hiddenSize: hiddenSize, blocks: blocks, heads: heads, ffnSize: ffnSize, norm: .pre, activation: .relu,
            layerNormEpsilon: SASRecNetwork<Float>.epsilon, finalNorm: true,
            positions: positions == .start ? .start : .rotary)))
    case .gru4rec, .lstm:
      return RecurrentShape(
        cell: architecture == .lstm ? .lstm : .gru, itemCount: items, maxLength: maxLength, layerSizes: layerSizes,
        input: .embedding(size: embeddingSize), projects: projects, itemBias: itemBias
      ).configuration(name: "model")
    }
  }

  /// Stops what can't be trained or served, before anything is made.
  func check() throws(TrainingFailure) {
    func require(_ holds: Bool, _ name: String, _ why: String) throws(TrainingFailure) {
      if !holds { throw .setting(name: name, why: why) }
    }
    try require((2...4096).contains(maxLength), "maximum length", "is \(maxLength), and must be from 2 to 4096")
    switch architecture {
    case .sasrec:
      try require((16...512).contains(hiddenSize), "hidden size", "is \(hiddenSize), and must be from 16 to 512")
      try require((1...8).contains(blocks), "blocks", "are \(blocks), and must be from 1 to 8")
      try require(
        (1...8).contains(heads) && hiddenSize % heads == 0, "heads",
        "are \(heads), and must be from 1 to 8 and divide the hidden size")
      try require(
        positions == .start || (hiddenSize / heads) % 2 == 0, "heads", "leave an odd size for rotary positions")
      try require((1...4096).contains(ffnSize), "FFN size", "is \(ffnSize), and must be from 1 to 4096")
      try require(batching == .windows, "session-parallel batches", "need a recurrent model, and this is a SASRec")
    case .gru4rec, .lstm:
      try require(
        (1...4).contains(layerSizes.count) && layerSizes.allSatisfy { (1...1024).contains($0) }, "layers",
        "must be 1 to 4, each of 1 to 1024 units")
      try require(
        (1...1024).contains(embeddingSize), "embedding size", "is \(embeddingSize), and must be from 1 to 1024")
    }
    try require((0..<1).contains(dropout), "dropout", "is \(dropout), and must be at least 0 and below 1")
    let embeddingDropout = embeddingDropout ?? dropout
    try require(
      (0..<1).contains(embeddingDropout), "embedding dropout",
      "is \(embeddingDropout), and must be at least 0 and below 1")
    try require((0...1).contains(logQ), "log Q correction", "is \(logQ), and must be from 0 to 1")
    try require((0..<1).contains(averaging), "averaging", "is \(averaging), and must be at least 0 and below 1")
    try require((0..<1).contains(warmUp), "warm-up", "is \(warmUp), and must be at least 0 and below 1")
    try require(learningRate > 0 && learningRate.isFinite, "learning rate", "is \(learningRate), and must be above 0")
    try require(weightDecay >= 0 && clipNorm >= 0, "weight decay and clipping", "must be at least 0")
    try require((1...1 << 20).contains(batchSize), "batch size", "is \(batchSize), and must be from 1 to \(1 << 20)")
    try require(epochs >= 1 && patience >= 0, "epochs", "are \(epochs), and must be at least 1")
    try require((1...64).contains(threads), "threads", "are \(threads), and must be from 1 to 64")
    try require(
      objective == .softmax || negatives >= 1 || sharesCandidates, "negatives",
      "are \(negatives), and must be at least 1")
    try require(
      batching == .windows || batchSize >= threads, "batch size", "is \(batchSize), with fewer lanes than threads")
  }
}

/// Rows of one pass, at least: what a step has beyond that is computed in several passes, whose gradients add up, so that the buffers of
/// long sequences and large batches stay bounded.
enum PassRows {
  /// Rows where windows are not longer.
  static let usual = 2048

  /// Rows of a pass over windows of at most `maxLength` events.
  static func count(maxLength: Int) -> Int { max(usual, maxLength) }
}

extension TrainingSettings {
  /// The largest batch of one replica.
  func capacity(longestWindow: Int) -> BatchCapacity {
    switch batching {
    case .windows:
      let rows = min(PassRows.count(maxLength: maxLength), max(longestWindow, longestWindow * batchSize))
      return BatchCapacity(rows: rows, sequences: rows, length: maxLength)
    case .sessionParallel:
      let lanes = (batchSize + threads - 1) / threads
      return BatchCapacity(rows: lanes, sequences: lanes, length: 1, lanes: lanes)
    }
  }

  /// The largest batch of an evaluation.
  var evaluationCapacity: BatchCapacity {
    let rows = PassRows.count(maxLength: maxLength)
    return BatchCapacity(rows: rows, sequences: rows, length: maxLength)
  }
}
