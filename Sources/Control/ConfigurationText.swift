extension Configuration: CustomStringConvertible {
  /// The configuration as YAML, every key that has a value, secrets masked.
  public var description: String { ConfigurationText.yaml(self, place: nil) }

  /// The page `docs/configuration.md`.
  public static var reference: String {
    var text = """
      # Configuration

      `intentd --config FILE` reads YAML: sections, keys, single values, lists (or their items with commas between). A key that is not listed here is an error, and so is a value of
      another kind; every message names file, line and key. Anchors, aliases and tags are not allowed. An
      [example](../deploy/intentd.yaml) shows the usual keys.

      A variable of the environment overrides the file: `INTENTD_`, section and key in capitals, underscores between them. A property of librdkafka
      is written with underscores for its dots: `INTENTD_KAFKA_PROPERTIES_SASL_PASSWORD` is `sasl.password`. The options of the command line (`--model`,
      `--workers`, `--log-level`, `--log-format`) override both.

      A variable whose name ends with `_FILE` names a file that holds the value, as Docker and Kubernetes hand secrets over:
      `INTENTD_REDIS_PASSWORD_FILE=/run/secrets/redis`. One line end at its end does not count. To give a value both ways is an error. Passwords and other
      secrets are masked wherever the configuration is printed, and never logged.

      `intentd config check` prints the configuration as serving would take it, every key with the place that its value came from, or says what is
      wrong with it; it asks no server, and ends with status 0 or 1.

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
        case .dependent(let text, _): text
        case .nothing: "none"
        case .error(embedded: true): "must be given"
        case .error(embedded: false): "must be given, except with `--embedded`"
        }
      let variable = setting.isMap ? "`\(setting.variable)_…`" : "`\(setting.variable)`"
      text += "| `\(key)` | \(setting.kind) | \(fallback) | \(setting.help) | \(variable) |\n"
    }
    return text
  }
}

/// A configuration as YAML that reads back.
enum ConfigurationText {
  /// Every key with its value. With `place`, each line says where it came from, and keys without a value are told too.
  static func yaml(_ configuration: Configuration, place: ((String) -> String)?) -> String {
    var text = ""
    var section = ""
    for setting in Setting.all {
      let values = setting.read(configuration)
      if values.isEmpty && place == nil { continue }
      if setting.section != section {
        section = setting.section
        text += "\(section):\n"
      }
      let indent = section.isEmpty ? "" : "  "
      let key = section.isEmpty ? setting.name : String(setting.name.dropFirst(section.count + 1))
      func comment(_ name: String) -> String { place.map { "  # \($0(name))" } ?? "" }
      if values.isEmpty {
        text += "\(indent)# \(key): not set\n"
      } else {
        switch setting.shape {
        case .single: text += "\(indent)\(key): \(quoted(values[0].text))\(comment(setting.name))\n"
        case .list:
          let items = values.map { quoted($0.text) }.joined(separator: ", ")
          text += "\(indent)\(key): [\(items)]\(comment(setting.name))\n"
        case .map:
          text += "\(indent)\(key):\n"
          for value in values {
            let name = "\(setting.name).\(value.key)"
            text += "\(indent)  \(quoted(value.key)): \(quoted(value.text))\(comment(name))\n"
          }
        }
      }
    }
    return text
  }

  /// A value as YAML reads it back: in double quotes where it could be taken for something else.
  static func quoted(_ text: String) -> String {
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
