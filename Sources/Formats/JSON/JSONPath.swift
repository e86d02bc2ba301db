/// A path to a field of a JSON record: `$.a.b`, `a.b`, `$.items[0].id`, `$['a key.with dots']`,
/// `$.params[?@.key=='session'].value`; or an attribute of its CloudEvents envelope: `ce:subject`.
public struct JSONPath: Sendable, Hashable {
  /// A step down.
  public enum Step: Sendable, Hashable {
    /// Into an object.
    case key(String)
    /// Into an array, from 0.
    case index(Int)
    /// Into the entry of an array that has this text under the key.
    case entry(key: String, text: String)
  }

  /// The steps from the record's root; at least one. For an attribute, its name alone.
  public let steps: [Step]
  /// True for an attribute of the envelope.
  public let isAttribute: Bool

  /// The path that `text` describes; a failure says what is wrong with it.
  public init(_ text: String) throws(FormatsFailure) {
    if text.hasPrefix("ce:") {
      // CloudEvents' own rule for names, so that a header can be compared byte by byte.
      let name = text.dropFirst(3)
      guard !name.isEmpty, name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) }) else {
        throw .invalidMapping(text: text, why: "an attribute has lower-case letters and digits, such as ce:subject")
      }
      (steps, isAttribute) = ([.key(String(name))], true)
      return
    }
    var rest = Substring(text)
    var steps: [Step] = []
    if rest.first == "$" { rest.removeFirst() } else if rest.first != "[" { rest = "." + rest }
    while let sign = rest.popFirst() {
      switch sign {
      case ".":
        let key = rest.prefix { $0 != "." && $0 != "[" }
        guard !key.isEmpty else { throw .invalidMapping(text: text, why: "a key is empty") }
        steps.append(.key(String(key)))
        rest.removeFirst(key.count)
      case "[":
        guard let step = Self.bracket(&rest) else {
          throw .invalidMapping(
            text: text, why: "brackets hold an index from 0, a key in single quotes, or a condition such as ?@.key=='x'"
          )
        }
        steps.append(step)
      default: throw .invalidMapping(text: text, why: "a path looks like $.a.b[0]")
      }
    }
    guard !steps.isEmpty else { throw .invalidMapping(text: text, why: "a path needs at least one key") }
    self.steps = steps
    isAttribute = false
  }

  init(keys: String...) { self.init(steps: keys.map { .key($0) }) }

  init(steps: [Step], isAttribute: Bool = false) {
    self.steps = steps
    self.isAttribute = isAttribute
  }

  /// The same path below the key `key`.
  func below(_ key: String) -> JSONPath { JSONPath(steps: [.key(key)] + steps) }

  /// Reads what follows `[`, to the `]`.
  private static func bracket(_ rest: inout Substring) -> Step? {
    if rest.first == "'" {
      rest.removeFirst()
      let key = rest.prefix { $0 != "'" }
      rest.removeFirst(key.count)
      guard !key.isEmpty, rest.starts(with: "']") else { return nil }
      rest.removeFirst(2)
      return .key(String(key))
    }
    if rest.first == "?" { return condition(&rest) }
    let digits = rest.prefix { $0 != "]" }
    guard !digits.isEmpty, digits.count <= 6, digits.utf8.allSatisfy({ (48...57).contains($0) }),
      let index = Int(digits)
    else { return nil }
    rest.removeFirst(digits.count)
    guard rest.popFirst() == "]" else { return nil }
    return .index(index)
  }

  /// Reads `?@.key=='text']`.
  private static func condition(_ rest: inout Substring) -> Step? {
    guard rest.starts(with: "?@.") else { return nil }
    rest.removeFirst(3)
    let key = rest.prefix { $0 != "=" && $0 != "]" }
    rest.removeFirst(key.count)
    guard !key.isEmpty, rest.starts(with: "=='") else { return nil }
    rest.removeFirst(3)
    let text = rest.prefix { $0 != "'" }
    rest.removeFirst(text.count)
    guard rest.starts(with: "']") else { return nil }
    rest.removeFirst(2)
    return .entry(key: String(key), text: String(text))
  }
}
