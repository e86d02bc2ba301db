/// The members of `config.json` by key, and typed ways to ask for them.
struct ConfigurationKeys {
  /// Values of `architecture`.
  enum Kind: String, CaseIterable {
    case sasrec
    case gru
    case lstm

    /// The keys that this architecture has, beside ``ConfigurationKeys/common``.
    var keys: [String] {
      switch self {
      case .sasrec:
        [
          "hidden_size", "blocks", "heads", "ffn_size", "norm", "activation", "layer_norm_epsilon", "scale_embedding",
          "embedding_norm", "final_norm", "attention_bias", "attention_output", "ffn_bias", "positions", "rotary_base",
        ]
      case .gru: Kind.lstm.keys + ["gates"]
      case .lstm: ["layer_sizes", "input", "embedding_size", "bias", "projection_size", "projection_bias"]
      }
    }
  }

  /// Values of `input`.
  enum Input: String, CaseIterable {
    case embedding
    case oneHot = "one-hot"
  }

  /// The keys of every architecture.
  static let common = [
    "format_version", "architecture", "name", "version", "item_count", "max_length", "output", "item_bias", "padding",
  ]

  let file: String
  private let names: [String]
  private let values: [String: JSONValue]

  /// The members of the JSON object in `bytes`.
  init(bytes: [UInt8], file: String) throws(ModelFailure) {
    var scanner = JSONScanner(bytes, file: file)
    var keys = try scanner.beginObject()
    var names: [String] = []
    var values: [String: JSONValue] = [:]
    while let key = try scanner.nextKey(&keys) {
      names.append(key)
      values[key] = try scanner.value()
    }
    try scanner.finish()
    self.file = file
    self.names = names
    self.values = values
  }

  func has(_ key: String) -> Bool { values[key] != nil }

  /// Refuses the first key that `kind` does not have.
  func refuseUnknown(_ kind: Kind) throws(ModelFailure) {
    let known = Self.common + kind.keys
    for name in names where !known.contains(name) {
      let owners = Kind.allCases.filter { $0.keys.contains(name) }.map { quoted($0.rawValue) }
      if !owners.isEmpty {
        throw .misplacedKey(file: file, key: name, belongsTo: "\"architecture\": \(owners.joined(separator: " or "))")
      }
      throw .unknownKey(file: file, key: name, nearest: nearest(to: name, among: known))
    }
  }

  /// Refuses `key`, which is allowed only with `condition`.
  func refuse(_ key: String, unless condition: String) throws(ModelFailure) {
    if has(key) { throw .misplacedKey(file: file, key: key, belongsTo: condition) }
  }

  func integer(_ key: String, _ range: ClosedRange<Int>) throws(ModelFailure) -> Int {
    let expected = "an integer from \(range.lowerBound) to \(range.upperBound)"
    guard case .integer(let value) = try value(key, expected), range.contains(value) else {
      throw invalid(key, expected)
    }
    return value
  }

  func real(
    _ key: String, _ range: ClosedRange<Double>, default standard: Double? = nil
  ) throws(ModelFailure) -> Double {
    if let standard, !has(key) { return standard }
    let expected = "a number from \(range.lowerBound) to \(range.upperBound)"
    let number: Double
    switch try value(key, expected) {
    case .integer(let value): number = Double(value)
    case .real(let value): number = value
    default: throw invalid(key, expected)
    }
    guard range.contains(number) else { throw invalid(key, expected) }
    return number
  }

  func flag(_ key: String, default standard: Bool) throws(ModelFailure) -> Bool {
    guard let value = values[key] else { return standard }
    guard case .bool(let flag) = value else { throw invalid(key, "true or false") }
    return flag
  }

  func text(_ key: String, default standard: String) throws(ModelFailure) -> String {
    guard let value = values[key] else { return standard }
    guard case .string(let text) = value, (1...128).contains(text.utf8.count) else {
      throw invalid(key, "a string of 1 to 128 bytes")
    }
    return text
  }

  func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ type: Choice.Type, default standard: Choice? = nil
  ) throws(ModelFailure) -> Choice {
    if let standard, !has(key) { return standard }
    let expected = "one of " + type.allCases.map { quoted($0.rawValue) }.joined(separator: ", ")
    guard case .string(let text) = try value(key, expected), let choice = Choice(rawValue: text) else {
      throw invalid(key, expected)
    }
    return choice
  }

  func sizes(_ key: String, count: ClosedRange<Int>, _ range: ClosedRange<Int>) throws(ModelFailure) -> [Int] {
    let expected =
      "an array of \(count.lowerBound) to \(count.upperBound) integers from \(range.lowerBound) to \(range.upperBound)"
    guard case .array(let elements) = try value(key, expected), count.contains(elements.count) else {
      throw invalid(key, expected)
    }
    var sizes: [Int] = []
    for element in elements {
      guard case .integer(let size) = element, range.contains(size) else {
        throw .invalidValue(file: file, key: key, expected: expected, found: "\(element.summary) in it")
      }
      sizes.append(size)
    }
    return sizes
  }

  /// What is wrong with the value of `key`.
  func invalid(_ key: String, _ expected: String) -> ModelFailure {
    .invalidValue(file: file, key: key, expected: expected, found: values[key]?.summary ?? "nothing")
  }

  private func value(_ key: String, _ expected: String) throws(ModelFailure) -> JSONValue {
    guard let value = values[key] else { throw .missingKey(file: file, key: key, expected: expected) }
    return value
  }
}
