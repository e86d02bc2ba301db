import Events
import Sequential
import Testing

@testable import Training

/// The form of a network, for tests over several.
struct SASRecForm: Sendable, CustomTestStringConvertible {
  var positions = TrainingSettings.Positions.start
  var activation = SASRecConfiguration.Activation.relu
  var dropout = 0.0
  var itemBias = false

  var testDescription: String { "\(positions), \(activation), dropout \(dropout), item bias \(itemBias)" }

  static let all = [
    SASRecForm(), SASRecForm(positions: .rotary, dropout: 0.3), SASRecForm(activation: .gelu, dropout: 0.5),
    SASRecForm(positions: .rotary, activation: .gelu, itemBias: true),
  ]

  /// A network whose weights are large enough for every part to matter.
  func network<Scalar: TrainingScalar>(
    items: Int, length: Int, size: Int, blocks: Int = 2, heads: Int, ffn: Int
  ) -> SASRecNetwork<Scalar> {
    let network = SASRecNetwork<Scalar>(
      itemCount: items, maxLength: length, hiddenSize: size, blocks: blocks, heads: heads, ffnSize: ffn,
      positions: positions, dropout: dropout, itemBias: itemBias, activation: activation, seed: 1)
    for (index, parameter) in network.parameters.enumerated() {
      let isNorm = parameter.name.hasSuffix("norm.weight")
      let deviation = parameter.shape.count == 1 ? 0.3 : 1.5 / Double(parameter.shape[1]).squareRoot()
      parameter.value.fillNormal(deviation: deviation, RandomStream(seed: UInt64(index), purpose: .sampling))
      if isNorm { for at in 0..<parameter.value.count { parameter.value[at] = parameter.value[at] + 1 } }
    }
    return network
  }
}

@Suite struct SASRecNetworkTests {
  private let stream = RandomStream(seed: 5, purpose: .dropout, step: 3)

  init() { MatrixLibrary.useCallingThread() }

  /// Every value of every parameter, by central differences.
  @Test(arguments: SASRecForm.all)
  func gradientsAreThoseOfCentralDifferences(form: SASRecForm) {
    let network: SASRecNetwork<Double> = form.network(items: 7, length: 6, size: 8, heads: 2, ffn: 7)
    let batch = PackedBatch.random([3, 1, 5, 2], count: 7)
    let pass = network.makePass(BatchCapacity(rows: 12, sequences: 4, length: 5))
    let factors = Tensor<Double>.random(batch.rows, 8, seed: 9)
    let gradients = GradientSet(network.parameters)
    func loss() -> Double { pass.forward(batch, dropout: stream).product(factors, rows: batch.rows) }
    _ = loss()
    pass.backward(factors.copied(), batch, into: gradients)
    GradientCheck(network.parameters, gradients).expectPass(loss)

    // Backward adds: twice the same is twice as much.
    let once = gradients.gradients.map(\.value.values)
    pass.backward(factors.copied(), batch, into: gradients)
    for (before, after) in zip(once, gradients.gradients) {
      #expect(zip(before, after.value.values).allSatisfy { abs(2 * $0 - $1) <= 1e-12 * max(1, abs($1)) })
    }
  }

  /// The float kernels against the double ones, at sizes that fill vectors and leave rests, sequences short and long.
  @Test(arguments: SASRecForm.all)
  func floatGradientsAreThoseOfDouble(form: SASRecForm) {
    let narrow: SASRecNetwork<Float> = form.network(items: 50, length: 80, size: 36, heads: 2, ffn: 75)
    let wide: SASRecNetwork<Double> = form.network(items: 50, length: 80, size: 36, heads: 2, ffn: 75)
    for (from, to) in zip(narrow.parameters, wide.parameters) {
      for index in 0..<from.value.count { to.value[index] = Double(from.value[index]) }
    }
    let batch = PackedBatch.random([1, 7, 80, 16, 17, 2, 33], count: 50)
    let factors = Tensor<Double>.random(batch.rows, 36, seed: 2)
    let rounded = Tensor<Float>(rows: batch.rows, columns: 36, factors.values.map(Float.init))
    let (narrowPass, widePass) = (narrow.makePass(batch.capacityOf80), wide.makePass(batch.capacityOf80))
    let (narrowGradients, wideGradients) = (GradientSet(narrow.parameters), GradientSet(wide.parameters))
    let (hidden, expected) = (narrowPass.forward(batch, dropout: stream), widePass.forward(batch, dropout: stream))
    for index in 0..<batch.rows * 36 { #expect(abs(Double(hidden[index]) - expected[index]) < 1e-4) }
    narrowPass.backward(rounded, batch, into: narrowGradients)
    widePass.backward(factors, batch, into: wideGradients)
    for (index, parameter) in wide.parameters.enumerated() {
      let (got, wanted) = (narrowGradients[index].value.values, wideGradients[index].value.values)
      // The key's bias has a gradient of nothing but rounding without rotation.
      let scale = max(wanted.map(abs).max() ?? 0, 1)
      let error = zip(got, wanted).map { abs(Double($0) - $1) }.max() ?? 0
      #expect(error <= 1e-4 * scale, "\(parameter.name): \(error) of \(scale)")
    }
  }

  /// What is trained is what is served, at every place of every sequence.
  @Test(arguments: SASRecForm.all)
  func forwardIsThatOfTheServingEncoder(form: SASRecForm) throws {
    let network: SASRecNetwork<Float> = form.network(items: 40, length: 30, size: 48, heads: 4, ffn: 70)
    let ids = (0..<40).map { Array("\($0)".utf8) }
    let vocabulary = try #require(Vocabulary(ids))
    let configuration = network.configuration(name: "small")
    #expect(configuration.tensors.map(\.name) == network.parameters.map(\.name))
    #expect(configuration.tensors.map(\.shape) == network.parameters.map(\.shape))
    let model = SequentialModel(configuration, weights: network.weights(), vocabulary: vocabulary, kernel: .best)
    let batch = PackedBatch.random([30, 1, 12, 5], count: 40)
    let hidden = network.makePass(BatchCapacity(rows: 60, sequences: 4, length: 30)).forward(batch, dropout: nil)
    let encoder = model.makeEncoder(slots: 1, budget: 16 << 20)
    var served = AlignedBuffer<Float>(count: 48, repeating: 0)
    for sequence in 0..<batch.sequences {
      let range = Int(batch.starts[sequence])..<Int(batch.starts[sequence + 1])
      #expect(encoder.reserve(slot: 0, positions: range.count))
      for row in range {
        var wave = Wave()
        wave.begin(slot: 0, at: row - range.lowerBound)
        wave.append(ItemIndex(batch.items[row]))
        encoder.step(wave, into: &served)
        for column in 0..<48 { #expect(abs(served[column] - hidden[row, column]) <= 1e-4) }
      }
      encoder.release(slot: 0)
    }
  }

  /// A sequence's hidden states don't depend on what else is in the batch, nor on what the buffers held.
  @Test func sequencesAreIndependent() {
    let network: SASRecNetwork<Float> = SASRecForm().network(items: 40, length: 30, size: 16, heads: 2, ffn: 20)
    let pass = network.makePass(BatchCapacity(rows: 60, sequences: 4, length: 30))
    let batch = PackedBatch.random([30, 7, 12], count: 40)
    let together = pass.forward(batch, dropout: nil).copied()
    var alone = PackedBatch()
    alone.append(items: batch.items[30..<37], targets: batch.targets[30..<37])
    let hidden = pass.forward(alone, dropout: nil)
    for row in 0..<7 {
      for column in 0..<16 { #expect(abs(hidden[row, column] - together[30 + row, column]) < 1e-5) }
    }
  }

  @Test func startsAsTheReferenceDoes() {
    let network = SASRecNetwork<Float>(
      itemCount: 500, maxLength: 20, hiddenSize: 32, blocks: 1, heads: 2, ffnSize: 64, seed: 1)
    for parameter in network.parameters {
      let values = parameter.value.values
      if parameter.shape.count == 2 {
        let mean = values.reduce(0, +) / Float(values.count)
        let variance = values.map { $0 * $0 }.reduce(0, +) / Float(values.count)
        #expect(abs(mean) < 0.003 && abs(variance.squareRoot() - 0.02) < 0.002, "\(parameter.name)")
      } else {
        #expect(Set(values) == [parameter.name.hasSuffix("norm.weight") ? 1 : 0], "\(parameter.name)")
      }
    }
    let items = network.parameters[network.output.weight]
    #expect(items.name == "item_embedding.weight" && items.isTable && items.isDecayed)
    #expect(network.output.bias == nil)
  }

  /// A network of a model directory's form takes its weights, and its rows where the catalogue has grown.
  @Test func weightsComeBack() throws {
    let form = SASRecForm(positions: .rotary, itemBias: true)
    let network: SASRecNetwork<Float> = form.network(items: 20, length: 10, size: 16, heads: 2, ffn: 20)
    var configuration = network.configuration(name: "small")
    configuration.itemCount = 23
    let grown = try #require(SASRecNetwork<Float>(configuration, dropout: 0, seed: 2))
    let before = grown.parameters.map(\.value.values)
    grown.load(network.weights())
    for (index, (from, to)) in zip(network.parameters, grown.parameters).enumerated() {
      #expect(Array(to.value.values.prefix(from.value.count)) == from.value.values)
      #expect(to.value.values.dropFirst(from.value.count) == before[index].dropFirst(from.value.count))
    }
  }

  @Test func formsThatOnlyImportsHaveAreNotTrained() {
    let network: SASRecNetwork<Float> = SASRecForm().network(items: 20, length: 10, size: 16, heads: 2, ffn: 20)
    var configuration = network.configuration(name: "small")
    #expect(SASRecNetwork<Float>(configuration, dropout: 0, seed: 1)?.configuration(name: "small") == configuration)
    configuration.padding = .attended
    #expect(SASRecNetwork<Float>(configuration, dropout: 0, seed: 1) == nil)
  }
}

extension PackedBatch {
  fileprivate var capacityOf80: BatchCapacity { BatchCapacity(rows: rows, sequences: sequences, length: 80) }
}
