/// Finds functions in ``SourceText`` and how long they are.
enum Functions {
  struct Extent: Equatable {
    let name: String
    /// Number of the first line, from 1.
    let line: Int
    let lines: Int
  }

  static func all(in text: String, language: SourceText.Language) -> [Extent] {
    let code = SourceText(text, language: language).code
    return language == .swift ? swift(code) : c(code)
  }

  private static let starters: Set = ["func", "init", "deinit", "subscript", "var"]
  private static let declarations: Set = [
    "func", "init", "deinit", "subscript", "var", "let", "case", "struct", "class", "enum", "extension", "protocol",
    "public", "private", "internal", "static", "mutating", "associatedtype", "typealias", "import",
  ]

  private static func swift(_ code: [Character]) -> [Extent] {
    var found: [Extent] = []
    var line = 1
    var index = 0
    var previous: Character = "\n"
    while index < code.count {
      if isWord(code[index]) {
        let word = self.word(code, at: index)
        if starters.contains(word), previous != ".", let end = swiftBodyEnd(code, after: index + word.count) {
          let rest = self.word(code, at: next(code, index + word.count))
          found.append(Extent(name: rest.isEmpty ? word : rest, line: line, lines: newlines(code[index..<end]) + 1))
        }
        previous = code[index + word.count - 1]
        index += word.count
      } else {
        if code[index] == "\n" { line += 1 }
        if !code[index].isWhitespace { previous = code[index] }
        index += 1
      }
    }
    return found
  }

  /// Position behind the body of the declaration whose head goes on at `start`; nil where it has none.
  private static func swiftBodyEnd(_ code: [Character], after start: Int) -> Int? {
    var depth = 0
    var index = start
    while index < code.count {
      switch code[index] {
      case "(", "[": depth += 1
      case ")", "]": depth -= 1
      case "{" where depth == 0: return blockEnd(code, at: index)
      case "}", "=": if depth == 0 && !isOperator(code, index) { return nil }
      case "\n" where depth == 0:
        if declarations.contains(word(code, at: next(code, index))) || code[next(code, index)] == "@" { return nil }
      default: break
      }
      if depth < 0 { return nil }
      index += 1
    }
    return nil
  }

  /// True where the `=` at `index` belongs to `==` in a `where` clause or to an operator's name.
  private static func isOperator(_ code: [Character], _ index: Int) -> Bool {
    guard code[index] == "=" else { return false }
    let around = [index - 1, index + 1].filter(code.indices.contains).map { code[$0] }
    return around.contains { "=<>!+-*/&|^".contains($0) }
  }

  private static func c(_ code: [Character]) -> [Extent] {
    var found: [Extent] = []
    var head = 0
    var index = 0
    while index < code.count {
      switch code[index] {
      case ";", "}": head = index + 1
      case "#" where code[head..<index].allSatisfy(\.isWhitespace):
        while index < code.count, code[index] != "\n" || code[index - 1] == "\\" { index += 1 }
        head = index
      case "{":
        let text = String(code[head..<index])
        let isContainer = !text.contains("(") || text.contains("=")
        if !isContainer {
          let end = blockEnd(code, at: index)
          let first = next(code, head)
          let name = text.split(separator: "(")[0].split { !isWord($0) }.last.map(String.init) ?? "?"
          found.append(Extent(name: name, line: newlines(code[..<first]) + 1, lines: newlines(code[first..<end]) + 1))
          index = end - 1
        }
        head = index + 1
      default: break
      }
      index += 1
    }
    return found
  }

  private static func blockEnd(_ code: [Character], at start: Int) -> Int {
    var depth = 0
    for index in start..<code.count {
      if code[index] == "{" { depth += 1 }
      if code[index] == "}" { depth -= 1 }
      if depth == 0 { return index + 1 }
    }
    return code.count
  }

  private static func isWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_"
  }

  private static func word(_ code: [Character], at start: Int) -> String {
    guard start < code.count else { return "" }
    return String(code[start...].prefix(while: isWord))
  }

  /// The first position from `start` that is no white space; the last one where there is none.
  private static func next(_ code: [Character], _ start: Int) -> Int {
    var index = min(start, code.count - 1)
    while index < code.count - 1, code[index].isWhitespace { index += 1 }
    return index
  }

  private static func newlines(_ code: ArraySlice<Character>) -> Int { code.count { $0 == "\n" } }
}
