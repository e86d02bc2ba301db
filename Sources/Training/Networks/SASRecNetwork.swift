import Sequential

/// Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018; with LayerNorm in front of every sub-layer and positions from the
/// window's start, so that what is served can keep keys and values when a session grows.
///
/// x = dropout(E[item] + P[place]); for each block x += dropout(Attn(LN(x))), x += dropout(FFN(LN(x))); hidden = LN(x). Scores are tied to
/// E. `docs/model-directory.md` has every equation; dropout stands where the reference trainer has it.
final class SASRecNetwork<Scalar: TrainingScalar>: Network {
  /// ε of every LayerNorm.
  static var epsilon: Double { 1e-5 }

  let parameters: [Parameter<Scalar>]
  let output: OutputTable
  /// Share of elements that are dropped in training.
  let dropout: Double
  /// The same of embeddings.
  let embeddingDropout: Double
  private let list: ParameterList<Scalar>
  private let model: ModelConfiguration
  private let numbers: SASRecConfiguration

  /// A network with weights of N(0, 0.02²), biases of 0 and norms of 1, drawn from `seed`.
  ///
  /// The numbers must be such that a model directory can hold them.
  convenience init(
    itemCount: Int, maxLength: Int, hiddenSize: Int, blocks: Int, heads: Int, ffnSize: Int,
    positions: TrainingSettings.Positions = .start, dropout: Double = 0, itemBias: Bool = false,
    activation: SASRecConfiguration.Activation = .relu, seed: UInt64
  ) {
    let numbers = SASRecConfiguration(
      hiddenSize: hiddenSize, blocks: blocks, heads: heads, ffnSize: ffnSize, norm: .pre, activation: activation,
      layerNormEpsilon: SASRecNetwork.epsilon, finalNorm: true, positions: positions == .start ? .start : .rotary)
    self.init(
      ModelConfiguration(
        name: "", itemCount: itemCount, maxLength: maxLength, output: .tied, itemBias: itemBias,
        architecture: .sasrec(numbers)),
      numbers, dropout: dropout, embeddingDropout: dropout, seed: seed)
  }

  /// A network of the form that `configuration` describes, with new weights; nil where it is one that can't be trained here: another
  /// architecture, or one of the forms of SASRec that only imported models have.
  convenience init?(
    _ configuration: ModelConfiguration, dropout: Double, embeddingDropout: Double? = nil, seed: UInt64
  ) {
    guard case .sasrec(let numbers) = configuration.architecture else { return nil }
    let trained = SASRecConfiguration(
      hiddenSize: numbers.hiddenSize, blocks: numbers.blocks, heads: numbers.heads, ffnSize: numbers.ffnSize,
      norm: .pre, activation: numbers.activation, layerNormEpsilon: numbers.layerNormEpsilon, finalNorm: true,
      positions: numbers.positions, rotaryBase: numbers.rotaryBase)
    guard numbers == trained, numbers.positions == .start || numbers.positions == .rotary else { return nil }
    guard configuration.output == .tied, configuration.padding == .none else { return nil }
    self.init(configuration, numbers, dropout: dropout, embeddingDropout: embeddingDropout ?? dropout, seed: seed)
  }

  private init(
    _ model: ModelConfiguration, _ numbers: SASRecConfiguration, dropout: Double, embeddingDropout: Double, seed: UInt64
  ) {
    precondition(numbers.hiddenSize % numbers.heads == 0)
    precondition(numbers.positions == .start || (numbers.hiddenSize / numbers.heads) % 2 == 0)
    precondition((0..<1).contains(dropout) && (0..<1).contains(embeddingDropout))
    self.model = model
    self.numbers = numbers
    self.dropout = dropout
    self.embeddingDropout = embeddingDropout
    list = ParameterList(model)
    parameters = list.parameters
    output = OutputTable(weight: list["item_embedding.weight"].index, bias: list.find("output.bias")?.index)
    let stream = RandomStream(seed: seed, purpose: .weights)
    for (index, parameter) in parameters.enumerated() {
      if parameter.shape.count == 2 {
        parameter.value.fillNormal(deviation: 0.02, stream.child(index))
      } else if parameter.name.hasSuffix("norm.weight") {
        for index in 0..<parameter.value.count { parameter.value[index] = 1 }
      }
    }
  }

  var outputSize: Int { numbers.hiddenSize }

  /// What a model directory says of it.
  func configuration(name: String, version: String = "1") -> ModelConfiguration {
    var configuration = model
    configuration.name = name
    configuration.version = version
    return configuration
  }

  func makePass(_ capacity: BatchCapacity) -> SASRecPass<Scalar> {
    SASRecPass(
      list, numbers, dropout: dropout, embeddingDropout: embeddingDropout, maxLength: model.maxLength, capacity)
  }

  func passBytes(_ capacity: BatchCapacity) -> Int {
    SASRecPass<Scalar>.values(numbers, maxLength: model.maxLength, capacity) * MemoryLayout<Scalar>.stride
  }
}

extension Tensor {
  /// Values of N(0, `deviation`²) from `stream`.
  func fillNormal(deviation: Double, _ stream: RandomStream) {
    var random = stream
    for index in 0..<count { self[index] = Scalar(deviation * random.normal()) }
  }
}
