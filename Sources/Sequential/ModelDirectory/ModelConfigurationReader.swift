/// Reads `config.json`, strictly: every key is known, allowed beside the others, of its type and in its range.
public enum ModelConfigurationReader {
  /// Longest `config.json` that is read, in bytes.
  public static let maximumBytes = 1 << 20

  /// The configuration in `bytes`. `file` is what messages call it, `directory` the default of `name`.
  public static func parse(
    bytes: [UInt8], file: String = "config.json", directory: String = "model"
  ) throws(ModelFailure) -> ModelConfiguration {
    guard bytes.count <= maximumBytes else {
      throw .unreadable(file: file, expected: "at most \(maximumBytes) bytes", found: "\(bytes.count)")
    }
    let keys = try ConfigurationKeys(bytes: bytes, file: file)
    let version = try keys.integer("format_version", 1...1_000_000)
    guard version == 1 else {
      throw .invalidValue(file: file, key: "format_version", expected: "1", found: "\(version)")
    }
    let kind = try keys.choice("architecture", ConfigurationKeys.Kind.self)
    try keys.refuseUnknown(kind)
    let architecture: ModelConfiguration.Architecture =
      switch kind {
      case .sasrec: .sasrec(try sasrec(keys))
      case .gru: .recurrent(try recurrent(keys, .gru))
      case .lstm: .recurrent(try recurrent(keys, .lstm))
      }
    let configuration = ModelConfiguration(
      name: try keys.text("name", default: directory), version: try keys.text("version", default: "1"),
      itemCount: try keys.integer("item_count", 1...100_000_000), maxLength: try keys.integer("max_length", 2...4096),
      output: try keys.choice("output", ModelConfiguration.Output.self),
      itemBias: try keys.flag("item_bias", default: false),
      padding: try keys.choice("padding", ModelConfiguration.Padding.self, default: ModelConfiguration.Padding.none),
      architecture: architecture)
    try checkPadding(configuration, file)
    try checkTying(configuration, file)
    return configuration
  }

  private static func sasrec(_ keys: ConfigurationKeys) throws(ModelFailure) -> SASRecConfiguration {
    let hiddenSize = try keys.integer("hidden_size", 16...512)
    let heads = try keys.integer("heads", 1...8)
    guard hiddenSize % heads == 0 else {
      throw keys.invalid("heads", "a divisor of hidden_size \(hiddenSize)")
    }
    let positions = try keys.choice("positions", SASRecConfiguration.Positions.self)
    if positions != .rotary { try keys.refuse("rotary_base", unless: "\"positions\": \"rotary\"") }
    guard positions != .rotary || hiddenSize / heads % 2 == 0 else {
      throw keys.invalid("heads", "an even hidden_size / heads with positions \"rotary\"")
    }
    return SASRecConfiguration(
      hiddenSize: hiddenSize, blocks: try keys.integer("blocks", 1...8), heads: heads,
      ffnSize: try keys.integer("ffn_size", 1...4096),
      norm: try keys.choice("norm", SASRecConfiguration.Norm.self),
      activation: try keys.choice("activation", SASRecConfiguration.Activation.self),
      layerNormEpsilon: try keys.real("layer_norm_epsilon", 1e-12...1e-1),
      scaleEmbedding: try keys.flag("scale_embedding", default: false),
      embeddingNorm: try keys.flag("embedding_norm", default: false),
      finalNorm: try keys.flag("final_norm", default: false),
      attentionBias: try keys.flag("attention_bias", default: true),
      attentionOutput: try keys.flag("attention_output", default: true),
      ffnBias: try keys.flag("ffn_bias", default: true), positions: positions,
      rotaryBase: try keys.real("rotary_base", 1...1e9, default: 10000))
  }

  private static func recurrent(
    _ keys: ConfigurationKeys, _ cell: RecurrentConfiguration.Cell
  ) throws(ModelFailure) -> RecurrentConfiguration {
    let input: RecurrentConfiguration.Input
    switch try keys.choice("input", ConfigurationKeys.Input.self) {
    case .embedding: input = .embedding(size: try keys.integer("embedding_size", 1...1024))
    case .oneHot:
      try keys.refuse("embedding_size", unless: "\"input\": \"embedding\"")
      input = .oneHot
    }
    if cell != .gru { try keys.refuse("gates", unless: "\"architecture\": \"gru\"") }
    var projection: RecurrentConfiguration.Projection?
    if keys.has("projection_size") {
      projection = RecurrentConfiguration.Projection(
        size: try keys.integer("projection_size", 1...1024), bias: try keys.flag("projection_bias", default: true))
    } else {
      try keys.refuse("projection_bias", unless: "\"projection_size\"")
    }
    return RecurrentConfiguration(
      cell: cell, layerSizes: try keys.sizes("layer_sizes", count: 1...4, 1...1024), input: input,
      gates: try keys.choice("gates", RecurrentConfiguration.Gates.self, default: .pytorch),
      bias: try keys.flag("bias", default: true), projection: projection)
  }

  private static func checkPadding(_ configuration: ModelConfiguration, _ file: String) throws(ModelFailure) {
    let expected: String
    switch (configuration.architecture, configuration.padding) {
    case (_, .none), (.recurrent, .recurrentPrefix): return
    case (.sasrec(let sasrec), .attended), (.sasrec(let sasrec), .attendedZeroed):
      if sasrec.positions == .end || sasrec.positions == .none { return }
      expected = "\"none\" with positions \"\(sasrec.positions.rawValue)\" (padding goes with \"end\" and \"none\")"
    case (.sasrec, .recurrentPrefix): expected = "\"none\", \"attended\" or \"attended-zeroed\" for sasrec"
    case (.recurrent, .attended), (.recurrent, .attendedZeroed):
      expected = "\"none\" or \"recurrent-prefix\" for gru and lstm"
    }
    throw .invalidValue(
      file: file, key: "padding", expected: expected, found: quoted(configuration.padding.rawValue))
  }

  private static func checkTying(_ configuration: ModelConfiguration, _ file: String) throws(ModelFailure) {
    guard configuration.output == .tied, case .recurrent(let recurrent) = configuration.architecture else { return }
    let expected: String
    switch recurrent.input {
    case .oneHot: expected = "\"untied\" with input \"one-hot\", which has no item embedding"
    case .embedding(configuration.outputSize): return
    case .embedding(let size):
      expected =
        "\"untied\", or an embedding_size equal to the size that is scored (\(size) and \(configuration.outputSize) here)"
    }
    throw .invalidValue(file: file, key: "output", expected: expected, found: "\"tied\"")
  }
}
