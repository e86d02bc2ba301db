import Demo
import Events
import Foundation
import Platform
import Sequential

/// Models of the demo's items, one of each way to serve: attention step by step, a hidden state, and a window computed anew.
enum TestModel: String, CaseIterable {
  /// The demo's own.
  case shop
  /// A GRU with random weights.
  case recurrent
  /// A SASRec with random weights whose positions count from the window's end.
  case recomputed

  /// Longest window.
  var maxLength: Int {
    switch self {
    case .shop: ShopModel.maxLength
    case .recurrent: 24
    case .recomputed: 16
    }
  }

  /// Events that a session's list keeps.
  var keep: Int { maxLength + Limits.uncommittedPerSession }

  /// Its directory, written once a test run.
  func path() throws -> String { try TestModel.folder.get().file(rawValue) }

  private static let folder = Result {
    let folder = try TemporaryFolder(prefix: "intentd-model")
    let shop = ShopModel(Shop(seed: 1))
    try ModelDirectoryWriter.write(shop.directory(), to: folder.file(TestModel.shop.rawValue))
    for model in [TestModel.recurrent, .recomputed] {
      let configuration = model.configuration
      let directory = ModelDirectory(
        configuration: configuration, weights: weights(of: configuration), vocabulary: shop.shop.vocabulary)
      try ModelDirectoryWriter.write(directory, to: folder.file(model.rawValue))
    }
    return folder
  }

  private var configuration: ModelConfiguration {
    let architecture: ModelConfiguration.Architecture =
      switch self {
      case .shop, .recomputed:
        .sasrec(
          SASRecConfiguration(
            hiddenSize: 32, blocks: 2, heads: 2, ffnSize: 32, norm: .pre, activation: .gelu, layerNormEpsilon: 1e-8,
            positions: .end))
      case .recurrent: .recurrent(RecurrentConfiguration(cell: .gru, layerSizes: [384], input: .embedding(size: 384)))
      }
    return ModelConfiguration(
      name: rawValue, itemCount: Shop.itemCount, maxLength: maxLength, output: .tied, architecture: architecture)
  }

  private static func weights(of configuration: ModelConfiguration) -> Weights {
    var numbers = Numbers(state: 3)
    var tensors: [String: Matrix] = [:]
    for tensor in configuration.tensors {
      let scale = (3 / Float(tensor.columns)).squareRoot()
      let offset: Float = tensor.name.hasSuffix("norm.weight") ? 1 : 0
      let values = (0..<tensor.rows * tensor.columns).map { _ in
        offset + scale * (Float(numbers.below(2001)) / 1000 - 1)
      }
      tensors[tensor.name] = Matrix(rows: tensor.rows, columns: tensor.columns, values)
    }
    return Weights(tensors)
  }
}
