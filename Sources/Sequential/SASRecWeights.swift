private import Glibc

/// The weights of a SASRec model, packed for the kernels. Read-only, shared by all workers.
final class SASRecWeights: Sendable {
  /// One block.
  final class Block: Sendable {
    let attentionNorm: PackedNorm
    let query: PackedLinear
    let key: PackedLinear
    let value: PackedLinear
    let output: PackedLinear?
    let ffnNorm: PackedNorm
    let ffnIn: PackedLinear
    let ffnOut: PackedLinear

    init(_ index: Int, _ tensor: (String) -> Matrix?) {
      func named(_ name: String) -> Matrix { SASRecWeights.require(tensor, "blocks.\(index).\(name)") }
      func map(_ name: String) -> PackedLinear {
        PackedLinear(named("\(name).weight"), bias: tensor("blocks.\(index).\(name).bias"))
      }
      attentionNorm = PackedNorm(weight: named("attention_norm.weight"), bias: named("attention_norm.bias"))
      query = map("attention.query")
      key = map("attention.key")
      value = map("attention.value")
      output = tensor("blocks.\(index).attention.output.weight") == nil ? nil : map("attention.output")
      ffnNorm = PackedNorm(weight: named("ffn_norm.weight"), bias: named("ffn_norm.bias"))
      ffnIn = map("ffn.in")
      ffnOut = map("ffn.out")
    }
  }

  let configuration: SASRecConfiguration
  /// Longest window L.
  let maxLength: Int
  let padding: ModelConfiguration.Padding
  /// [V, d].
  let items: Matrix
  /// [L, d] with learnt positions.
  let positions: Matrix?
  let paddingEmbedding: Matrix?
  let embeddingNorm: PackedNorm?
  let finalNorm: PackedNorm?
  let blocks: [Block]
  /// Rotary angles, [L, d/h/2]; empty without.
  let cosines: AlignedBuffer<Float>
  let sines: AlignedBuffer<Float>

  /// Packs `weights`, which hold exactly what `model` asks for (``ModelDirectory`` checks that).
  init(_ model: ModelConfiguration, _ configuration: SASRecConfiguration, _ weights: Weights) {
    self.configuration = configuration
    maxLength = model.maxLength
    padding = model.padding
    let tensor = { weights[$0] }
    items = SASRecWeights.require(tensor, "item_embedding.weight")
    positions = weights["position_embedding.weight"]
    paddingEmbedding = weights["padding_embedding"]
    embeddingNorm = SASRecWeights.norm("embedding_norm", tensor)
    finalNorm = SASRecWeights.norm("final_norm", tensor)
    blocks = (0..<configuration.blocks).map { Block($0, tensor) }
    let angles = SASRecWeights.angles(configuration, maxLength: model.maxLength)
    cosines = AlignedBuffer(angles.map { Float(cos($0)) })
    sines = AlignedBuffer(angles.map { Float(sin($0)) })
  }

  static func require(_ tensor: (String) -> Matrix?, _ name: String) -> Matrix {
    guard let matrix = tensor(name) else {
      preconditionFailure("tensor \(name) is missing; ModelDirectory checks that")
    }
    return matrix
  }

  private static func norm(_ name: String, _ tensor: (String) -> Matrix?) -> PackedNorm? {
    guard let weight = tensor("\(name).weight"), let bias = tensor("\(name).bias") else { return nil }
    return PackedNorm(weight: weight, bias: bias)
  }

  /// Angle i · base^(−2m/(d/h)) of position i and pair m (Su et al. 2021, equation 15).
  private static func angles(_ configuration: SASRecConfiguration, maxLength: Int) -> [Double] {
    guard configuration.positions == .rotary else { return [] }
    let size = configuration.hiddenSize / configuration.heads
    return (0..<maxLength).flatMap { position in
      (0..<size / 2).map { pair in
        Double(position) * pow(configuration.rotaryBase, -2 * Double(pair) / Double(size))
      }
    }
  }
}
