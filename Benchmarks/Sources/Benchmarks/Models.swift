import Events
import Sequential

/// SplitMix64 (Steele, Lea & Flood 2014): the same numbers in every run.
struct Numbers: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in −`reach`…`reach`.
  mutating func float(_ reach: Float) -> Float { (Float(next() >> 40) * 0x1p-23 - 1) * reach }
}

/// Models with random weights: speed does not depend on what they say.
enum Models {
  /// d 64, 2 blocks, ffn 256, pre-LayerNorm, ReLU, learnt positions.
  static func sasrec(items: Int, length: Int, heads: Int = 1) -> SequentialModel {
    model(
      ModelConfiguration(
        name: "sasrec", itemCount: items, maxLength: length, output: .tied,
        architecture: .sasrec(
          SASRecConfiguration(
            hiddenSize: 64, blocks: 2, heads: heads, ffnSize: 256, norm: .pre, activation: .relu,
            layerNormEpsilon: 1e-5, finalNorm: true, positions: .start))))
  }

  /// One layer of 100 units, one-hot input.
  static func gru(items: Int) -> SequentialModel {
    model(
      ModelConfiguration(
        name: "gru", itemCount: items, maxLength: 256, output: .untied,
        architecture: .recurrent(
          RecurrentConfiguration(cell: .gru, layerSizes: [100], input: .oneHot))))
  }

  private static func model(_ configuration: ModelConfiguration) -> SequentialModel {
    var numbers = Numbers(1)
    var tensors: [String: Matrix] = [:]
    for tensor in configuration.tensors {
      let isNorm = tensor.name.hasSuffix("norm.weight")
      let reach = (3 / Float(tensor.columns)).squareRoot()
      var values = AlignedBuffer<Float>(count: tensor.rows * tensor.columns, repeating: 1)
      if !isNorm { for index in 0..<values.count { values[index] = numbers.float(reach) } }
      tensors[tensor.name] = Matrix(rows: tensor.rows, columns: tensor.columns, storage: values)
    }
    let ids = (0..<configuration.itemCount).map { Array("\($0)".utf8) }
    guard let vocabulary = Vocabulary(ids) else { fatalError("numbers are unique") }
    return SequentialModel(configuration, weights: Weights(tensors), vocabulary: vocabulary, kernel: .best)
  }

  /// `count` rows of 64. Where `isSkewed`, norms fall with the rank as those of a trained model do with popularity.
  static func catalogue(count: Int, isSkewed: Bool) -> Catalogue {
    var numbers = Numbers(2)
    var rows = AlignedBuffer<Float>(count: count * 64, repeating: 0)
    for row in 0..<count {
      // Popularity falls about as 1 / rank, and norms with its logarithm.
      let reach: Float = isSkewed ? 2 / (1 + 0.25 * log2(1 + Float(row))) : 1
      for column in 0..<64 { rows[row * 64 + column] = numbers.float(reach) }
    }
    return Catalogue(rows: Matrix(rows: count, columns: 64, storage: rows), bias: nil, kernel: .best)
  }

  private static func log2(_ value: Float) -> Float { Float(value.exponent) + value.significand - 1 }
}
