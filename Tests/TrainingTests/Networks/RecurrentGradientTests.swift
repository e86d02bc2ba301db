import Sequential
import Testing

@testable import Training

/// Every gradient of a recurrent network against central differences, in double precision.
@Suite struct RecurrentGradientTests {
  /// A network, what it is fed, and whether lanes carry its state.
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var shape: RecurrentShape
    var lengths = [2, 5, 1, 3, 5]
    var lanes: [Int32] = []
    var resets: [Bool] = []
    var testDescription: String { name }
  }

  static let cases: [Case] = RecurrentConfiguration.Cell.allCases.flatMap { cell -> [Case] in
    func shape(
      _ sizes: [Int], embedding: Int? = 3, output: ModelConfiguration.Output = .tied, projects: Bool = false,
      itemBias: Bool = false, dropout: Double = 0
    ) -> RecurrentShape {
      RecurrentFixtures.shape(
        cell, sizes, embedding: embedding, output: output, projects: projects, itemBias: itemBias, dropout: dropout)
    }
    let lanes: [Int32] = [4, 0, 2, 5, 1]
    let resets = [false, true, false, false, true]
    return [
      Case(name: "\(cell), tied", shape: shape([3])),
      Case(name: "\(cell), tied, projection", shape: shape([4], projects: true)),
      Case(name: "\(cell), two layers, untied, bias", shape: shape([4, 5], output: .untied, itemBias: true)),
      Case(name: "\(cell), two layers, untied, projection", shape: shape([4, 5], output: .untied, projects: true)),
      Case(name: "\(cell), one-hot", shape: shape([4, 3], embedding: nil, output: .untied)),
      Case(name: "\(cell), two layers, dropout", shape: shape([4, 5], dropout: 0.4)),
      Case(name: "\(cell), two layers, lanes", shape: shape([4, 5]), lanes: lanes, resets: resets),
      Case(
        name: "\(cell), lanes, one event each, dropout", shape: shape([4], dropout: 0.3), lengths: [1, 1, 1, 1, 1],
        lanes: lanes, resets: resets),
      Case(
        name: "\(cell), one-hot, lanes", shape: shape([4], embedding: nil, output: .untied), lanes: lanes,
        resets: resets),
    ]
  }

  @Test(arguments: cases)
  func gradientsAreCentralDifferences(of test: Case) {
    let loss = RecurrentLoss(test.shape, test.lengths, test.lanes, test.resets)
    let gradients = loss.gradients()
    GradientCheck(loss.network.parameters, gradients).expectPass { loss.value() }
    for (index, parameter) in loss.network.parameters.enumerated() {
      let gradient = gradients[index]
      #expect(gradient.value.values.contains { $0 != 0 }, "\(parameter.name) has no part in the loss")
      for row in 0..<(parameter.isTable ? parameter.value.rows : 0) where !gradient.touched.contains(Int32(row)) {
        for column in 0..<parameter.value.columns { #expect(gradient.value[row, column] == 0) }
      }
    }
  }

  /// A wrong gradient is noticed: the check has teeth.
  @Test func wrongGradientIsNoticed() {
    let loss = RecurrentLoss(RecurrentFixtures.shape(.gru, [4]), [2, 5, 1], [], [])
    loss.bend = 1.001
    let check = GradientCheck(loss.network.parameters, loss.gradients())
    #expect(check.greatestError { loss.value() }.error > 1e-4)
  }
}

/// The loss Σ c_ri · h_ri + ½ Σ_r (w_t · h_r + b_t), where `c` are random numbers and `w_t` the output row of a row's target: it reaches every parameter.
private final class RecurrentLoss {
  let network: RecurrentNetwork<Double>
  /// Factor of the hidden states' gradient.
  var bend = 1.0
  private let pass: RecurrentPass<Double>
  private var batch: PackedBatch
  private let stream = RandomStream(seed: 5, purpose: .dropout, step: 3)
  private let coefficients: Tensor<Double>
  private let states: [[Double]]

  init(_ shape: RecurrentShape, _ lengths: [Int], _ lanes: [Int32], _ resets: [Bool]) {
    network = RecurrentNetwork(shape, seed: 11)
    pass = network.makePass(RecurrentFixtures.capacity)
    batch = RecurrentFixtures.batch(lengths, lanes: lanes, resets: resets)
    var random = RandomStream(seed: 3, purpose: .sampling)
    for row in batch.targets.indices { batch.targets[row] = Int32(random.below(shape.itemCount)) }
    for parameter in network.parameters {
      for index in 0..<parameter.value.count { parameter.value[index] = 0.5 * random.normal() }
    }
    coefficients = Tensor(rows: batch.rows, columns: network.outputSize)
    for index in 0..<coefficients.count { coefficients[index] = random.normal() }
    states = pass.laneStates.map { state in (0..<state.tensor.count).map { _ in 0.5 * random.normal() } }
  }

  private func forward() -> Tensor<Double> {
    for (state, values) in zip(pass.laneStates, states) {
      for (index, value) in values.enumerated() { state.tensor[index] = value }
    }
    return pass.forward(batch, dropout: stream)
  }

  func value() -> Double {
    let hidden = forward()
    let weight = network.parameters[network.output.weight].value
    var sum = 0.0
    for row in 0..<batch.rows {
      let target = Int(batch.targets[row])
      for column in 0..<network.outputSize {
        sum += (coefficients[row, column] + 0.5 * weight[target, column]) * hidden[row, column]
      }
      if let bias = network.output.bias { sum += 0.5 * network.parameters[bias].value[target] }
    }
    return sum
  }

  /// The gradients by the network's own way back.
  func gradients() -> GradientSet<Double> {
    let set = GradientSet(network.parameters)
    let hidden = forward()
    let gradient = Tensor<Double>(rows: batch.rows, columns: network.outputSize)
    let weight = network.parameters[network.output.weight].value
    for row in 0..<batch.rows {
      let target = Int(batch.targets[row])
      set[network.output.weight].touch(target)
      for column in 0..<network.outputSize {
        gradient[row, column] = bend * (coefficients[row, column] + 0.5 * weight[target, column])
        let table = set[network.output.weight].value
        table[target, column] = table[target, column] + 0.5 * hidden[row, column]
      }
      if let bias = network.output.bias { set[bias].value[target] = set[bias].value[target] + 0.5 }
    }
    pass.backward(gradient, batch, into: set)
    return set
  }
}
