/// A YAML document as a small tree that remembers its lines.
struct YAMLNode: Sendable, Equatable {
  /// A key with its value.
  struct Entry: Sendable, Equatable {
    let key: String
    let line: Int
    let value: YAMLNode
  }

  enum Content: Sendable, Equatable {
    /// A text; `isPlain` where it stood without quotes.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    /// Entries in the order of the file; no key appears twice.
    case mapping([Entry])
  }

  let content: Content
  /// Line that it begins on, from 1.
  let line: Int

  /// True for a key that nothing follows, and for `null` and `~`.
  var isNull: Bool {
    guard case .scalar(let text, isPlain: true) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// What it is, for messages.
  var kind: String {
    switch content {
    case .scalar: "a single value"
    case .sequence: "a list"
    case .mapping: "a section"
    }
  }
}
