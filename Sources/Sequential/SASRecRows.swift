import Events

/// The rows of one pass through the blocks: run state, allocated once, and what each block does with it.
/// Shapes with R = ``SASRecEncoder/rowsPerPass``.
struct SASRecRows: ~Copyable {
  let weights: SASRecWeights
  let kernels: EncoderKernels
  /// Rows gathered.
  private(set) var count = 0
  /// [R] memory slot of each row.
  var slots: AlignedBuffer<Int32>
  /// [R] position in the window.
  var positions: AlignedBuffer<Int32>
  /// [R] how often the padding stands before the window.
  var paddingCounts: AlignedBuffer<Int32>
  /// [R] sequence of the wave.
  var sequences: AlignedBuffer<Int32>
  private var isOutput: AlignedBuffer<Int32>
  /// [R, d] the residual stream.
  var x: RowBuffer
  /// [R, d] after a LayerNorm.
  var y: RowBuffer
  /// [R, d]
  var query: RowBuffer
  /// [R, d]
  var key: RowBuffer
  /// [R, d]
  var value: RowBuffer
  /// [R, d] attention's output.
  var attended: RowBuffer
  /// [R, f]
  var ffn: RowBuffer
  /// Scores over the longest window, of each head of the rows that attention takes together.
  var scores: AlignedBuffer<Float>
  private let scoreStride: Int

  /// Run state for a model.
  init(_ weights: SASRecWeights, _ kernels: EncoderKernels) {
    let rows = SASRecEncoder.rowsPerPass
    let width = weights.configuration.hiddenSize
    self.weights = weights
    self.kernels = kernels
    slots = AlignedBuffer(count: rows, repeating: 0)
    positions = AlignedBuffer(count: rows, repeating: 0)
    paddingCounts = AlignedBuffer(count: rows, repeating: 0)
    sequences = AlignedBuffer(count: rows, repeating: 0)
    isOutput = AlignedBuffer(count: rows, repeating: 0)
    x = RowBuffer(capacity: rows, width: width)
    y = RowBuffer(capacity: rows, width: width)
    query = RowBuffer(capacity: rows, width: width)
    key = RowBuffer(capacity: rows, width: width)
    value = RowBuffer(capacity: rows, width: width)
    attended = RowBuffer(capacity: rows, width: width)
    ffn = RowBuffer(capacity: rows, width: weights.configuration.ffnSize)
    scoreStride = RowBuffer.padded(weights.maxLength) + RowBuffer.lanes
    scores = AlignedBuffer(
      count: EncoderKernels.attentionRows * weights.configuration.heads * scoreStride, repeating: 0)
  }

  mutating func removeAll() { count = 0 }

  /// Adds a row; its embedding is written to `x` next.
  mutating func append(slot: Int, position: Int, length: Int, isOutput: Bool, sequence: Int) {
    slots[count] = Int32(slot)
    positions[count] = Int32(position)
    paddingCounts[count] = Int32(weights.maxLength - length)
    sequences[count] = Int32(sequence)
    self.isOutput[count] = isOutput ? 1 : 0
    count += 1
  }

  /// Moves the rows whose hidden state is asked for to the front and forgets the others.
  mutating func keepOutputs() {
    var kept = 0
    for row in 0..<count where isOutput[row] == 1 {
      if row != kept {
        slots[kept] = slots[row]
        positions[kept] = positions[row]
        paddingCounts[kept] = paddingCounts[row]
        sequences[kept] = sequences[row]
        isOutput[kept] = 1
        x.floats.move(x.stride, from: row * x.stride, to: kept * x.stride)
        query.floats.move(x.stride, from: row * x.stride, to: kept * x.stride)
      }
      kept += 1
    }
    count = kept
  }
}

extension SASRecRows {
  private var hiddenSize: Int { weights.configuration.hiddenSize }
  private var epsilon: Float { Float(weights.configuration.layerNormEpsilon) }

  /// Of the row added last: x = item embedding (× √d) + position embedding, before the embedding's LayerNorm.
  mutating func embed(_ item: ItemIndex, position: Int, length: Int) {
    let width = hiddenSize
    let at = (count - 1) * x.stride
    x.floats.copy(width, from: weights.items.storage, at: Int(item) * width, to: at)
    if weights.configuration.scaleEmbedding {
      x.floats.scale(width, at: at, by: Float(width).squareRoot())
    }
    if let positions = weights.positions {
      let start = weights.configuration.positions == .end ? weights.maxLength - length : 0
      x.floats.add(width, from: positions.storage, at: (start + position) * width, to: at)
    }
  }

  /// The embeddings' own LayerNorm, where the model has one.
  mutating func normEmbeddings() {
    if let norm = weights.embeddingNorm { kernels.layerNorm(&x, rows: count, norm, epsilon: epsilon) }
  }

  /// The LayerNorm behind the last block, where the model has one.
  mutating func normOutputs() {
    if let norm = weights.finalNorm { kernels.layerNorm(&x, rows: count, norm, epsilon: epsilon) }
  }

  /// Queries, keys and values of the block; `x` becomes what the attention's residual is added to.
  mutating func project(_ block: SASRecWeights.Block, rows count: Int) {
    switch weights.configuration.norm {
    case .pre:
      kernels.layerNorm(x, rows: count, block.attentionNorm, epsilon: epsilon, into: &y)
      kernels.linear(y, rows: count, block.query, into: &query)
      kernels.linear(y, rows: count, block.key, into: &key)
      kernels.linear(y, rows: count, block.value, into: &value)
    case .post:
      kernels.linear(x, rows: count, block.query, into: &query)
      kernels.linear(x, rows: count, block.key, into: &key)
      kernels.linear(x, rows: count, block.value, into: &value)
    case .query:
      kernels.linear(x, rows: count, block.key, into: &key)
      kernels.linear(x, rows: count, block.value, into: &value)
      kernels.layerNorm(&x, rows: count, block.attentionNorm, epsilon: epsilon)
      kernels.linear(x, rows: count, block.query, into: &query)
    }
    guard weights.configuration.positions == .rotary else { return }
    let size = hiddenSize / weights.configuration.heads
    kernels.rotate(
      &query, rows: count, positions: positions, headSize: size, cosines: weights.cosines,
      sines: weights.sines)
    kernels.rotate(
      &key, rows: count, positions: positions, headSize: size, cosines: weights.cosines, sines: weights.sines)
  }

  /// Attention of every row up to its own position.
  mutating func attend(block index: Int, isBrainFloat: Bool, pool: borrowing PagePool, padding: PaddingRow?) {
    let heads = weights.configuration.heads
    let shape = EncoderKernels.AttentionShape(
      rows: count, heads: heads, block: index, blocks: weights.blocks.count, scoreStride: scoreStride,
      isBrainFloat: isBrainFloat,
      scale: 1 / Float(hiddenSize / heads).squareRoot())
    kernels.attention(
      shape, query: query, slots: slots, positions: positions, pool: pool,
      padding: padding, paddingCounts: paddingCounts,
      scores: &scores, into: &attended)
  }

  /// Out-projection, residuals, LayerNorm and the feed-forward network.
  mutating func finish(_ block: SASRecWeights.Block, rows count: Int) {
    let configuration = weights.configuration
    if let output = block.output {
      kernels.linear(attended, rows: count, output, into: &x, .add)
    } else {
      for row in 0..<count {
        x.floats.add(hiddenSize, from: attended.floats, at: row * x.stride, to: row * x.stride)
      }
    }
    let activation: EncoderKernels.Epilogue = configuration.activation == .relu ? .relu : .gelu
    switch configuration.norm {
    case .pre:
      kernels.layerNorm(x, rows: count, block.ffnNorm, epsilon: epsilon, into: &y)
      kernels.linear(y, rows: count, block.ffnIn, into: &ffn, activation)
      kernels.linear(ffn, rows: count, block.ffnOut, into: &x, .add)
    case .post:
      kernels.layerNorm(&x, rows: count, block.attentionNorm, epsilon: epsilon)
      kernels.linear(x, rows: count, block.ffnIn, into: &ffn, activation)
      kernels.linear(ffn, rows: count, block.ffnOut, into: &x, .add)
      kernels.layerNorm(&x, rows: count, block.ffnNorm, epsilon: epsilon)
    case .query:
      kernels.layerNorm(&x, rows: count, block.ffnNorm, epsilon: epsilon)
      kernels.linear(x, rows: count, block.ffnIn, into: &ffn, activation)
      kernels.linear(ffn, rows: count, block.ffnOut, into: &x, .add)
    }
  }

  /// Key and value of the padding in every block. Padding sees only padding, all rows alike, so its attention's output is its own
  /// value, and nothing of it depends on a session.
  mutating func makePaddingRows() -> [PaddingRow] {
    guard weights.padding == .attended || weights.padding == .attendedZeroed else { return [] }
    let width = hiddenSize
    x.floats.zero(x.stride, at: 0)
    if let embedding = weights.paddingEmbedding {
      x.floats.copy(width, from: embedding.storage, at: 0, to: 0)
      if let norm = weights.embeddingNorm { kernels.layerNorm(&x, rows: 1, norm, epsilon: epsilon) }
    }
    var paddingRows: [PaddingRow] = []
    for block in weights.blocks {
      project(block, rows: 1)
      var paddingKey = AlignedBuffer<Float>(count: key.stride, repeating: 0)
      var paddingValue = AlignedBuffer<Float>(count: value.stride, repeating: 0)
      paddingKey.copy(width, from: key.floats, at: 0, to: 0)
      paddingValue.copy(width, from: value.floats, at: 0, to: 0)
      attended.floats.copy(width, from: value.floats, at: 0, to: 0)
      finish(block, rows: 1)
      if weights.padding == .attendedZeroed { x.floats.zero(x.stride, at: 0) }
      paddingRows.append(PaddingRow(key: paddingKey, value: paddingValue))
    }
    return paddingRows
  }
}
