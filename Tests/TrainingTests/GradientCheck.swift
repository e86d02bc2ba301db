import Testing

@testable import Training

/// Gradients by hand against central differences, (f(v + h) − f(v − h)) / 2h, in double precision.
struct GradientCheck {
  private static let step = 1e-5
  private let tensors: [(name: String, value: Tensor<Double>, gradient: Tensor<Double>)]

  /// For values and the gradients that were computed of them.
  init(_ tensors: [(name: String, value: Tensor<Double>, gradient: Tensor<Double>)]) { self.tensors = tensors }

  /// For all parameters.
  init(_ parameters: [Parameter<Double>], _ gradients: GradientSet<Double>) {
    self.init(parameters.indices.map { (parameters[$0].name, parameters[$0].value, gradients[$0].value) })
  }

  /// The greatest error over all values; `loss` computes f anew. Relative to the greater of both, but at least to what f's own rounding lets
  /// be seen (the gradient of a key's bias is nothing but rounding without rotation) and 1e-2 of the tensor's greatest gradient.
  func greatestError(_ loss: () -> Double) -> (error: Double, at: String) {
    var worst = (error: 0.0, at: "nowhere")
    let rounding = 1e-3 * max(1, abs(loss()))
    for (name, value, gradient) in tensors {
      let floor = gradient.values.reduce(rounding) { max($0, 1e-2 * abs($1)) }
      for index in 0..<value.count {
        let before = value[index]
        value[index] = before + GradientCheck.step
        let above = loss()
        value[index] = before - GradientCheck.step
        let below = loss()
        value[index] = before
        let expected = (above - below) / (2 * GradientCheck.step)
        let error = abs(gradient[index] - expected) / max(abs(expected), abs(gradient[index]), floor)
        if !(error <= worst.error) { worst = (error, "\(name)[\(index)]: \(gradient[index]), not \(expected)") }
      }
    }
    return worst
  }

  /// Expects every gradient within 1e-6.
  func expectPass(_ loss: () -> Double) {
    let worst = greatestError(loss)
    #expect(worst.error <= 1e-6, "\(worst.at)")
  }
}

extension Tensor {
  /// Normal values.
  static func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Tensor {
    let tensor = Tensor(rows: rows, columns: columns)
    tensor.fillNormal(deviation: 1, RandomStream(seed: seed, purpose: .sampling))
    return tensor
  }

  /// A tensor of its own with the same values.
  func copied() -> Tensor { Tensor(rows: rows, columns: columns, values) }

  /// Σ over the first rows of a product, element by element: a loss whose gradient is `factors`.
  func product(_ factors: Tensor, rows: Int) -> Double {
    (0..<rows * columns).reduce(0) { $0 + Double(self[$1]) * Double(factors[$1]) }
  }
}

extension PackedBatch {
  /// Sequences of `lengths`, of random items of a catalogue of `count`.
  static func random(_ lengths: [Int], count: Int, seed: UInt64 = 3) -> PackedBatch {
    var random = RandomStream(seed: seed, purpose: .order)
    var batch = PackedBatch()
    for length in lengths {
      let items = (0..<length).map { _ in Int32(random.below(count)) }
      batch.append(items: items[...], targets: items.map { _ in PackedBatch.noTarget }[...])
    }
    return batch
  }

  /// What it needs, and some more.
  var capacity: BatchCapacity {
    let longest = (0..<sequences).map { Int(starts[$0 + 1] - starts[$0]) }.max() ?? 0
    return BatchCapacity(rows: rows + 3, sequences: sequences, length: longest + 1)
  }
}
