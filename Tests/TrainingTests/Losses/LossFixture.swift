import Testing

@testable import Training

/// Hidden states, an output table and targets of small sizes, all random, to evaluate losses on.
final class LossFixture {
  let hidden: Tensor<Double>
  let weight: Parameter<Double>
  let bias: Parameter<Double>?
  var targets: [Int32]
  var candidates: [Int32] = []
  var targetCandidates = 0
  var firstTarget = 0
  var scale = 1.0
  let random = RandomStream(seed: 11, purpose: .negatives, step: 3)

  var items: Int { weight.value.rows }
  var rows: Int { hidden.rows }

  init(rows: Int, items: Int, size: Int, bias: Bool, spread: Double = 0.7, seed: UInt64 = 1) {
    var random = RandomStream(seed: seed, purpose: .sampling)
    hidden = Tensor(rows: rows, columns: size)
    weight = Parameter("weight", [items, size], isDecayed: true, isTable: true)
    self.bias = bias ? Parameter("bias", [items], isDecayed: false) : nil
    for index in 0..<hidden.count { hidden[index] = spread * random.normal() }
    for index in 0..<weight.value.count { weight.value[index] = spread * random.normal() }
    if let bias = self.bias { for index in 0..<items { bias.value[index] = spread * random.normal() } }
    targets = (0..<rows).map { _ in Int32(random.below(items)) }
  }

  /// What a loss and its gradients are here; gradients hold something before, to which those of the table are to be added.
  struct Outcome {
    var loss: Double
    var hidden: Tensor<Double>
    var weight: Gradient<Double>
    var bias: Gradient<Double>?
  }

  func evaluate(_ loss: some Loss<Double>) -> Outcome {
    let gradient = Tensor<Double>(rows: rows, columns: hidden.columns)
    for index in 0..<gradient.count { gradient[index] = 99 }
    let weightGradient = Gradient(weight)
    let biasGradient = bias.map { Gradient($0) }
    let value = loss.evaluate(
      LossInput(
        hidden: hidden, count: rows, targets: targets, candidates: candidates, targetCandidates: targetCandidates,
        firstTarget: firstTarget, weight: (weight.value, weightGradient),
        bias: bias.flatMap { bias in biasGradient.map { (bias.value, $0) } }, scale: scale, hiddenGradient: gradient,
        random: random))
    return Outcome(loss: value, hidden: gradient, weight: weightGradient, bias: biasGradient)
  }

  /// The score of `item` for `row`, by a loop.
  func score(_ row: Int, _ item: Int) -> Double {
    var sum = bias?.value[item] ?? 0
    for column in 0..<hidden.columns { sum += hidden[row, column] * weight.value[item, column] }
    return sum
  }

  /// Compares all gradients with central differences; returns the largest difference, relative to the largest gradient of that tensor.
  func checkGradients(_ loss: some Loss<Double>) -> Double {
    let outcome = evaluate(loss)
    var pairs = [(hidden, outcome.hidden), (weight.value, outcome.weight.value)]
    if let bias, let gradient = outcome.bias { pairs.append((bias.value, gradient.value)) }
    var worst = 0.0
    for (values, gradient) in pairs {
      let largest = max(gradient.values.map(abs).max() ?? 0, 1e-3 * scale)
      for index in 0..<values.count {
        let before = values[index]
        values[index] = before + 1e-5
        let above = evaluate(loss).loss
        values[index] = before - 1e-5
        let below = evaluate(loss).loss
        values[index] = before
        worst = max(worst, abs((above - below) / 2e-5 * scale - gradient[index]) / largest)
      }
    }
    return worst
  }

  /// Rows of the table that have a gradient are all marked as touched.
  func marksWhatItTouches(_ outcome: Outcome) -> Bool {
    guard !outcome.weight.isDense else { return true }
    let touched = Set(outcome.weight.touched)
    return (0..<items).allSatisfy { row in
      touched.contains(Int32(row)) || (0..<hidden.columns).allSatisfy { outcome.weight.value[row, $0] == 0 }
    }
  }
}
