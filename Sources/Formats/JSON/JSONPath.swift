/// A path to a field of a JSON record: `$.a.b`, `a.b`, `$.items[0].id`, `$['a key.with dots']`.
public struct JSONPath: Sendable, Hashable {
  /// A step down.
  public enum Step: Sendable, Hashable {
    /// Into an object.
    case key(String)
    /// Into an array, from 0.
    case index(Int)
  }

  /// The steps from the record's root; at least one.
  public let steps: [Step]

  /// The path that `text` describes; a failure says what is wrong with it.
  public init(_ text: String) throws(FormatsFailure) {
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
          throw .invalidMapping(text: text, why: "brackets hold an index from 0, or a key in single quotes")
        }
        steps.append(step)
      default: throw .invalidMapping(text: text, why: "a path looks like $.a.b[0]")
      }
    }
    guard !steps.isEmpty else { throw .invalidMapping(text: text, why: "a path needs at least one key") }
    self.steps = steps
  }

  init(keys: String...) { steps = keys.map { .key($0) } }

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
    let digits = rest.prefix { $0 != "]" }
    guard !digits.isEmpty, digits.count <= 6, digits.utf8.allSatisfy({ (48...57).contains($0) }),
      let index = Int(digits)
    else { return nil }
    rest.removeFirst(digits.count)
    guard rest.popFirst() == "]" else { return nil }
    return .index(index)
  }
}
