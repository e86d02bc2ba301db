import Foundation
import Testing

@testable import Training

@Suite struct OptimiserTests {
  /// AdamW against its formulas in double precision, over 50 steps; the gradient is the sum of three replicas' sets times a scale, and
  /// values are updated in two ranges.
  @Test(arguments: [true, false]) func adamWFollowsItsFormulas(isDecayed: Bool) {
    let parameter = Parameter<Float>("w", [3, 207], isDecayed: isDecayed, isTable: true)
    let adam = AdamW([parameter], weightDecay: 0.1)
    var random = RandomStream(seed: 2, purpose: .sampling)
    for index in 0..<parameter.value.count { parameter.value[index] = Float(random.normal()) }
    var (w, m, v) = (parameter.value.values.map { Double($0) }, [Double](), [Double]())
    (m, v) = (w.map { _ in 0 }, w.map { _ in 0 })
    for step in 1...50 {
      let sets = replicas(3, like: parameter, &random)
      let rate = 0.01 / Double(step)
      for index in w.indices {
        let g = 0.5 * sets.map { Double($0[index]) }.reduce(0, +)
        m[index] = 0.9 * m[index] + 0.1 * g
        v[index] = 0.999 * v[index] + 0.001 * g * g
        let corrected = (m: m[index] / (1 - pow(0.9, Double(step))), v: v[index] / (1 - pow(0.999, Double(step))))
        w[index] -= rate * (corrected.m / (sqrt(corrected.v) + 1e-8) + (isDecayed ? 0.1 : 0) * w[index])
      }
      let update = OptimiserUpdate(step: step, learningRate: rate, scale: 0.5)
      adam.update(0, values: 0..<101, gradients: sets, update)
      adam.update(0, values: 101..<621, gradients: sets, update)
      for set in sets { #expect(set.values.allSatisfy { $0 == 0 }) }
    }
    for index in w.indices { #expect(abs(Double(parameter.value[index]) - w[index]) < 3e-6) }
    #expect(adam.state.map(\.name) == ["w.first_moment", "w.second_moment"])
    for index in w.indices { #expect(abs(Double(adam.state[0].tensor[index]) - m[index]) < 1e-5) }
  }

  /// Adagrad likewise.
  @Test(arguments: [0.0, 0.3]) func adagradFollowsItsFormulas(momentum: Double) {
    let parameter = Parameter<Float>("w", [600], isDecayed: true)
    let adagrad = Adagrad([parameter], momentum: momentum, weightDecay: 0.1)
    var random = RandomStream(seed: 4, purpose: .sampling)
    for index in 0..<600 { parameter.value[index] = Float(random.normal()) }
    var w = parameter.value.values.map { Double($0) }
    var (a, u) = (w.map { _ in 0.0 }, w.map { _ in 0.0 })
    for step in 1...50 {
      let sets = replicas(2, like: parameter, &random)
      for index in w.indices {
        let g = 2 * sets.map { Double($0[index]) }.reduce(0, +)
        a[index] += g * g
        u[index] = momentum * u[index] - 0.05 * g / sqrt(a[index] + 1e-6)
        w[index] += u[index] - 0.05 * 0.1 * w[index]
      }
      adagrad.update(
        0, values: 0..<600, gradients: sets, OptimiserUpdate(step: step, learningRate: 0.05, scale: 2))
      for set in sets { #expect(set.values.allSatisfy { $0 == 0 }) }
    }
    for index in w.indices { #expect(abs(Double(parameter.value[index]) - w[index]) < 3e-6) }
  }

  /// Values outside of the range stand still, with their state and their gradients.
  @Test func onlyTheRangeMoves() {
    let parameter = Parameter<Float>("w", [4, 10], isDecayed: true, isTable: true)
    for optimiser in [AdamW([parameter], weightDecay: 0.1), Adagrad([parameter], momentum: 0.5)] as [any Optimiser] {
      for index in 0..<40 { parameter.value[index] = 1 }
      let gradient = Tensor<Float>(rows: 4, columns: 10, [Float](repeating: 2, count: 40))
      optimiser.update(
        0, values: 10..<20, gradients: [gradient], OptimiserUpdate(step: 1, learningRate: 0.1, scale: 1))
      for index in 0..<40 {
        let inside = (10..<20).contains(index)
        #expect((parameter.value[index] != 1) == inside)
        #expect((gradient[index] == 0) == inside)
        #expect((optimiser.state[0].tensor[index] != 0) == inside)
      }
    }
  }

  @Test func squareSumIsOfTheSummedGradients() {
    let parameter = Parameter<Float>("w", [2, 700], isDecayed: true)
    var random = RandomStream(seed: 6, purpose: .sampling)
    for count in [1, 2, OptimiserKernels.mostReplicas] {
      let sets = replicas(count, like: parameter, &random)
      var expected = 0.0
      for index in 3..<1_390 {
        let sum = sets.map { Double($0[index]) }.reduce(0, +)
        expected += sum * sum
      }
      let found = OptimiserKernels.squareSum(sets, values: 3..<1_390)
      #expect(abs(found / expected - 1) < 1e-6)
    }
  }

  @Test func gradientsAreClippedToTheNorm() {
    var settings = TrainingSettings()
    settings.clipNorm = 5
    #expect(settings.clipScale(norm: 5) == 1 && settings.clipScale(norm: 0) == 1)
    #expect(settings.clipScale(norm: 10) == 0.5)
    settings.clipNorm = 0
    #expect(settings.clipScale(norm: 10) == 1)
  }

  /// The rate at the points where its formula changes, and between them.
  @Test func rateFollowsTheSchedule() {
    var settings = TrainingSettings()
    (settings.learningRate, settings.warmUp, settings.schedule) = (0.2, 0.1, .cosine)
    #expect(settings.learningRate(at: 0) == 0 && abs(settings.learningRate(at: 0.05) - 0.1) < 1e-15)
    #expect(settings.learningRate(at: 0.1) == 0.2 && abs(settings.learningRate(at: 0.55) - 0.1) < 1e-15)
    #expect(abs(settings.learningRate(at: 0.4) - 0.1 * (1 + cos(.pi / 3))) < 1e-15)
    #expect(settings.learningRate(at: 1) < 1e-15 && settings.learningRate(at: 2) < 1e-15)
    settings.schedule = .constant
    #expect(abs(settings.learningRate(at: 0.05) - 0.1) < 1e-15 && settings.learningRate(at: 1) == 0.2)
    settings.warmUp = 0
    #expect(settings.learningRate(at: 0) == 0.2)
  }

  /// The first look takes the weights as they are; then the memory grows, up to what eight steps forget.
  @Test func averageForgetsFasterAtFirst() {
    let parameter = Parameter<Float>("w", [70], isDecayed: true)
    let average = WeightAverage([parameter], decay: 0.999)
    var expected = 0.0
    for look in 1...30 {
      for index in 0..<70 { parameter.value[index] = Float(look) }
      average.update(0, values: 0..<60, decay: average.decay(look: look))
      let decay = look == 1 ? 0 : min(pow(0.999, 8), Double(look) / Double(9 + look))
      expected = decay * expected + (1 - decay) * Double(look)
    }
    for index in 0..<70 { #expect(abs(Double(average.values[0][index]) - (index < 60 ? expected : 0)) < 1e-4) }
    #expect(average.decay(look: 100_000) == pow(0.999, 8))
    average.swap(0, values: 10..<70)
    #expect(parameter.value[9] == 30 && parameter.value[69] == 0 && average.values[0][69] == 30)
    #expect(abs(Double(parameter.value[10]) - expected) < 1e-4)
  }

  private func replicas(
    _ count: Int, like parameter: Parameter<Float>, _ random: inout RandomStream
  ) -> [Tensor<Float>] {
    (0..<count).map { _ in
      let tensor = Tensor<Float>(rows: parameter.value.rows, columns: parameter.value.columns)
      for index in 0..<tensor.count { tensor[index] = Float(random.normal()) }
      return tensor
    }
  }
}
