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
