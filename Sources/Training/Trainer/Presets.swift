/// Settings for people who don't want to tune: how much work goes into a model.
public enum Preset: String, Codable, Sendable, CaseIterable {
  /// A small model and few epochs: a first look.
  case fast
  /// A model of the usual size.
  case good
  /// The usual size, trained longer with more dropout.
  case best
}

/// What presets go by.
public struct DataShape: Sendable, Equatable {
  /// Items of the catalogue.
  public var items: Int
  /// Length of a session that 95 of 100 don't exceed.
  public var usualLength: Int

  /// The shape of data.
  public init(items: Int, usualLength: Int) {
    self.items = items
    self.usualLength = usualLength
  }
}

extension TrainingData {
  /// What presets go by.
  public var shape: DataShape {
    let lengths = (0..<sessions.count).map { sessions[$0].count }.sorted()
    return DataShape(items: itemCount, usualLength: lengths[min(lengths.count - 1, lengths.count * 95 / 100)])
  }
}

extension TrainingSettings {
  /// Most items whose softmax is computed in full; above, negatives are sampled.
  static let mostSoftmaxItems = 100_000

  /// Longest windows that presets choose from.
  static let usualLengths = [20, 50, 100, 200]

  /// Sessions are long histories where their usual length is above this: many targets a window, so that little dropout and small batches do.
  static let shortSessions = 50

  /// Moves the weights by `optimisation`, with the learning rate and decay that are usual with it: Adagrad's steps shrink with the squares that
  /// it adds up, so that it takes larger ones, and decay is AdamW's alone.
  public mutating func use(_ optimisation: Optimisation) {
    guard optimisation != self.optimisation else { return }
    self.optimisation = optimisation
    let usual = TrainingSettings()
    (learningRate, weightDecay) =
      switch optimisation {
      case .adamw: (usual.learningRate, usual.weightDecay)
      case .adagrad: (0.05, 0)
      }
  }

  /// The settings of `preset` for an architecture and data of this shape; `docs/training.md` has the measurements behind them.
  public init(_ preset: Preset, _ architecture: Architecture, _ data: DataShape) {
    self.init()
    self.architecture = architecture
    maxLength =
      TrainingSettings.usualLengths.first { $0 >= data.usualLength } ?? TrainingSettings.usualLengths.last ?? 50
    if data.items > TrainingSettings.mostSoftmaxItems {
      objective = .sampledSoftmax
      negatives = 1024
    }
    switch preset {
    case .fast:
      hiddenSize = 64
      (blocks, heads, epochs, patience) = (1, 1, 10, 2)
      (learningRate, dropout) = (2e-3, 0.2)
    case .good:
      hiddenSize = 128
      (blocks, heads, epochs, patience) = (2, 2, 20, 3)
      (learningRate, dropout, averaging) = (1e-3, 0.4, 0.999)
    case .best:
      hiddenSize = 128
      (blocks, heads, epochs, patience) = (2, 2, 30, 5)
      (learningRate, dropout, averaging) = (1e-3, 0.5, 0.999)
    }
    if data.usualLength > TrainingSettings.shortSessions {
      (hiddenSize, dropout, batchSize) = (64, 0.2, 32)
    }
    ffnSize = 4 * hiddenSize
    layerSizes = [hiddenSize]
    embeddingSize = hiddenSize
  }
}
