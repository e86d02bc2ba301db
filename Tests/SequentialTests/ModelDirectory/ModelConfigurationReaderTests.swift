import Testing

@testable import Sequential

@Suite("config.json")
struct ModelConfigurationReaderTests {
  private static let sasrec = [
    "format_version": "1", "architecture": "\"sasrec\"", "item_count": "40", "max_length": "8", "output": "\"tied\"",
    "hidden_size": "48", "blocks": "2", "heads": "2", "ffn_size": "20", "norm": "\"pre\"", "activation": "\"relu\"",
    "layer_norm_epsilon": "1e-5", "positions": "\"start\"",
  ]
  private static let gru = [
    "format_version": "1", "architecture": "\"gru\"", "item_count": "40", "max_length": "8", "output": "\"untied\"",
    "layer_sizes": "[16, 20]", "input": "\"embedding\"", "embedding_size": "12",
  ]

  private func parse(_ members: [String: String]) throws(ModelFailure) -> ModelConfiguration {
    let text = members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
    return try ModelConfigurationReader.parse(bytes: Array("{\(text)}".utf8), directory: "shop")
  }

  private func failure(_ base: [String: String], _ changes: [String: String?]) -> ModelFailure? {
    var members = base
    for (key, value) in changes { members[key] = value }
    do throws(ModelFailure) {
      _ = try parse(members)
      return nil
    } catch { return error }
  }

  @Test("defaults are those of the documentation")
  func defaults() throws {
    #expect(
      try parse(Self.sasrec)
        == ModelConfiguration(
          name: "shop", itemCount: 40, maxLength: 8, output: .tied,
          architecture: .sasrec(
            SASRecConfiguration(
              hiddenSize: 48, blocks: 2, heads: 2, ffnSize: 20, norm: .pre, activation: .relu,
              layerNormEpsilon: 1e-5, positions: .start))))
    #expect(
      try parse(Self.gru)
        == ModelConfiguration(
          name: "shop", itemCount: 40, maxLength: 8, output: .untied,
          architecture: .recurrent(
            RecurrentConfiguration(cell: .gru, layerSizes: [16, 20], input: .embedding(size: 12)))))
  }

  @Test("every random configuration survives being written and read", arguments: RandomModel.Family.allCases)
  func roundTrip(family: RandomModel.Family) throws {
    for seed in 0..<500 {
      var random = SplitMix64(seed: UInt64(seed))
      var configuration = family == .sasrec ? RandomModel.sasrec(&random) : RandomModel.recurrent(&random)
      configuration.name = "a \"name\"\\\u{1}\n😀"
      configuration.version = "2026-01-01"
      #expect(try ModelConfigurationReader.parse(bytes: Array(configuration.json.utf8)) == configuration)
    }
  }

  @Test("a missing key is named", arguments: sasrec.keys.sorted())
  func missing(key: String) throws {
    guard case .missingKey("config.json", key, _) = try #require(failure(Self.sasrec, [key: nil as String?])) else {
      Issue.record("no missing key")
      return
    }
  }

  @Test("an unknown key is refused with the nearest known one")
  func unknown() {
    #expect(
      failure(Self.sasrec, ["hiden_size": "64"])
        == .unknownKey(file: "config.json", key: "hiden_size", nearest: "hidden_size"))
    #expect(failure(Self.sasrec, ["zzz": "1"]) == .unknownKey(file: "config.json", key: "zzz", nearest: nil))
    #expect(failure(Self.sasrec, [String(repeating: "x", count: 100_000): "1"]) != nil)
    #expect(
      ModelFailure.unknownKey(file: "m/config.json", key: "head", nearest: "heads").description
        == "m/config.json: unknown key \"head\". Did you mean \"heads\"?")
  }

  @Test("a key of another architecture, or without its companion, is refused")
  func misplaced() {
    func misplaced(_ key: String, _ belongsTo: String) -> ModelFailure {
      .misplacedKey(file: "config.json", key: key, belongsTo: belongsTo)
    }
    #expect(
      failure(Self.sasrec, ["layer_sizes": "[1]"]) == misplaced("layer_sizes", #""architecture": "gru" or "lstm""#))
    #expect(failure(Self.gru, ["heads": "1"]) == misplaced("heads", #""architecture": "sasrec""#))
    #expect(
      failure(Self.gru, ["architecture": "\"lstm\"", "gates": "\"pytorch\""])
        == misplaced("gates", #""architecture": "gru""#))
    #expect(failure(Self.sasrec, ["rotary_base": "100"]) == misplaced("rotary_base", #""positions": "rotary""#))
    #expect(
      failure(Self.gru, ["input": "\"one-hot\""]) == misplaced("embedding_size", #""input": "embedding""#))
    #expect(failure(Self.gru, ["projection_bias": "true"]) == misplaced("projection_bias", #""projection_size""#))
  }

  @Test(
    "values out of range, of the wrong type or against another key are refused",
    arguments: [
      ("format_version", "2"), ("format_version", "\"1\""), ("architecture", "\"bert\""), ("architecture", "null"),
      ("item_count", "0"), ("item_count", "100000001"), ("item_count", "4.0"), ("item_count", "1e3"),
      ("max_length", "1"), ("max_length", "4097"), ("output", "\"Tied\""), ("item_bias", "1"), ("name", "\"\""),
      ("name", "\"\(String(repeating: "x", count: 129))\""), ("version", "1"), ("padding", "\"left\""),
      ("hidden_size", "15"), ("hidden_size", "513"), ("heads", "5"), ("heads", "0"), ("heads", "16"), ("blocks", "9"),
      ("ffn_size", "0"), ("ffn_size", "4097"), ("norm", "\"none\""), ("activation", "\"tanh\""),
      ("layer_norm_epsilon", "0"), ("layer_norm_epsilon", "1e-13"), ("layer_norm_epsilon", "\"1e-5\""),
      ("scale_embedding", "\"true\""), ("positions", "true"), ("padding", "\"attended\""),
      ("padding", "\"attended-zeroed\""), ("padding", "\"recurrent-prefix\""), ("hidden_size", "99999999999999999999"),
    ])
  func invalid(key: String, value: String) throws {
    let error = try #require(failure(Self.sasrec, [key: value]))
    guard case .invalidValue("config.json", key, _, _) = error else {
      Issue.record("\(error)")
      return
    }
  }

  @Test(
    "recurrent values too",
    arguments: [
      ("layer_sizes", "[]"), ("layer_sizes", "[0]"), ("layer_sizes", "[1025]"), ("layer_sizes", "[1,1,1,1,1]"),
      ("layer_sizes", "16"), ("layer_sizes", "[\"16\"]"), ("embedding_size", "0"), ("embedding_size", "1025"),
      ("input", "\"onehot\""), ("gates", "\"cudnn\""), ("bias", "0"), ("projection_size", "0"),
      ("padding", "\"attended\""), ("padding", "\"attended-zeroed\""), ("output", "\"tied\""),
    ])
  func invalidRecurrent(key: String, value: String) throws {
    let error = try #require(failure(Self.gru, [key: value]))
    guard case .invalidValue("config.json", key, _, _) = error else {
      Issue.record("\(error)")
      return
    }
  }

  @Test("combinations that go together are accepted")
  func combinations() {
    #expect(failure(Self.gru, ["output": "\"tied\"", "embedding_size": "20"]) == nil)
    #expect(failure(Self.gru, ["output": "\"tied\"", "projection_size": "12"]) == nil)
    #expect(failure(Self.gru, ["input": "\"one-hot\"", "embedding_size": nil as String?]) == nil)
    #expect(failure(Self.gru, ["architecture": "\"lstm\"", "padding": "\"recurrent-prefix\""]) == nil)
    #expect(failure(Self.sasrec, ["positions": "\"end\"", "padding": "\"attended\""]) == nil)
    #expect(failure(Self.sasrec, ["positions": "\"none\"", "padding": "\"attended-zeroed\""]) == nil)
    #expect(failure(Self.sasrec, ["positions": "\"rotary\"", "rotary_base": "1000"]) == nil)
    #expect(failure(Self.sasrec, ["layer_norm_epsilon": "1e-12"]) == nil)
  }

  @Test("tied one-hot and odd rotary heads are refused")
  func crossRules() throws {
    let oneHot = ["input": "\"one-hot\"", "embedding_size": nil, "output": "\"tied\""]
    guard case .invalidValue(_, "output", _, _) = failure(Self.gru, oneHot) else {
      Issue.record("tied one-hot")
      return
    }
    let rotary: [String: String?] = ["positions": "\"rotary\"", "hidden_size": "18", "heads": "6"]
    guard case .invalidValue(_, "heads", _, _) = failure(Self.sasrec, rotary) else {
      Issue.record("odd rotary")
      return
    }
  }

  @Test("duplicates, and files that are too long, are refused")
  func duplicates() {
    let text = #"{"format_version":1,"format_version":1}"#
    #expect(
      throws: ModelFailure.duplicateKey(file: "config.json", place: "line 1, column 21", key: "format_version")
    ) { try ModelConfigurationReader.parse(bytes: Array(text.utf8)) }
    #expect(throws: ModelFailure.self) {
      try ModelConfigurationReader.parse(bytes: [UInt8](repeating: 0x20, count: 2 << 20))
    }
  }
}
