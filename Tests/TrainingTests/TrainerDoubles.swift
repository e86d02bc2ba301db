import Events

@testable import Training

/// A network that is as plain as can be: what a row's item says of the next one, hidden = input[item], scored against a table of its own.
final class BigramNetwork: Network {
  let parameters: [Parameter<Float>]
  let output = OutputTable(weight: 1, bias: nil)
  let outputSize: Int

  init(items: Int, size: Int, seed: UInt64) {
    outputSize = size
    parameters = ["input.weight", "output.weight"].map {
      Parameter($0, [items, size], isDecayed: true, isTable: true)
    }
    var random = RandomStream(seed: seed, purpose: .weights)
    for parameter in parameters {
      for index in 0..<parameter.value.count { parameter.value[index] = Float(random.normal() * 0.1) }
    }
  }

  func makePass(_ capacity: BatchCapacity) -> BigramPass { BigramPass(self, capacity) }
  func passBytes(_ capacity: BatchCapacity) -> Int { capacity.rows * outputSize * 4 }
}

final class BigramPass: NetworkPass {
  private let input: Tensor<Float>
  private let hidden: Tensor<Float>

  init(_ network: BigramNetwork, _ capacity: BatchCapacity) {
    input = network.parameters[0].value
    hidden = Tensor(rows: capacity.rows, columns: network.outputSize)
  }

  func forward(_ batch: PackedBatch, dropout: RandomStream?) -> Tensor<Float> {
    for row in 0..<batch.rows {
      for column in 0..<input.columns { hidden[row, column] = input[Int(batch.items[row]), column] }
    }
    return hidden
  }

  func backward(_ hiddenGradient: Tensor<Float>, _ batch: PackedBatch, into gradients: GradientSet<Float>) {
    for row in 0..<batch.rows {
      let item = Int(batch.items[row])
      gradients[0].touch(item)
      for column in 0..<input.columns {
        gradients[0].value[item, column] = gradients[0].value[item, column] + hiddenGradient[row, column]
      }
    }
  }
}

/// A loss that is wrong from some evaluation on.
final class SpoilingLoss: Loss {
  private let loss: FullSoftmax<Float>
  private var left: Int
  private let value: Double

  init(_ loss: FullSoftmax<Float>, after evaluations: Int, value: Double) {
    self.loss = loss
    left = evaluations
    self.value = value
  }

  func evaluate(_ input: LossInput<Float>) -> Double {
    left -= 1
    let sum = loss.evaluate(input)
    return left < 0 ? value : sum
  }
}

enum TrainerFixture {
  /// Parts around a ``BigramNetwork``.
  static func parts(items: Int, seed: UInt64 = 1, spoilAfter: Int? = nil, by value: Double = .nan) -> TrainingParts {
    let network = BigramNetwork(items: items, size: 16, seed: seed)
    return TrainingParts(
      network: network, optimiser: AdamW(network.parameters, weightDecay: 0.01),
      makeLoss: { rows in
        let loss = FullSoftmax<Float>(items: items, rows: rows)
        return spoilAfter.map { SpoilingLoss(loss, after: $0, value: value) } ?? loss
      }, lossBytes: { FullSoftmax<Float>.bytes(items: items, rows: $0) }, drawShared: { _, _ in })
  }

  /// Sessions that walk through `items` items in steps that depend on where they are, so that the next item is certain.
  static func certain(sessions: Int, items: Int, length: ClosedRange<Int> = 2...9) -> SessionTable {
    var random = RandomStream(seed: 3, purpose: .sampling)
    var table = SessionTable()
    for _ in 0..<sessions {
      var item = random.below(items)
      table.append(
        (0..<length.lowerBound + random.below(length.count)).map { _ in
          item = (item * 3 + 1) % items
          return ItemIndex(item)
        })
    }
    return table
  }

  /// Sessions of random items, some unknown.
  static func random(sessions: Int, items: Int, longest: Int, unknown: Double = 0.1) -> SessionTable {
    var random = RandomStream(seed: 4, purpose: .sampling)
    var table = SessionTable()
    for _ in 0..<sessions {
      table.append(
        (0..<1 + random.below(longest)).map { _ in
          random.uniform() < unknown ? ItemIndex.unknown : ItemIndex(random.below(items))
        })
    }
    return table
  }

  static func settings(_ change: (inout TrainingSettings) -> Void = { _ in }) -> TrainingSettings {
    var settings = TrainingSettings()
    settings.maxLength = 6
    settings.batchSize = 16
    settings.epochs = 30
    settings.patience = 0
    settings.learningRate = 0.02
    settings.dropout = 0
    settings.clipNorm = 5
    change(&settings)
    return settings
  }

  /// The same for a small SASRec with dropout, which a test can train in no time.
  static func small(_ change: (inout TrainingSettings) -> Void = { _ in }) -> TrainingSettings {
    settings {
      ($0.hiddenSize, $0.ffnSize, $0.blocks) = (16, 32, 1)
      ($0.dropout, $0.epochs) = (0.1, 4)
      change(&$0)
    }
  }
}
