import Events
public import Sequential

/// Training goes on from a model, on newer clicks, with new items behind its own.
///
/// A new item's weights begin as the mean of those that it stands beside in sessions, weighted by how near they are (1 / distance); where it
/// stands beside none that the model knows, as the mean of all with a little noise. Against forgetting (McCloskey & Cohen 1989) each epoch
/// replays a sample of older sessions.
public struct Continuation: Sendable {
  /// The model.
  public let model: ModelDirectory
  /// Older sessions, in rows of the new catalogue.
  public let older: SessionTable
  /// Windows of older sessions in an epoch, as a share of the new ones.
  public let olderShare: Double

  /// Items at most so far apart in a session count as beside each other.
  private static let reach = 5

  /// Continues `model`. The new catalogue must begin with the model's own, in its order.
  public init(_ model: ModelDirectory, older: SessionTable = SessionTable(), olderShare: Double = 0) {
    precondition(olderShare >= 0)
    self.model = model
    self.older = older
    self.olderShare = olderShare
  }

  /// Sets what a continuation does well with, as `make quality ARGS='--only daily'` measures: few epochs, each with more older windows than
  /// new ones, at a high and constant learning rate whose noise the average of the weights takes out.
  public static func usual(_ settings: inout TrainingSettings) {
    settings.epochs = 4
    settings.learningRate = 3e-3
    settings.schedule = .constant
    settings.averaging = 0.99
  }

  /// Windows of older sessions for each new one, unless said.
  public static let usualOlderShare = 2.5

  /// Sets what the model decides: its architecture, sizes and window.
  func adopt(into settings: inout TrainingSettings) throws(TrainingFailure) {
    let configuration = model.configuration
    guard configuration.isIncremental else {
      throw .model(
        why: "the model sees its padding or counts positions from the end; it can be served, but not trained here")
    }
    settings.maxLength = configuration.maxLength
    settings.itemBias = configuration.itemBias
    switch configuration.architecture {
    case .sasrec(let sasrec):
      settings.architecture = .sasrec
      settings.hiddenSize = sasrec.hiddenSize
      settings.blocks = sasrec.blocks
      settings.heads = sasrec.heads
      settings.ffnSize = sasrec.ffnSize
      settings.positions = sasrec.positions == .rotary ? .rotary : .start
    case .recurrent(let recurrent):
      settings.architecture = recurrent.cell == .lstm ? .lstm : .gru4rec
      settings.layerSizes = recurrent.layerSizes
      if case .embedding(let size) = recurrent.input { settings.embeddingSize = size }
    }
  }

  /// The model's form with a catalogue of `items`.
  func configuration(items: Int) -> ModelConfiguration {
    var configuration = model.configuration
    configuration.itemCount = items
    return configuration
  }

  /// A hash of the weights that it begins from.
  var fingerprint: UInt64 {
    var hash = ByteStreamHash()
    for tensor in model.configuration.tensors {
      guard let matrix = model.weights[tensor.name] else { continue }
      for row in 0..<matrix.rows {
        for column in 0..<matrix.columns { hash.add(UInt64(matrix[row, column].bitPattern)) }
      }
    }
    for item in older.items { hash.add(UInt64(UInt32(bitPattern: item))) }
    return hash.value
  }

  /// Sets the weights of `network`: the model's, and those of new items by where they stand in `sessions`.
  func initialise(_ network: any Network<Float>, sessions: SessionTable, seed: UInt64) {
    network.load(model.weights)
    let known = model.configuration.itemCount
    let neighbours = Continuation.neighbours(sessions, known: known)
    let items = network.parameters[network.output.weight].value.rows
    for (index, parameter) in network.parameters.enumerated() {
      let isBias = index == network.output.bias
      guard parameter.isTable || isBias else { continue }
      let rows = ItemRows(parameter.value, isVector: isBias)
      let mean = rows.mean((0..<known).map { (Int32($0), 1) })
      var random = RandomStream(seed: seed, purpose: .weights, step: 1, part: index)
      let noise = rows.deviation(known, mean) * 0.1
      for item in known..<max(known, items) {
        if let around = neighbours[Int32(item)] {
          rows.set(item, rows.mean(around))
        } else {
          rows.set(item, mean.map { $0 + Float(random.normal()) * noise })
        }
      }
    }
  }

  /// For each new item that stands near known ones: those, in ascending order, and their weights.
  static func neighbours(_ sessions: SessionTable, known: Int) -> [Int32: [(Int32, Float)]] {
    var sums: [Int32: [Int32: Float]] = [:]
    for index in 0..<sessions.count {
      let session = sessions[index]
      for place in session.indices where session[place] >= known {
        let range = max(session.startIndex, place - reach)..<min(session.endIndex, place + reach + 1)
        for other in range where session[other] >= 0 && session[other] < known {
          sums[session[place], default: [:]][session[other], default: 0] += 1 / Float(abs(other - place))
        }
      }
    }
    return sums.mapValues { $0.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
  }
}

/// The values that a parameter has for each item: a row of a table, or a value of a vector.
private struct ItemRows {
  let tensor: Tensor<Float>
  let isVector: Bool

  init(_ tensor: Tensor<Float>, isVector: Bool) {
    self.tensor = tensor
    self.isVector = isVector
  }

  private var columns: Int { isVector ? 1 : tensor.columns }

  /// The mean of items, each with its weight.
  func mean(_ items: [(Int32, Float)]) -> [Float] {
    var sum = [Double](repeating: 0, count: columns)
    for (item, weight) in items {
      for column in 0..<columns { sum[column] += Double(weight * tensor[Int(item) * columns + column]) }
    }
    let whole = max(items.reduce(0) { $0 + Double($1.1) }, 1e-30)
    return sum.map { Float($0 / whole) }
  }

  /// How far the values of the first `count` items are from `mean`: the root of the mean square.
  func deviation(_ count: Int, _ mean: [Float]) -> Float {
    var sum = 0.0
    for item in 0..<count {
      for column in 0..<columns {
        let difference = Double(tensor[item * columns + column] - mean[column])
        sum += difference * difference
      }
    }
    return Float((sum / Double(max(count * columns, 1))).squareRoot())
  }

  func set(_ item: Int, _ values: [Float]) {
    for column in 0..<columns { tensor[item * columns + column] = values[column] }
  }
}
