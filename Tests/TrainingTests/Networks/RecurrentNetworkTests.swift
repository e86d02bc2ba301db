import Events
import Sequential
import TestSupport
import Testing

@testable import Training

@Suite struct RecurrentNetworkTests {
  static let shapes = RecurrentConfiguration.Cell.allCases.flatMap { cell in
    [
      RecurrentFixtures.shape(cell, [16], embedding: 16),
      RecurrentFixtures.shape(cell, [20, 12], embedding: 9, itemBias: true),
      RecurrentFixtures.shape(cell, [20, 12], embedding: 9, output: .untied, projects: true),
      RecurrentFixtures.shape(cell, [12, 17], embedding: nil, output: .untied, itemBias: true),
    ]
  }

  @Test(arguments: shapes)
  func parametersAreThoseOfTheModelDirectory(_ shape: RecurrentShape) {
    let network = RecurrentNetwork<Float>(shape, seed: 1)
    let tensors = shape.configuration(name: "n").tensors
    #expect(network.parameters.map(\.name) == tensors.map(\.name))
    #expect(network.parameters.map(\.shape) == tensors.map(\.shape))
    #expect(network.outputSize == shape.configuration(name: "n").outputSize)
  }

  @Test(arguments: shapes)
  func shapeIsReadFromItsConfiguration(_ shape: RecurrentShape) {
    var configuration = shape.configuration(name: "n", version: "7")
    let read = RecurrentShape(configuration)
    #expect(read?.configuration(name: "n", version: "7") == configuration)
    configuration.padding = .recurrentPrefix
    #expect(RecurrentShape(configuration) == nil)
  }

  /// What is trained is what is served: hidden states at every position against the serving engine's.
  @Test(arguments: shapes)
  func servedModelHasTheSameHiddenStates(_ shape: RecurrentShape) {
    let network = RecurrentNetwork<Float>(shape, seed: 4)
    let batch = RecurrentFixtures.batch([2, 8, 1, 5, 8])
    let hidden = network.makePass(RecurrentFixtures.capacity).forward(batch, dropout: nil)
    let ids = (0..<shape.itemCount).map { Array("\($0)".utf8) }
    guard let vocabulary = Vocabulary(ids) else { return #expect(Bool(false), "ids are unique") }
    let model = SequentialModel(
      shape.configuration(name: "n"), weights: network.weights(), vocabulary: vocabulary,
      kernel: .portable)
    let encoder = model.makeEncoder(slots: 1, budget: 1 << 20)
    var served = AlignedBuffer<Float>(count: encoder.hiddenSize, repeating: 0)
    var largest: Float = 0
    for sequence in 0..<batch.sequences {
      for row in Int(batch.starts[sequence])..<Int(batch.starts[sequence + 1]) {
        encoder.release(slot: 0)
        #expect(encoder.reserve(slot: 0, positions: 8))
        var wave = Wave()
        wave.begin(slot: 0, at: 0)
        for item in batch.items[Int(batch.starts[sequence])...row] { wave.append(ItemIndex(item)) }
        encoder.encode(wave, into: &served)
        for column in 0..<encoder.hiddenSize {
          largest = max(largest, abs(served[column] - hidden[row, column]))
        }
      }
    }
    #expect(largest <= 1e-5)
    #expect(hidden.values.contains { abs($0) > 0.01 })
  }

  /// Steps of 3 and of 2 events in a lane are one of 5; a reset begins anew; other lanes stay as they are.
  @Test(arguments: RecurrentConfiguration.Cell.allCases)
  func lanesCarryState(_ cell: RecurrentConfiguration.Cell) {
    let network = RecurrentNetwork<Double>(RecurrentFixtures.shape(cell, [4, 5]), seed: 2)
    let pass = network.makePass(RecurrentFixtures.capacity)
    let whole = RecurrentFixtures.batch([5, 5])
    let expected = pass.forward(whole, dropout: nil).values
    func part(_ times: Range<Int>, _ resets: [Bool]) -> PackedBatch {
      var batch = PackedBatch()
      for start in [0, 5] {
        let rows = start + times.lowerBound..<start + times.upperBound
        batch.append(items: whole.items[rows], targets: whole.targets[rows])
      }
      batch.lanes = [3, 1]
      batch.resets = resets
      return batch
    }
    let size = network.outputSize
    func row(_ values: [Double], _ row: Int) -> [Double] { Array(values[row * size..<(row + 1) * size]) }
    for state in pass.laneStates { for index in 0..<state.tensor.count { state.tensor[index] = 9 } }
    let first = pass.forward(part(0..<3, [true, true]), dropout: nil).values
    let saved = pass.laneStates.map(\.tensor.values)
    let second = pass.forward(part(3..<5, [false, false]), dropout: nil).values
    for sequence in 0..<2 {
      for time in 0..<5 {
        let found = time < 3 ? row(first, 3 * sequence + time) : row(second, 2 * sequence + time - 3)
        for (one, other) in zip(found, row(expected, 5 * sequence + time)) { #expect(abs(one - other) < 1e-12) }
      }
    }
    for state in pass.laneStates {
      for column in 0..<state.tensor.columns { #expect(state.tensor[2, column] == 9) }
    }
    #expect(pass.laneStates.map(\.name).first == "layers.0.hidden")
    for (state, values) in zip(pass.laneStates, saved) {
      for (index, value) in values.enumerated() { state.tensor[index] = value }
    }
    #expect(pass.forward(part(3..<5, [false, false]), dropout: nil).values.prefix(4 * size) == second.prefix(4 * size))
    let anew = pass.forward(part(0..<3, [true, false]), dropout: nil).values
    #expect(row(anew, 0) == row(first, 0))
    #expect(row(anew, 3) != row(first, 3))
  }

  /// A sequence's hidden states do not depend on its neighbours or on the order of the batch.
  @Test func neighboursMakeNoDifference() {
    let network = RecurrentNetwork<Double>(RecurrentFixtures.shape(.lstm, [4, 5]), seed: 2)
    let pass = network.makePass(RecurrentFixtures.capacity)
    let batch = RecurrentFixtures.batch([2, 8, 1, 5, 8, 1])
    let together = pass.forward(batch, dropout: nil).values
    let size = network.outputSize
    for sequence in 0..<batch.sequences {
      let rows = Int(batch.starts[sequence])..<Int(batch.starts[sequence + 1])
      var alone = PackedBatch()
      alone.append(items: batch.items[rows], targets: batch.targets[rows])
      let hidden = pass.forward(alone, dropout: nil)
      for row in rows {
        for column in 0..<size {
          #expect(abs(together[row * size + column] - hidden[row - rows.lowerBound, column]) < 1e-14)
        }
      }
    }
  }

  @Test(arguments: RecurrentConfiguration.Cell.allCases)
  func stepAllocatesNothing(_ cell: RecurrentConfiguration.Cell) {
    let network = RecurrentNetwork<Float>(RecurrentFixtures.shape(cell, [4, 5], dropout: 0.2), seed: 2)
    let pass = network.makePass(RecurrentFixtures.capacity)
    let gradients = GradientSet(network.parameters)
    let batches = [
      RecurrentFixtures.batch([2, 8, 1, 5]), RecurrentFixtures.batch([1, 3], lanes: [1, 0], resets: [false, true]),
    ]
    let gradient = Tensor<Float>(rows: 16, columns: network.outputSize)
    let stream = RandomStream(seed: 1, purpose: .dropout)
    func run() {
      for batch in batches {
        gradient.copy(pass.forward(batch, dropout: stream), rows: batch.rows)
        pass.backward(gradient, batch, into: gradients)
      }
    }
    run()
    let counted = allocations { run() }
    #expect(counted == nil || counted == 0)
  }

  /// What is announced before training is what the buffers take.
  @Test(arguments: shapes)
  func bytesOfAPassAreThoseOfItsBuffers(_ shape: RecurrentShape) {
    let network = RecurrentNetwork<Float>(shape, seed: 2)
    let capacity = BatchCapacity(rows: 400, sequences: 90, length: 50, lanes: 70)
    func bytes(_ value: Any) -> Int {
      if let tensor = value as? Tensor<Float> { return tensor.count * MemoryLayout<Float>.stride }
      if value is RecurrentNetwork<Float> || value is RecurrentLayerWeights<Float> { return 0 }
      return Mirror(reflecting: value).children.reduce(0) { $0 + bytes($1.value) }
    }
    let indices = TimeMajorOrder.bytes(capacity) + 2 * capacity.sequences * MemoryLayout<Int32>.stride
    #expect(bytes(network.makePass(capacity)) + indices == network.passBytes(capacity))
  }

  /// A replica may have nothing to do in a step.
  @Test(arguments: RecurrentConfiguration.Cell.allCases)
  func batchWithoutRowsAddsNothing(_ cell: RecurrentConfiguration.Cell) {
    let network = RecurrentNetwork<Float>(RecurrentFixtures.shape(cell, [4, 5], dropout: 0.2), seed: 2)
    let pass = network.makePass(RecurrentFixtures.capacity)
    let gradients = GradientSet(network.parameters)
    let before = RecurrentFixtures.batch([3, 2])
    let gradient = Tensor<Float>(rows: 5, columns: network.outputSize)
    for index in 0..<gradient.count { gradient[index] = 1 }
    _ = pass.forward(before, dropout: nil)
    pass.backward(gradient, before, into: gradients)
    let sums = gradients.gradients.map(\.value.values)
    _ = pass.forward(PackedBatch(), dropout: nil)
    pass.backward(gradient, PackedBatch(), into: gradients)
    #expect(gradients.gradients.map(\.value.values) == sums)
    #expect(sums.allSatisfy { sum in sum.contains { $0 != 0 } })
  }

  @Test func dropoutIsInvertedAndOfItsRate() {
    let count = 100_000
    let x = Tensor<Float>(rows: 1, columns: count, [Float](repeating: 1, count: count))
    Float.drop(x, count: count, dropout: DropoutMask(0.3, RandomStream(seed: 1, purpose: .dropout), part: 2))
    let kept = x.values.filter { $0 != 0 }
    #expect(abs(Double(kept.count) / Double(count) - 0.7) < 0.01)
    #expect(kept.allSatisfy { abs($0 - 1 / 0.7) < 1e-6 })
  }

  /// Weights are drawn as PyTorch draws them, and the same ones for the same seed.
  @Test func weightsAreDrawnFromTheirBounds() {
    let shape = RecurrentShape(
      cell: .gru, itemCount: 500, maxLength: 8, layerSizes: [25, 16], input: .embedding(size: 20), projects: true)
    let network = RecurrentNetwork<Float>(shape, seed: 3)
    for parameter in network.parameters where parameter.name != "item_embedding.weight" {
      let bound: Float = parameter.name.hasPrefix("layers.0") ? 0.2 : 0.25
      let largest = parameter.value.values.map(abs).max() ?? 0
      #expect(largest <= bound && largest > 0.8 * bound, "\(parameter.name)")
    }
    let embeddings = network.parameters[0].value.values.map(Double.init)
    let deviation = (embeddings.reduce(0) { $0 + $1 * $1 } / Double(embeddings.count)).squareRoot()
    #expect(abs(deviation - 0.1) < 0.005)
    #expect(
      RecurrentNetwork<Float>(shape, seed: 3).parameters.map(\.value.values) == network.parameters.map(\.value.values))
    #expect(RecurrentNetwork<Float>(shape, seed: 4).parameters[0].value.values != network.parameters[0].value.values)
  }
}
