import Foundation
import Testing

@testable import Training

@Suite struct FullSoftmaxTests {
  /// Sizes on both sides of vectors, chunks that divide the rows and that don't.
  @Test(arguments: [(7, 13, 3), (9, 100, 4), (1, 1, 100)], [0.0, 0.1])
  func gradientsAreThoseOfDifferences(sizes: (rows: Int, items: Int, chunk: Int), smoothing: Double) {
    for bias in [false, true] {
      let fixture = LossFixture(rows: sizes.rows, items: sizes.items, size: 5, bias: bias)
      fixture.scale = 0.25
      let loss = FullSoftmax<Double>(
        items: sizes.items, rows: sizes.rows, smoothing: smoothing, chunk: sizes.chunk)
      let worst = fixture.checkGradients(loss)
      #expect(worst < 1e-6)
    }
  }

  /// -Σ q log p by loops, q the smoothed distribution.
  @Test(arguments: [0.0, 0.2]) func lossIsThatOfLoops(smoothing: Double) {
    let fixture = LossFixture(rows: 6, items: 70, size: 4, bias: true)
    var expected = 0.0
    for row in 0..<fixture.rows {
      let scores = (0..<fixture.items).map { fixture.score(row, $0) }
      let total = scores.map { exp($0) }.reduce(0, +)
      for item in 0..<fixture.items {
        let wanted =
          (Int(fixture.targets[row]) == item ? 1 - smoothing : 0) + smoothing / Double(fixture.items)
        expected -= wanted * log(exp(scores[item]) / total)
      }
    }
    let outcome = fixture.evaluate(FullSoftmax(items: fixture.items, rows: fixture.rows, smoothing: smoothing))
    #expect(abs(outcome.loss - expected) < 1e-12 * abs(expected))
    #expect(outcome.weight.isDense)
  }

  /// Scores that exp can't take, in both directions.
  @Test func largeScoresDoNotOverflow() {
    let fixture = LossFixture(rows: 4, items: 50, size: 4, bias: false, spread: 300)
    let outcome = fixture.evaluate(FullSoftmax(items: fixture.items, rows: 4))
    var expected = 0.0
    for row in 0..<4 {
      let scores = (0..<fixture.items).map { fixture.score(row, $0) }
      let largest = scores.max()!
      expected += largest + log(scores.map { exp($0 - largest) }.reduce(0, +)) - scores[Int(fixture.targets[row])]
    }
    #expect(abs(outcome.loss - expected) < 1e-12 * expected)
    #expect(outcome.hidden.values.allSatisfy { $0.isFinite })
  }

  /// What is not a number must come out as such: the trainer stops on it.
  @Test func notANumberIsNotHidden() {
    let fixture = LossFixture(rows: 2, items: 50, size: 4, bias: false)
    fixture.weight.value[41, 2] = .nan
    #expect(fixture.evaluate(FullSoftmax(items: fixture.items, rows: 2)).loss.isNaN)
  }

  /// Single precision against double, on the same numbers.
  @Test func singlePrecisionIsClose() {
    let (rows, items, size) = (40, 1_000, 16)
    var random = RandomStream(seed: 5, purpose: .sampling)
    let hidden = (0..<rows * size).map { _ in Float(random.normal()) }
    let table = (0..<items * size).map { _ in Float(random.normal()) }
    let targets = (0..<rows).map { _ in Int32(random.below(items)) }
    func run<Scalar: TrainingScalar>(_: Scalar.Type) -> (loss: Double, hidden: [Double]) {
      let parameter = Parameter<Scalar>("w", [items, size], isDecayed: true, isTable: true)
      for (index, value) in table.enumerated() { parameter.value[index] = Scalar(value) }
      let gradient = Tensor<Scalar>(rows: rows, columns: size)
      let input = LossInput<Scalar>(
        hidden: Tensor(rows: rows, columns: size, hidden.map { Scalar($0) }), count: rows, targets: targets,
        weight: (parameter.value, Gradient(parameter)), bias: nil, scale: 1, hiddenGradient: gradient,
        random: RandomStream(seed: 1, purpose: .negatives))
      return (
        FullSoftmax<Scalar>(items: items, rows: rows, chunk: 7).evaluate(input), gradient.values.map { Double($0) }
      )
    }
    let (single, double) = (run(Float.self), run(Double.self))
    #expect(abs(single.loss - double.loss) < 1e-6 * double.loss)
    for (one, other) in zip(single.hidden, double.hidden) { #expect(abs(one - other) < 1e-5) }
  }
}
