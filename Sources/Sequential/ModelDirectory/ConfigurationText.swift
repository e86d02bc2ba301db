extension ModelConfiguration {
  /// `config.json`: every key that this configuration has, in the order of `docs/model-directory.md`.
  public var json: String {
    var members: [(key: String, value: String)] = [("format_version", "1")]
    func add(_ key: String, _ value: String) { members.append((key, value)) }
    switch architecture {
    case .sasrec: add("architecture", "\"sasrec\"")
    case .recurrent(let recurrent): add("architecture", jsonText(recurrent.cell.rawValue))
    }
    add("name", jsonText(name))
    add("version", jsonText(version))
    add("item_count", "\(itemCount)")
    add("max_length", "\(maxLength)")
    add("output", jsonText(output.rawValue))
    add("item_bias", "\(itemBias)")
    add("padding", jsonText(padding.rawValue))
    switch architecture {
    case .sasrec(let sasrec): members += sasrec.members
    case .recurrent(let recurrent): members += recurrent.members
    }
    return jsonObject(members)
  }
}

extension SASRecConfiguration {
  fileprivate var members: [(key: String, value: String)] {
    var members = [
      ("hidden_size", "\(hiddenSize)"), ("blocks", "\(blocks)"), ("heads", "\(heads)"), ("ffn_size", "\(ffnSize)"),
      ("norm", jsonText(norm.rawValue)), ("activation", jsonText(activation.rawValue)),
      ("layer_norm_epsilon", "\(layerNormEpsilon)"), ("scale_embedding", "\(scaleEmbedding)"),
      ("embedding_norm", "\(embeddingNorm)"), ("final_norm", "\(finalNorm)"), ("attention_bias", "\(attentionBias)"),
      ("attention_output", "\(attentionOutput)"), ("ffn_bias", "\(ffnBias)"),
      ("positions", jsonText(positions.rawValue)),
    ]
    if positions == .rotary { members.append(("rotary_base", "\(rotaryBase)")) }
    return members.map { (key: $0.0, value: $0.1) }
  }
}

extension RecurrentConfiguration {
  fileprivate var members: [(key: String, value: String)] {
    var members: [(key: String, value: String)] = [("layer_sizes", "\(layerSizes)")]
    switch input {
    case .embedding(let size):
      members += [("input", "\"embedding\""), ("embedding_size", "\(size)")]
    case .oneHot: members += [("input", "\"one-hot\"")]
    }
    if cell == .gru { members += [("gates", jsonText(gates.rawValue))] }
    members += [("bias", "\(bias)")]
    if let projection {
      members += [("projection_size", "\(projection.size)"), ("projection_bias", "\(projection.bias)")]
    }
    return members
  }
}

/// A JSON object, one member a line; the values are JSON already.
func jsonObject(_ members: [(key: String, value: String)]) -> String {
  guard !members.isEmpty else { return "{}\n" }
  let lines = members.map { "  \(jsonText($0.key)): \($0.value)" }
  return "{\n\(lines.joined(separator: ",\n"))\n}\n"
}

/// `text` as a JSON string.
func jsonText(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case "\0"..<" ":
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
