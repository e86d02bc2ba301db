private import Foundation

/// A JSON Schema (2020-12) of `docs/schemas`, as far as those use it: a keyword that is not known here is an error, so that nothing goes
/// unchecked.
public struct JSONSchema {
  private let root: JSONValue

  /// The schema in `docs/schemas/<name>.schema.json`.
  public init(named name: String) throws {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = package.appendingPathComponent("docs/schemas/\(name).schema.json")
    root = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: file))
  }

  /// What is wrong with `json`; empty where nothing is.
  public func complaints(about json: some Collection<UInt8>) -> [String] {
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(json)) else { return ["not JSON"] }
    return complaints(value, root, at: "")
  }

  /// What is wrong with an object of texts.
  public func complaints(about texts: [String: String]) -> [String] {
    complaints(.object(texts.mapValues { .string($0) }), root, at: "")
  }

  /// Names of the schema's own properties.
  public var properties: [String] { root["properties"]?.object?.keys.sorted() ?? [] }

  private func complaints(_ value: JSONValue, _ schema: JSONValue, at path: String) -> [String] {
    guard let keywords = schema.object else { return ["\(path): the schema is no object"] }
    return keywords.sorted { $0.key < $1.key }.flatMap { keyword, rule in
      complaint(value, keyword, rule, keywords, at: path).map { "\(path.isEmpty ? "/" : path): \($0)" }
        + nested(value, keyword, rule, keywords, at: path)
    }
  }

  /// Keywords that say something of the value itself.
  private func complaint(
    _ value: JSONValue, _ keyword: String, _ rule: JSONValue, _ all: [String: JSONValue], at path: String
  ) -> [String] {
    func check(_ isRight: Bool?) -> [String] { isRight ?? true ? [] : ["\(keyword) \(rule) against \(value)"] }
    switch keyword {
    case "type": return check(value.isOf(rule.string ?? ""))
    case "const": return check(value == rule)
    case "enum": return check(rule.array?.contains(value))
    case "required":
      return check(value.object.map { object in rule.array?.allSatisfy { object[$0.string ?? ""] != nil } ?? false })
    case "minimum": return check(value.number.map { $0 >= rule.number ?? .nan })
    case "maximum": return check(value.number.map { $0 <= rule.number ?? .nan })
    case "minLength": return check(value.string.map { Double($0.unicodeScalars.count) >= rule.number ?? .nan })
    case "maxLength": return check(value.string.map { Double($0.unicodeScalars.count) <= rule.number ?? .nan })
    case "maxItems": return check(value.array.map { Double($0.count) <= rule.number ?? .nan })
    case "pattern":
      return check(value.string.map { text in (try? Regex(rule.string ?? "(").firstMatch(in: text)) != nil })
    case "anyOf": return check(rule.array?.contains { complaints(value, $0, at: path).isEmpty })
    case "properties", "additionalProperties", "items", "$schema", "title", "description": return []
    default: return ["keyword \(keyword) is not known to the tests"]
    }
  }

  /// Keywords that say something of what is in it.
  private func nested(
    _ value: JSONValue, _ keyword: String, _ rule: JSONValue, _ all: [String: JSONValue], at path: String
  ) -> [String] {
    switch keyword {
    case "properties":
      return (value.object ?? [:]).sorted { $0.key < $1.key }.flatMap { name, part in
        rule[name].map { complaints(part, $0, at: "\(path)/\(name)") } ?? []
      }
    case "additionalProperties":
      guard rule == .bool(false), let object = value.object else { return [] }
      return object.keys.filter { all["properties"]?[$0] == nil }.sorted().map { "\(path)/\($0): not in the schema" }
    case "items":
      return (value.array ?? []).enumerated().flatMap { complaints($1, rule, at: "\(path)/\($0)") }
    default: return []
    }
  }
}

/// Any JSON.
enum JSONValue: Decodable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let bool = try? container.decode(Bool.self) {
      self = .bool(bool)
    } else if let integer = try? container.decode(Int64.self) {
      self = .integer(integer)
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let string = try? container.decode(String.self) {
      self = .string(string)
    } else if let array = try? container.decode([JSONValue].self) {
      self = .array(array)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  var object: [String: JSONValue]? { if case .object(let object) = self { object } else { nil } }
  var array: [JSONValue]? { if case .array(let array) = self { array } else { nil } }
  var string: String? { if case .string(let string) = self { string } else { nil } }
  var number: Double? {
    switch self {
    case .integer(let integer): Double(integer)
    case .number(let number): number
    default: nil
    }
  }

  subscript(name: String) -> JSONValue? { object?[name] }

  func isOf(_ type: String) -> Bool {
    switch self {
    case .null: type == "null"
    case .bool: type == "boolean"
    case .integer: type == "integer" || type == "number"
    case .number(let number): type == "number" || type == "integer" && number == number.rounded()
    case .string: type == "string"
    case .array: type == "array"
    case .object: type == "object"
    }
  }
}
