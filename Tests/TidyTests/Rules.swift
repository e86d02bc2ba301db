import Foundation

/// The rules of the house as functions of text: each returns complaints, `path:line: what`.
enum Rules {
  typealias File = Repository.File

  /// An import as it stands in a source.
  struct Import: Equatable {
    let module: String
    let isPrivate: Bool
    let line: Int
  }

  static func imports(of file: File) -> [Import] {
    SourceText(file.text, language: .swift).lines.enumerated().compactMap { index, text in
      let words = text.split(separator: " ")
      guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count else { return nil }
      guard
        words[..<keyword].allSatisfy({
          ["public", "internal", "private", "fileprivate", "package"].contains($0) || $0.hasPrefix("@")
        })
      else { return nil }
      // `import struct Module.Name` names the kind first.
      let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
      let name = kinds.contains(words[keyword + 1]) ? words.dropFirst(keyword + 2).first : words[keyword + 1]
      guard let module = name?.split(separator: ".").first else { return nil }
      return Import(module: String(module), isPrivate: words[..<keyword].contains("private"), line: index + 1)
    }
  }

  /// Imports of a file in Sources that the module graph does not allow.
  static func moduleGraph(_ file: File, allowed: [String: Set<String>], system: Set<String>) -> [String] {
    let parts = file.path.split(separator: "/")
    guard file.isSwift, parts.count > 2, parts[0] == "Sources" else { return [] }
    guard let own = allowed[String(parts[1])] else { return ["\(file.path):1: module \(parts[1]) is not in the graph"] }
    return imports(of: file).filter { !own.contains($0.module) && !system.contains($0.module) }
      .map { "\(file.path):\($0.line): \(parts[1]) may not import \($0.module)" }
  }

  /// Imports of C modules outside their list, or not private; and lines of the list that nothing matches any more.
  static func cImports(_ files: [File], allowed: [String: Set<String>], modules: Set<String>) -> [String] {
    var complaints: [String] = []
    var used: [String: Set<String>] = [:]
    for file in files where file.isSwift && file.path.hasPrefix("Sources/") {
      for entry in imports(of: file) where modules.contains(entry.module) {
        used[file.path, default: []].insert(entry.module)
        if !entry.isPrivate { complaints.append("\(file.path):\(entry.line): \(entry.module) needs a private import") }
        if allowed[file.path]?.contains(entry.module) != true {
          complaints.append("\(file.path):\(entry.line): not in the list of files that may import \(entry.module)")
        }
      }
    }
    for (path, modules) in allowed {
      for module in modules where used[path]?.contains(module) != true {
        complaints.append("\(path): listed for \(module), which it does not import")
      }
    }
    return complaints.sorted()
  }

  static func fileLength(_ file: File, limit: Int) -> [String] {
    guard file.isSource else { return [] }
    let lines =
      file.text.split(separator: "\n", omittingEmptySubsequences: false).count - (file.text.hasSuffix("\n") ? 1 : 0)
    return lines > limit ? ["\(file.path): \(lines) lines; \(limit) are allowed"] : []
  }

  static func functionLength(_ file: File, limit: Int) -> [String] {
    guard file.isSwift || file.isC else { return [] }
    return Functions.all(in: file.text, language: file.isSwift ? .swift : .c).filter { $0.lines > limit }
      .map { "\(file.path):\($0.line): \($0.name) has \($0.lines) lines; \(limit) are allowed" }
  }

  // Put together here, so that this file does not complain of itself.
  private static let forbidden: [(pattern: String, what: String)] = [
    (
      #"\b("# + ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].joined(separator: "|") + #")\b"#, "unfinished work"
    ),
    ("fatal" + #"Error\("unimple"# + "mented", "a stub"),
    ("/wo" + "rk/", "a path of one machine"),
  ]

  static func wording(_ file: File) -> [String] {
    var complaints: [String] = []
    for (pattern, what) in forbidden {
      guard let regex = try? Regex(pattern), file.text.contains(regex) else { continue }
      for (index, line) in file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      where line.contains(regex) {
        complaints.append("\(file.path):\(index + 1): \(what)")
      }
    }
    return complaints
  }

  static func whitespace(_ file: File) -> [String] {
    var complaints: [String] = []
    for (index, line) in file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.contains("\t") && !file.path.hasSuffix("Makefile") {
        complaints.append("\(file.path):\(index + 1): a tab")
      }
      if line.last?.isWhitespace == true { complaints.append("\(file.path):\(index + 1): trailing blanks") }
    }
    if !file.text.isEmpty && !file.text.hasSuffix("\n") { complaints.append("\(file.path): no line break at the end") }
    return complaints
  }

  /// Relative links of a Markdown file that lead nowhere.
  static func links(_ file: File, exists: (String) -> Bool) -> [String] {
    guard file.isMarkdown else { return [] }
    return targets(file.text).filter { target in
      if target.contains("://") || target.hasPrefix("#") || target.hasPrefix("mailto:") { return false }
      let folder = file.path.split(separator: "/").dropLast()
      var parts = folder.map(String.init)
      for part in target.split(separator: "#")[0].split(separator: "/") where part != "." {
        if part == ".." { if parts.popLast() == nil { return true } } else { parts.append(String(part)) }
      }
      return !exists(parts.joined(separator: "/"))
    }.map { "\(file.path): the link to \($0) leads nowhere" }
  }

  /// Targets of the links of a Markdown text, outside of code.
  static func targets(_ text: String) -> [String] {
    var isCode = false
    var prose = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") { isCode.toggle() }
      if !isCode { prose += line.replacing(/`[^`]*`/, with: "") + "\n" }
    }
    return prose.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }
  }

  /// Decisions that the index does not link to, or links of it to a decision that shares its number with another.
  static func decisions(_ paths: [String], index: String) -> [String] {
    let names = paths.filter { $0.hasPrefix("docs/adr/") && $0 != "docs/adr/README.md" }.map { String($0.dropFirst(9)) }
    let linked = Set(targets(index))
    var complaints = names.filter { !linked.contains($0) }.map { "docs/adr/\($0): not in the index" }
    complaints += names.filter { $0.wholeMatch(of: /\d{4}-[a-z0-9-]+\.md/) == nil }.map {
      "docs/adr/\($0): not NNNN-words.md"
    }
    for (number, group) in Dictionary(grouping: names, by: { $0.prefix(4) }) where group.count > 1 {
      complaints.append("docs/adr: \(group.count) decisions are numbered \(number)")
    }
    return complaints.sorted()
  }

  /// The commands of the first fenced block of a README.
  static func quickStart(_ readme: String) -> [String] {
    guard let start = readme.firstRange(of: /```[a-z]*\n/) else { return [] }
    return readme[start.upperBound...].split(separator: "```")[0].split(separator: "\n")
      .map { $0.split(separator: "#")[0].trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }
}
