import Sequential
import Testing

@testable import Training

/// Every layer's backward pass against central differences.
@Suite struct LayerGradientTests {
  private let rows = 7
  private let stream = RandomStream(seed: 11, purpose: .dropout)

  init() { MatrixLibrary.useCallingThread() }

  /// The parameters of a small network, all of them random.
  private func parameters(
    size: Int = 6, heads: Int = 3, positions: SASRecConfiguration.Positions = .start
  ) -> ParameterList<Double> {
    let numbers = SASRecConfiguration(
      hiddenSize: size, blocks: 1, heads: heads, ffnSize: 5, norm: .pre, activation: .relu, layerNormEpsilon: 1e-5,
      finalNorm: true, positions: positions)
    let list = ParameterList<Double>(
      ModelConfiguration(name: "", itemCount: 9, maxLength: 8, output: .tied, architecture: .sasrec(numbers)))
    for (index, parameter) in list.parameters.enumerated() {
      parameter.value.fillNormal(deviation: 0.7, RandomStream(seed: UInt64(index), purpose: .weights))
    }
    return list
  }

  private func learnt(
    _ list: ParameterList<Double>, _ gradients: GradientSet<Double>, _ names: [String]
  ) -> [(name: String, value: Tensor<Double>, gradient: Tensor<Double>)] {
    names.map { ($0, list[$0].value, list[$0].gradient(gradients)) }
  }

  @Test func linear() {
    let list = parameters()
    let gradients = GradientSet(list.parameters)
    let layer = Linear("blocks.0.ffn.in", of: list)
    let x = Tensor<Double>.random(rows, 6, seed: 1)
    let factors = Tensor<Double>.random(rows, 5, seed: 2)
    let y = Tensor<Double>(rows: rows, columns: 5)
    let dx = Tensor<Double>(rows: rows, columns: 6)
    layer.backward(
      factors.slice(rows: rows), x: x.slice(rows: rows), into: dx.slice(rows: rows), adding: false,
      gradients: gradients)
    let check = GradientCheck(
      [("x", x, dx)] + learnt(list, gradients, ["blocks.0.ffn.in.weight", "blocks.0.ffn.in.bias"]))
    check.expectPass {
      layer.forward(x.slice(rows: rows), into: y.slice(rows: rows))
      return y.product(factors, rows: rows)
    }
  }

  @Test(arguments: [0, 0.3], [false, true])
  func residualNorm(dropout: Double, hasAddend: Bool) {
    let list = parameters()
    let gradients = GradientSet(list.parameters)
    let layer = ResidualNorm("final_norm", of: list, rows: rows, epsilon: 1e-5)
    let mask = DropoutMask(dropout, stream, part: 1)
    let x = Tensor<Double>.random(rows, 6, seed: 1)
    let z = Tensor<Double>.random(rows, 6, seed: 2)
    let (factors, direct) = (Tensor<Double>.random(rows, 6, seed: 3), Tensor<Double>.random(rows, 6, seed: 4))
    func loss() -> Double {
      let sum = x.copied()
      layer.forward(sum, addend: hasAddend ? z : nil, dropout: mask, rows: rows)
      return layer.output.product(factors, rows: rows) + sum.product(direct, rows: rows)
    }
    _ = loss()
    let (dx, dz) = (direct.copied(), Tensor<Double>(rows: rows, columns: 6))
    layer.backward(factors, x: dx, adding: true, addend: hasAddend ? dz : nil, rows: rows, gradients: gradients)
    GradientCheck(
      [("x", x, dx), ("z", z, dz)] + learnt(list, gradients, ["final_norm.weight", "final_norm.bias"])
    ).expectPass(loss)
  }

  @Test(arguments: SASRecConfiguration.Activation.allCases, [0, 0.4])
  func feedForward(activation: SASRecConfiguration.Activation, dropout: Double) {
    let list = parameters()
    let gradients = GradientSet(list.parameters)
    let layer = FeedForward("blocks.0.ffn", of: list, rows: rows, activation: activation)
    let mask = DropoutMask(dropout, stream, part: 1)
    let y = Tensor<Double>.random(rows, 6, seed: 1)
    let factors = Tensor<Double>.random(rows, 6, seed: 2)
    let z = Tensor<Double>(rows: rows, columns: 6)
    func loss() -> Double {
      layer.forward(y, into: z, dropout: mask, rows: rows)
      return z.product(factors, rows: rows)
    }
    _ = loss()
    let dy = Tensor<Double>(rows: rows, columns: 6)
    layer.backward(
      factors, y: y, into: dy, scratch: Tensor(rows: rows, columns: 5), rows: rows, gradients: gradients)
    let names = ["in.weight", "in.bias", "out.weight", "out.bias"].map { "blocks.0.ffn.\($0)" }
    GradientCheck([("y", y, dy)] + learnt(list, gradients, names)).expectPass(loss)
  }

  @Test(arguments: [SASRecConfiguration.Positions.start, .rotary], [0, 0.3])
  func itemEmbedding(positions: SASRecConfiguration.Positions, dropout: Double) {
    let list = parameters(positions: positions)
    let gradients = GradientSet(list.parameters)
    let layer = ItemEmbedding(of: list)
    #expect((layer.positions != nil) == (positions == .start))
    let mask = DropoutMask(dropout, stream, part: 1)
    // Items that come more than once, in one sequence and in several.
    var batch = PackedBatch()
    for items: [Int32] in [[3, 3, 8], [0], [8, 3, 1, 3]] { batch.append(items: items[...], targets: items[...]) }
    let factors = Tensor<Double>.random(batch.rows, 6, seed: 2)
    let x = Tensor<Double>(rows: batch.rows, columns: 6)
    layer.backward(factors.copied(), batch, dropout: mask, gradients: gradients)
    #expect(gradients[layer.items.index].touched == [3, 8, 0, 1])
    let tables = ["item_embedding.weight"] + (positions == .start ? ["position_embedding.weight"] : [])
    GradientCheck(learnt(list, gradients, tables)).expectPass {
      layer.forward(batch, dropout: mask, into: x)
      return x.product(factors, rows: batch.rows)
    }
  }

  /// The second batch has a sequence of more than one block of rows.
  @Test(arguments: [SASRecConfiguration.Positions.start, .rotary], [[4, 1, 7, 2], [3, 70]])
  func selfAttention(positions: SASRecConfiguration.Positions, lengths: [Int]) {
    for dropout in [0, 0.3] { checkAttention(positions, dropout, lengths) }
  }

  private func checkAttention(_ positions: SASRecConfiguration.Positions, _ dropout: Double, _ lengths: [Int]) {
    let list = parameters(size: 12, positions: positions)
    let gradients = GradientSet(list.parameters)
    let batch = PackedBatch.random(lengths, count: 9)
    let rows = batch.rows
    let scratch = AttentionScratch<Double>(batch.capacity, width: 12)
    let layer = SelfAttention(
      "blocks.0.attention", of: list, heads: 3,
      rotary: positions == .rotary ? RotaryPositions(length: 71, size: 4) : nil, capacity: batch.capacity,
      scratch: scratch)
    let mask = DropoutMask(dropout, stream, part: 1)
    let y = Tensor<Double>.random(rows, 12, seed: 1)
    let factors = Tensor<Double>.random(rows, 12, seed: 2)
    let z = Tensor<Double>(rows: rows, columns: 12)
    func loss() -> Double {
      layer.forward(y, into: z, dropout: mask, batch)
      return z.product(factors, rows: rows)
    }
    _ = loss()
    let dy = Tensor<Double>(rows: rows, columns: 12)
    layer.backward(factors, y: y, into: dy, batch, gradients: gradients)
    let names = ["query", "key", "value", "output"].flatMap { ["\($0).weight", "\($0).bias"] }
    GradientCheck([("y", y, dy)] + learnt(list, gradients, names.map { "blocks.0.attention.\($0)" }))
      .expectPass(loss)
  }
}
