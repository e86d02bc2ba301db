/// Swift or C with the contents of comments and literals blanked out, line by line as it was.
///
/// Knows enough of both languages for code in this repository's style; it is no parser.
struct SourceText {
  enum Language {
    case swift
    case c
  }

  /// The code; comments and what stands in literals are spaces, line breaks stay.
  private(set) var code: [Character] = []
  private let source: [Character]
  private let language: Language
  private var position = 0

  init(_ text: String, language: Language) {
    source = Array(text)
    self.language = language
    while position < source.count { step() }
  }

  /// The code's lines.
  var lines: [Substring] { String(code).split(separator: "\n", omittingEmptySubsequences: false) }

  private func starts(_ text: String) -> Bool {
    var index = position
    for character in text {
      guard index < source.count, source[index] == character else { return false }
      index += 1
    }
    return true
  }

  private mutating func blank(_ count: Int = 1) {
    for _ in 0..<count where position < source.count {
      code.append(source[position] == "\n" ? "\n" : " ")
      position += 1
    }
  }

  private mutating func keep() {
    code.append(source[position])
    position += 1
  }

  private mutating func step() {
    if starts("//") {
      while position < source.count, source[position] != "\n" { blank() }
    } else if starts("/*") {
      blockComment()
    } else if source[position] == "\"" || (language == .swift && startsRawString) {
      string()
    } else if language == .c && source[position] == "'" {
      quoted("'")
    } else {
      keep()
    }
  }

  private mutating func blockComment() {
    var depth = 0
    repeat {
      if starts("/*") {
        depth = language == .swift ? depth + 1 : 1
        blank(2)
      } else if starts("*/") {
        depth -= 1
        blank(2)
      } else {
        blank()
      }
    } while depth > 0 && position < source.count
  }

  private var startsRawString: Bool {
    var index = position
    while index < source.count, source[index] == "#" { index += 1 }
    return index > position && index < source.count && source[index] == "\""
  }

  private mutating func string() {
    guard language == .swift else { return quoted("\"") }
    var hashes = ""
    while source[position] == "#" {
      hashes += "#"
      blank()
    }
    let quote = starts("\"\"\"") ? "\"\"\"" : "\""
    blank(quote.count)
    while position < source.count, !starts(quote + hashes) {
      if starts("\\" + hashes + "(") {
        blank(hashes.count + 2)
        interpolation()
      } else if starts("\\" + hashes) {
        blank(hashes.count + 2)
      } else {
        blank()
      }
    }
    blank(quote.count + hashes.count)
  }

  /// What stands in `\( … )`: blanked as the rest of the literal, but strings in it may hold brackets.
  private mutating func interpolation() {
    var depth = 1
    while position < source.count, depth > 0 {
      if source[position] == "\"" || startsRawString {
        string()
      } else {
        if source[position] == "(" { depth += 1 }
        if source[position] == ")" { depth -= 1 }
        blank()
      }
    }
  }

  private mutating func quoted(_ quote: Character) {
    blank()
    while position < source.count, source[position] != quote, source[position] != "\n" {
      blank(source[position] == "\\" ? 2 : 1)
    }
    blank()
  }
}
