import Sequential

/// Forward and backward through a ``SASRecNetwork`` for one replica.
final class SASRecPass<Scalar: TrainingScalar>: NetworkPass {
  /// One block: the norm in front of each of its two branches, and the branches. The residual that a branch adds is joined by the norm that
  /// comes next.
  private struct Block {
    let attentionNorm: ResidualNorm<Scalar>
    let attention: SelfAttention<Scalar>
    let ffnNorm: ResidualNorm<Scalar>
    let ffn: FeedForward<Scalar>
  }

  /// What dropout stands after, each with a mask of its own.
  private enum Place: Int {
    case probabilities, attention, activation, ffn
  }

  private let embedding: ItemEmbedding<Scalar>
  private let blocks: [Block]
  private let finalNorm: ResidualNorm<Scalar>
  private let rate: Double
  private let embeddingRate: Double
  private let capacity: BatchCapacity
  /// The residual x [rows, d]; backwards its gradient.
  private let residual: Tensor<Scalar>
  /// What a branch puts out, z [rows, d]; backwards its gradient.
  private let branch: Tensor<Scalar>
  /// Gradient of what a norm puts out [rows, d].
  private let normGradient: Tensor<Scalar>
  /// Gradient of the feed-forward network's activation [rows, f].
  private let ffnGradient: Tensor<Scalar>
  private var embeddingMask = DropoutMask.none

  init(
    _ parameters: ParameterList<Scalar>, _ numbers: SASRecConfiguration, dropout: Double, embeddingDropout: Double,
    maxLength: Int, _ capacity: BatchCapacity
  ) {
    precondition(capacity.length <= maxLength)
    let (rows, size) = (capacity.rows, numbers.hiddenSize)
    let epsilon = numbers.layerNormEpsilon
    let scratch = AttentionScratch<Scalar>(capacity, width: size)
    let rotary =
      numbers.positions == .rotary
      ? RotaryPositions<Scalar>(length: capacity.length, size: size / numbers.heads, base: numbers.rotaryBase) : nil
    embedding = ItemEmbedding(of: parameters)
    blocks = (0..<numbers.blocks).map { block in
      let prefix = "blocks.\(block)"
      return Block(
        attentionNorm: ResidualNorm("\(prefix).attention_norm", of: parameters, rows: rows, epsilon: epsilon),
        attention: SelfAttention(
          "\(prefix).attention", of: parameters, heads: numbers.heads, rotary: rotary, capacity: capacity,
          scratch: scratch),
        ffnNorm: ResidualNorm("\(prefix).ffn_norm", of: parameters, rows: rows, epsilon: epsilon),
        ffn: FeedForward("\(prefix).ffn", of: parameters, rows: rows, activation: numbers.activation))
    }
    finalNorm = ResidualNorm("final_norm", of: parameters, rows: rows, epsilon: epsilon)
    rate = dropout
    embeddingRate = embeddingDropout
    self.capacity = capacity
    residual = Tensor(rows: rows, columns: size)
    branch = Tensor(rows: rows, columns: size)
    normGradient = Tensor(rows: rows, columns: size)
    ffnGradient = Tensor(rows: rows, columns: numbers.ffnSize)
  }

  /// Values of all buffers together.
  static func values(_ numbers: SASRecConfiguration, maxLength: Int, _ capacity: BatchCapacity) -> Int {
    let (rows, size) = (capacity.rows, numbers.hiddenSize)
    let norm = ResidualNorm<Scalar>.values(rows: rows, size: size)
    let attention = SelfAttention<Scalar>.values(capacity, width: size, heads: numbers.heads)
    let ffn = FeedForward<Scalar>.values(rows: rows, size: numbers.ffnSize, activation: numbers.activation)
    let angles = numbers.positions == .rotary ? capacity.length * size / numbers.heads : 0
    return numbers.blocks * (2 * norm + attention + ffn) + norm + rows * (3 * size + numbers.ffnSize)
      + AttentionScratch<Scalar>.values(capacity, width: size) + angles
  }

  func forward(_ batch: PackedBatch, dropout: RandomStream?) -> Tensor<Scalar> {
    let rows = batch.rows
    precondition(rows <= capacity.rows)
    batch.check(rows: embedding.items.value.rows, length: capacity.length)
    embeddingMask = DropoutMask(embeddingRate, dropout, part: 0)
    embedding.forward(batch, dropout: embeddingMask, into: residual)
    var joining: Tensor<Scalar>?
    var mask = DropoutMask.none
    for (index, block) in blocks.enumerated() {
      func part(_ place: Place) -> DropoutMask { DropoutMask(rate, dropout, part: 1 + 4 * index + place.rawValue) }
      block.attentionNorm.forward(residual, addend: joining, dropout: mask, rows: rows)
      block.attention.forward(block.attentionNorm.output, into: branch, dropout: part(.probabilities), batch)
      block.ffnNorm.forward(residual, addend: branch, dropout: part(.attention), rows: rows)
      block.ffn.forward(block.ffnNorm.output, into: branch, dropout: part(.activation), rows: rows)
      (joining, mask) = (branch, part(.ffn))
    }
    finalNorm.forward(residual, addend: joining, dropout: mask, rows: rows)
    return finalNorm.output
  }

  func backward(_ hiddenGradient: Tensor<Scalar>, _ batch: PackedBatch, into gradients: GradientSet<Scalar>) {
    let rows = batch.rows
    finalNorm.backward(
      hiddenGradient, x: residual, adding: false, addend: branch, rows: rows, gradients: gradients)
    for (index, block) in blocks.enumerated().reversed() {
      block.ffn.backward(
        branch, y: block.ffnNorm.output, into: normGradient, scratch: ffnGradient, rows: rows, gradients: gradients)
      block.ffnNorm.backward(
        normGradient, x: residual, adding: true, addend: branch, rows: rows, gradients: gradients)
      block.attention.backward(
        branch, y: block.attentionNorm.output, into: normGradient, batch, gradients: gradients)
      block.attentionNorm.backward(
        normGradient, x: residual, adding: true, addend: index > 0 ? branch : nil, rows: rows, gradients: gradients)
    }
    embedding.backward(residual, batch, dropout: embeddingMask, gradients: gradients)
  }
}
