import Events
import Sequential

/// SplitMix64 (Steele, Lea & Flood 2014): the same seed, the same numbers, everywhere.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number from `range`.
  mutating func float(_ range: ClosedRange<Float>) -> Float { Float.random(in: range, using: &self) }
  /// One of `choices`.
  mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[Int.random(in: 0..<choices.count, using: &self)] }
  /// A number from `range`.
  mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
  /// True with the given probability.
  mutating func chance(_ probability: Double = 0.5) -> Bool { Double.random(in: 0..<1, using: &self) < probability }
}

/// A valid model of random form and random weights: the same one for the same seed.
struct RandomModel {
  let configuration: ModelConfiguration
  let weights: Weights

  /// Which forms to draw from.
  enum Family: CaseIterable {
    case sasrec
    case recurrent
  }

  init(seed: UInt64, family: Family) {
    var random = SplitMix64(seed: seed)
    let configuration = family == .sasrec ? Self.sasrec(&random) : Self.recurrent(&random)
    self.configuration = configuration
    self.weights = Self.weights(for: configuration, &random)
  }

  /// Random weights for `configuration`.
  init(_ configuration: ModelConfiguration, seed: UInt64) {
    var random = SplitMix64(seed: seed)
    self.configuration = configuration
    self.weights = Self.weights(for: configuration, &random)
  }

  static func sasrec(_ random: inout SplitMix64) -> ModelConfiguration {
    let d = random.pick([16, 20, 24, 32, 36, 48, 64, 100])
    let positions = random.pick(SASRecConfiguration.Positions.allCases)
    let heads = (1...8).filter { d % $0 == 0 && (positions != .rotary || d / $0 % 2 == 0) }
    var padding = ModelConfiguration.Padding.none
    if positions == .end || positions == .none { padding = random.pick([.none, .attended, .attendedZeroed]) }
    let sasrec = SASRecConfiguration(
      hiddenSize: d, blocks: random.int(1...3), heads: random.pick(heads),
      ffnSize: random.pick([d, 4 * d, 20, 33, 7]),
      norm: random.pick(SASRecConfiguration.Norm.allCases),
      activation: random.pick(SASRecConfiguration.Activation.allCases),
      layerNormEpsilon: random.pick([1e-12, 1e-8, 1e-5, 1e-3]),
      scaleEmbedding: random.chance(), embeddingNorm: random.chance(), finalNorm: random.chance(),
      attentionBias: random.chance(0.7), attentionOutput: random.chance(0.7), ffnBias: random.chance(0.7),
      positions: positions, rotaryBase: positions == .rotary ? random.pick([10_000, 500]) : 10_000)
    return ModelConfiguration(
      name: "random", itemCount: random.int(5...200), maxLength: random.int(2...24),
      output: random.pick(ModelConfiguration.Output.allCases), itemBias: random.chance(), padding: padding,
      architecture: .sasrec(sasrec))
  }

  static func recurrent(_ random: inout SplitMix64) -> ModelConfiguration {
    let cell = random.pick(RecurrentConfiguration.Cell.allCases)
    let layers = (0..<random.int(1...3)).map { _ in random.pick([1, 7, 16, 20, 24, 32, 36, 100]) }
    let projection =
      random.chance()
      ? RecurrentConfiguration.Projection(size: random.pick([5, 16, 20, 36]), bias: random.chance()) : nil
    let isOneHot = random.chance(0.3)
    let output: ModelConfiguration.Output = isOneHot ? .untied : random.pick(ModelConfiguration.Output.allCases)
    let outputSize = projection?.size ?? layers[layers.count - 1]
    let embedding = output == .tied ? outputSize : random.pick([3, 16, 20, 36])
    let recurrent = RecurrentConfiguration(
      cell: cell, layerSizes: layers, input: isOneHot ? .oneHot : .embedding(size: embedding),
      gates: cell == .gru ? random.pick(RecurrentConfiguration.Gates.allCases) : .pytorch,
      bias: random.chance(0.7), projection: projection)
    return ModelConfiguration(
      name: "random", itemCount: random.int(5...200), maxLength: random.int(2...24), output: output,
      itemBias: random.chance(), padding: random.chance(0.3) ? .recurrentPrefix : .none,
      architecture: .recurrent(recurrent))
  }

  /// Weights under which signals neither vanish nor explode; LayerNorm stays near the identity, no bias is zero.
  static func weights(for configuration: ModelConfiguration, _ random: inout SplitMix64) -> Weights {
    var tensors: [String: Matrix] = [:]
    for tensor in configuration.tensors {
      let isNormWeight = tensor.name.hasSuffix("norm.weight")
      let isVector = tensor.shape.count == 1
      let scale: Float = isVector ? 0.2 : (3 / Float(tensor.columns)).squareRoot()
      let values = (0..<tensor.rows * tensor.columns).map { _ in
        (isNormWeight ? 1 : 0) + random.float(-scale...scale)
      }
      tensors[tensor.name] = Matrix(rows: tensor.rows, columns: tensor.columns, values)
    }
    return Weights(tensors)
  }

  /// `count` events of one session: rows of the catalogue, some seen before, a share of them unknown.
  static func events(
    _ count: Int, itemCount: Int, unknown: Double = 0.1, _ random: inout SplitMix64
  ) -> [ItemIndex] {
    var events: [ItemIndex] = []
    for _ in 0..<count {
      if random.chance(unknown) {
        events.append(.unknown)
      } else if !events.isEmpty && random.chance(0.3) {
        events.append(random.pick(events))
      } else {
        events.append(ItemIndex(random.int(0...itemCount - 1)))
      }
    }
    return events
  }
}
