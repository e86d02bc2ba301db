import Testing

@testable import Control

@Suite struct YAMLReaderTests {
  @Test func sectionsListsAndValuesKeepTheirLines() throws {
    let root = try YAMLReader.read("# first\na: one\nb:\n  c: 'null'\n  d: [1, 2]\ne:\n", file: "f.yaml")
    guard case .mapping(let entries) = root.content else { throw Unexpected() }
    #expect(entries.map(\.key) == ["a", "b", "e"])
    #expect(entries.map(\.line) == [2, 3, 6])
    #expect(entries[0].value.content == .scalar("one", isPlain: true))
    #expect(entries[2].value.isNull)
    guard case .mapping(let inner) = entries[1].value.content else { throw Unexpected() }
    #expect(inner[0].value.content == .scalar("null", isPlain: false))
    #expect(!inner[0].value.isNull)
    #expect(inner[1].line == 5)
    guard case .sequence(let items) = inner[1].value.content else { throw Unexpected() }
    #expect(items.map(\.content) == [.scalar("1", isPlain: true), .scalar("2", isPlain: true)])
  }

  @Test func anEmptyDocumentIsAnEmptySection() throws {
    for text in ["", "\n", "# only words\n", "---\n"] {
      let root = try YAMLReader.read(text, file: "f.yaml")
      #expect(root.content == .mapping([]) || root.isNull)
    }
  }

  @Test(arguments: [
    ("a: &x 1\n", 1, "anchors"), ("a: &x {b: 1}\n", 1, "anchors"), ("a: 1\nb: *x\n", 2, "aliases"),
    ("a: !!int 1\n", 1, "tags"), ("a: !t [1]\n", 1, "tags"), ("a: 1\n\na: 2\n", 3, "line 1"),
    ("[a]: 1\n", 1, "key must be"), ("a: 1\n---\nb: 2\n", 2, "second document"), ("a: 'b\n", 2, "end of stream"),
    ("a: b: c\n", 1, "mapping values"), ("a:\n\t- b\n", 2, ""), ("a: [1, 2\n", 2, ""),
  ])
  func whatIsNoConfigurationIsRefusedWithItsLine(text: String, line: Int, words: String) throws {
    let failure = try #require(throws: ControlFailure.self) { try YAMLReader.read(text, file: "f.yaml") }
    guard case .yaml("f.yaml", let found, _, let problem) = failure else { throw Unexpected() }
    #expect(found == line)
    #expect(words.isEmpty || problem.contains(words), "\(problem)")
    #expect(failure.description.hasPrefix("f.yaml:\(line):"))
  }

  @Test func depthAndSizeAreBounded() throws {
    let deep = String(repeating: "[", count: 15) + String(repeating: "]", count: 15)
    _ = try YAMLReader.read("a: \(deep)\n", file: "f")
    #expect(throws: ControlFailure.self) { try YAMLReader.read("a: [\(deep)]\n", file: "f") }
    #expect(throws: ControlFailure.self) {
      try YAMLReader.read(String(repeating: "[", count: 100_000), file: "f")
    }
    #expect(throws: ControlFailure.self) {
      try YAMLReader.read("a: " + String(repeating: "x", count: YAMLReader.bytes), file: "f")
    }
  }

  @Test func bytesThatAreNoTextAreRefusedNotRead() {
    #expect(throws: ControlFailure.self) { try YAMLReader.read("a: \u{0}b\n", file: "f") }
    #expect(throws: ControlFailure.self) { try YAMLReader.read("a: \u{1B}b\n", file: "f") }
  }

  private struct Unexpected: Error {}
}
