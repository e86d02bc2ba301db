extension Configuration: CustomStringConvertible {
  /// The configuration as YAML, every key with its value, secrets masked.
  public var description: String {
    var text = ""
    var section = ""
    for setting in Setting.all {
      let values = setting.read(self)
      guard !values.isEmpty else { continue }
      if setting.section != section {
        section = setting.section
        text += "\(section):\n"
      }
      let indent = section.isEmpty ? "" : "  "
      let key = section.isEmpty ? setting.name : String(setting.name.dropFirst(section.count + 1))
      if setting.isMap {
        text += "\(indent)\(key):\n"
        for value in values { text += "\(indent)  \(value.key): \(Self.quoted(value.text))\n" }
      } else {
        text += "\(indent)\(key): \(Self.quoted(values[0].text))\n"
      }
    }
    return text
  }

  /// The page `docs/configuration.md`.
  public static var reference: String {
    var text = """
      # Configuration

      `intentd --config FILE` reads YAML: sections, keys, single values. A key that is not listed here is an error, and so is a value of
      another kind; every message names file, line and key. Anchors, aliases and tags are not allowed. An
      [example](../deploy/intentd.yaml) shows the usual keys.

      A variable of the environment overrides the file: `INTENTD_`, section and key in capitals, underscores between them. A property of librdkafka
      is written with underscores for its dots: `INTENTD_KAFKA_PROPERTIES_SASL_PASSWORD` is `sasl.password`. `--model` overrides both. Passwords and
      other secrets are masked wherever the configuration is printed.

      Durations are `250ms`, `2s`, `5m`, `24h`, `7d`; sizes are `64KiB`, `100MB`, `1GiB`.

      """
    var section: String?
    for setting in Setting.all {
      if setting.section != section {
        section = setting.section
        text += "\n## \(setting.section.isEmpty ? "At the top" : "`\(setting.section)`")\n\n"
        text += "| key | value | default | meaning | environment |\n|---|---|---|---|---|\n"
      }
      let key = setting.section.isEmpty ? setting.name : String(setting.name.dropFirst(setting.section.count + 1))
      let fallback =
        switch setting.absence {
        case .value(let value): "`\(value)`"
        case .nothing: "none"
        case .error(embedded: true): "must be given"
        case .error(embedded: false): "must be given, except with `--embedded`"
        }
      let variable = setting.isMap ? "`\(setting.variable)_…`" : "`\(setting.variable)`"
      text += "| `\(key)` | \(setting.kind) | \(fallback) | \(setting.help) | \(variable) |\n"
    }
    return text
  }

  /// A value as YAML reads it back: in double quotes where it could be taken for something else.
  private static func quoted(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"): true
      default: Array("._-/".utf8).contains(byte)
      }
    }
    if isPlain, let first = text.first, first.isLetter || first.isNumber || first == "/", text.lowercased() != "null" {
      return text
    }
    return JSONText.quoted(text)
  }
}
