import Glibc
public import Sequential

/// A model of the demo's shop, whose weights are written down, not trained: a SASRec of one block with two heads.
///
/// An item's embedding has its category as one coordinate of 20, its traits as 24, and none in the last four, where the position
/// embedding stands. All embeddings have the same mean and length, so LayerNorm only scales them. Then:
///
///   head 0   looks at the last few items, and adds up their categories: where the visitor is
///   head 1   looks back further, and averages their traits: what the visitor wishes for
///   FFN      one unit a category: where it is, its accessories are near
///   scores   categories that agree + traits that agree + log of the item's popularity in its category (`output.bias`)
///
/// Recency comes from the position embedding: one of its coordinates grows evenly from position to position, a head's query is a
/// constant, so attention falls off exponentially with age.
public struct ShopModel: Sendable {
  /// Longest window, L: the longest session of the simulation fits.
  public static let maxLength = 64
  private static let width = 48
  private static let heads = 2
  private static let headSize = width / heads
  private static let firstTrait = 20
  private static let firstPosition = 44

  /// What the construction is free to choose; found by trying.
  private enum Choice {
    /// Length of the category's and the traits' part of an embedding, and of half a position embedding.
    static let category = 2.0
    static let trait = 0.25
    static let position = 1.0
    /// What a position more adds to the exponent of attention, in each head.
    static let recency = [0.5, 0.03]
    /// What attention adds to the scores of items of the categories that it found, and of items with the traits that it found.
    static let categoryGain = 2.5
    static let traitGain = 4.5
    /// How far a category must stand out after LayerNorm for its unit to respond, and what it then adds to the scores of accessories.
    static let threshold = 0.6
    static let accessoryGain = 2.0
  }

  /// The shop that the model knows.
  public let shop: Shop

  /// The model of `shop`.
  public init(_ shop: Shop) { self.shop = shop }

  /// Writes the model of the shop of `seed` to the directory `path`, with what ``ShopTrial`` measures of it.
  public static func write(to path: String, seed: UInt64 = 1) throws(ModelFailure) {
    let model = ShopModel(Shop(seed: seed))
    let trial = ShopTrial(of: model.shop)
    let metrics = try trial.measure(model.served()).metrics
    try ModelDirectoryWriter.write(model.directory(metrics: metrics), to: path)
  }

  /// The model as a worker uses it.
  public func served(on kernel: Kernel = .best) throws(ModelFailure) -> SequentialModel {
    let directory = try directory()
    return SequentialModel(
      directory.configuration, weights: directory.weights, vocabulary: directory.vocabulary, kernel: kernel)
  }

  /// The model as it is written, with the titles and categories of the items.
  public func directory(metrics: [ModelMetric] = []) throws(ModelFailure) -> ModelDirectory {
    ModelDirectory(
      configuration: ShopModel.configuration, weights: weights, vocabulary: shop.vocabulary,
      metadata: try ItemMetadata(bytes: metadata, count: Shop.itemCount), metrics: metrics)
  }

  /// The architecture.
  public static let configuration = ModelConfiguration(
    name: "demo-shop", itemCount: Shop.itemCount, maxLength: maxLength, output: .tied, itemBias: true,
    architecture: .sasrec(
      SASRecConfiguration(
        hiddenSize: width, blocks: 1, heads: heads, ffnSize: firstTrait, norm: .pre, activation: .relu,
        layerNormEpsilon: 1e-9, positions: .start)))

  /// `items.jsonl`.
  private var metadata: [UInt8] {
    var text = ""
    for row in 0..<Int32(Shop.itemCount) {
      // Words of the shop have nothing that JSON escapes.
      text += "{\"title\":\"\(shop.title(of: row))\",\"category\":\"\(shop.category(of: row))\"}\n"
    }
    return Array(text.utf8)
  }

  // MARK: Weights

  /// Mean and standard deviation of every embedding with its position.
  private static let mean = Choice.category / Double(width)
  private static let deviation: Double = {
    let square =
      Choice.category * Choice.category + Choice.trait * Choice.trait + 2 * Choice.position * Choice.position
    return (square / Double(width) - mean * mean).squareRoot()
  }()

  private var weights: Weights {
    var tensors: [String: Matrix] = [:]
    func add(_ name: String, _ table: Table) { tensors[name] = table.matrix }
    add("item_embedding.weight", itemEmbedding)
    add("output.bias", itemBias)
    add("position_embedding.weight", ShopModel.positionEmbedding)
    for norm in ["attention_norm", "ffn_norm"] {
      add("blocks.0.\(norm).weight", Table(1, ShopModel.width, repeating: 1))
      add("blocks.0.\(norm).bias", Table(1, ShopModel.width))
    }
    for (part, (weight, bias)) in ["query": ShopModel.query, "key": ShopModel.key, "value": ShopModel.value] {
      add("blocks.0.attention.\(part).weight", weight)
      add("blocks.0.attention.\(part).bias", bias)
    }
    add("blocks.0.attention.output.weight", ShopModel.attentionOutput)
    add("blocks.0.attention.output.bias", Table(1, ShopModel.width))
    let (ffnIn, ffnInBias) = ShopModel.ffnIn
    add("blocks.0.ffn.in.weight", ffnIn)
    add("blocks.0.ffn.in.bias", ffnInBias)
    add("blocks.0.ffn.out.weight", ffnOut)
    add("blocks.0.ffn.out.bias", Table(1, ShopModel.width))
    return Weights(tensors)
  }

  private var itemEmbedding: Table {
    var table = Table(Shop.itemCount, ShopModel.width)
    for item in 0..<Shop.itemCount {
      table[item, shop.categoryOfItem[item]] = Choice.category
      for trait in 0..<Shop.traitCount {
        table[item, ShopModel.firstTrait + trait] = Choice.trait * shop.traits[item * Shop.traitCount + trait]
      }
    }
    return table
  }

  private var itemBias: Table {
    var table = Table(1, Shop.itemCount)
    for item in 0..<Shop.itemCount { table[0, item] = log(shop.popularity[item]) }
    return table
  }

  /// (a, −a, b, −b) with a growing evenly from −1 to 1 and a² + b² = 1: no mean, always of the same length.
  private static var positionEmbedding: Table {
    var table = Table(maxLength, width)
    for position in 0..<maxLength {
      let a = 2 * Double(position) / Double(maxLength - 1) - 1
      let b = (1 - a * a).squareRoot()
      for (offset, value) in [a, -a, b, -b].enumerated() {
        table[position, firstPosition + offset] = Choice.position * value
      }
    }
    return table
  }

  /// A constant in each head, which meets the position in the key: `recency` times the position, and a constant that softmax ignores.
  private static var query: (Table, Table) {
    var bias = Table(1, width)
    let step = 2 * Choice.position / Double(maxLength - 1) / deviation
    for head in 0..<heads {
      bias[0, head * headSize] = Choice.recency[head] * Double(headSize).squareRoot() / step
    }
    return (Table(width, width), bias)
  }

  private static var key: (Table, Table) {
    var weight = Table(width, width)
    for head in 0..<heads { weight[head * headSize, firstPosition] = 1 }
    return (weight, Table(1, width))
  }

  /// Head 0 carries the category, 1 where it is; head 1 the traits, at length 1.
  private static var value: (Table, Table) {
    var (weight, bias) = (Table(width, width), Table(1, width))
    for category in 0..<firstTrait {
      weight[category, category] = deviation / Choice.category
      bias[0, category] = mean / Choice.category
    }
    for trait in 0..<Shop.traitCount {
      weight[headSize + trait, firstTrait + trait] = deviation / Choice.trait
      bias[0, headSize + trait] = mean / Choice.trait
    }
    return (weight, bias)
  }

  private static var attentionOutput: Table {
    var table = Table(width, width)
    for category in 0..<firstTrait { table[category, category] = Choice.categoryGain / Choice.category }
    for trait in 0..<Shop.traitCount {
      table[firstTrait + trait, headSize + trait] = Choice.traitGain / Choice.trait
    }
    return table
  }

  private static var ffnIn: (Table, Table) {
    var (weight, bias) = (Table(firstTrait, width), Table(1, firstTrait))
    for category in 0..<firstTrait {
      weight[category, category] = 1
      bias[0, category] = -Choice.threshold
    }
    return (weight, bias)
  }

  private var ffnOut: Table {
    var table = Table(ShopModel.width, ShopModel.firstTrait)
    for (category, accessories) in shop.accessories.enumerated() {
      for accessory in accessories { table[accessory, category] = Choice.accessoryGain / Choice.category }
    }
    return table
  }
}

/// A matrix that is being filled.
private struct Table {
  private let rows: Int
  private let columns: Int
  private var values: [Double]

  init(_ rows: Int, _ columns: Int, repeating value: Double = 0) {
    self.rows = rows
    self.columns = columns
    values = [Double](repeating: value, count: rows * columns)
  }

  subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  var matrix: Matrix { Matrix(rows: rows, columns: columns, values.map { Float($0) }) }
}
