/// A kind of value: how it is called, read from a text, and written as one.
struct ValueKind<Value: Sendable>: Sendable {
  let name: String
  let parse: @Sendable (String) throws(ValueProblem) -> Value
  let text: @Sendable (Value) -> String
}

extension ValueKind where Value == String {
  static var text: Self {
    ValueKind(name: "text") { text throws(ValueProblem) in
      try someText(text)
    } text: {
      $0
    }
  }

  static var folder: Self {
    ValueKind(name: "folder") { text throws(ValueProblem) in
      try someText(text)
    } text: {
      $0
    }
  }

  /// `host:port,host:port`.
  static var servers: Self {
    ValueKind(name: "host:port, …") { text throws(ValueProblem) in
      for server in text.split(separator: ",", omittingEmptySubsequences: false) {
        let server = server.trimming(" ")
        guard let colon = server.lastIndex(of: ":"), colon > server.startIndex else {
          throw ValueProblem("\"\(server)\" is no server; write host:port, with commas between several")
        }
        let port = server[server.index(after: colon)...]
        guard let number = Int(port), (1...65_535).contains(number) else {
          throw ValueProblem("\"\(port)\" is no port; write host:port, with commas between several")
        }
      }
      return text
    } text: {
      $0
    }
  }

  /// A name that Kafka allows for a topic.
  static var topic: Self {
    ValueKind(name: "topic") { text throws(ValueProblem) in
      let isAllowed = text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte)
        }
      }
      guard isAllowed, (1...249).contains(text.utf8.count), text != ".", text != ".." else {
        throw ValueProblem("\"\(text)\" is no name of a topic: 1 to 249 letters, digits, dots, hyphens, underscores")
      }
      return text
    } text: {
      $0
    }
  }

  /// The beginning of keys; braces would break the hash slots of a Redis cluster.
  static var prefix: Self {
    ValueKind(name: "prefix") { text throws(ValueProblem) in
      guard (1...64).contains(text.utf8.count), !text.contains(where: { "{}%".contains($0) || $0.isWhitespace }) else {
        throw ValueProblem("must have 1 to 64 bytes, without braces, percent signs or blanks")
      }
      return text
    } text: {
      $0
    }
  }

  private static func someText(_ text: String) throws(ValueProblem) -> String {
    guard !text.isEmpty else { throw ValueProblem("must not be empty") }
    return text
  }
}

extension ValueKind where Value == [String] {
  /// Texts with commas between; none for an empty text.
  static var list: Self {
    ValueKind(name: "text, …") { text throws(ValueProblem) in
      text.split(separator: ",").map { String($0.trimming(" ")) }.filter { !$0.isEmpty }
    } text: {
      $0.joined(separator: ", ")
    }
  }
}

extension ValueKind where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> Self {
    ValueKind(name: "\(range.lowerBound)…\(range.upperBound)") { text throws(ValueProblem) in
      guard let value = Int(text), range.contains(value) else {
        throw ValueProblem("must be a whole number from \(range.lowerBound) to \(range.upperBound), not \"\(text)\"")
      }
      return value
    } text: {
      "\($0)"
    }
  }

  static func size(_ range: ClosedRange<Int>) -> Self {
    ValueKind(name: "size") { text throws(ValueProblem) in
      let value = try Quantity.bytes(text)
      guard range.contains(value) else {
        let bounds = "\(Quantity.text(bytes: range.lowerBound)) to \(Quantity.text(bytes: range.upperBound))"
        throw ValueProblem("must be from \(bounds), not \(text)")
      }
      return value
    } text: {
      Quantity.text(bytes: $0)
    }
  }
}

extension ValueKind where Value == Int64 {
  /// Milliseconds.
  static func duration(_ range: ClosedRange<Int64>) -> Self {
    ValueKind(name: "duration") { text throws(ValueProblem) in
      let value = try Quantity.milliseconds(text)
      guard range.contains(value) else {
        let bounds =
          "\(Quantity.text(milliseconds: range.lowerBound)) to \(Quantity.text(milliseconds: range.upperBound))"
        throw ValueProblem("must be from \(bounds), not \(text)")
      }
      return value
    } text: {
      Quantity.text(milliseconds: $0)
    }
  }
}

extension ValueKind where Value: RawRepresentable<String> & CaseIterable {
  static var choice: Self {
    let names = Value.allCases.map(\.rawValue)
    return ValueKind(name: names.joined(separator: ", ")) { text throws(ValueProblem) in
      guard let value = Value(rawValue: text) else {
        let hint = Suggestion.hint(for: text, among: names)
        throw ValueProblem("must be \(names.joined(separator: " or ")), not \"\(text)\"\(hint)")
      }
      return value
    } text: {
      $0.rawValue
    }
  }
}

extension ValueKind {
  /// A value that may be absent; an absent one has no text.
  static func optional<Wrapped: Sendable>(_ kind: ValueKind<Wrapped>) -> Self where Value == Wrapped? {
    ValueKind(name: kind.name) { text throws(ValueProblem) in
      try kind.parse(text)
    } text: {
      $0.map(kind.text) ?? ""
    }
  }
}

extension ValueKind where Value == RedisAddress {
  static var redisAddress: Self {
    ValueKind(name: "URL") { text throws(ValueProblem) in
      try RedisAddress(url: text)
    } text: {
      $0.maskedURL
    }
  }
}

extension Substring {
  /// Without `character` at both ends.
  func trimming(_ character: Character) -> Substring {
    var rest = drop { $0 == character }
    while rest.last == character { rest.removeLast() }
    return rest
  }
}
