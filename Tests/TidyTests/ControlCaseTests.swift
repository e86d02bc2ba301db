import Testing

/// The checkers are fed what they must complain of, and what they must not.
@Suite struct ControlCaseTests {
  private func file(_ text: String, _ path: String = "Sources/Pipeline/Worker.swift") -> Repository.File {
    Repository.File(path: path, text: text)
  }

  @Test func importsAreParsed() {
    let text = """
      private import Glibc
      @testable import Events
      import struct Foundation.URL
      // import Kafka
      let text = "import Kafka"
      """
    #expect(
      Rules.imports(of: file(text)) == [
        .init(module: "Glibc", isPrivate: true, line: 1), .init(module: "Events", isPrivate: false, line: 2),
        .init(module: "Foundation", isPrivate: false, line: 3),
      ])
  }

  @Test func aForbiddenArrowIsSeen() {
    let graph: [String: Set<String>] = ["Pipeline": ["Events"]]
    #expect(Rules.moduleGraph(file("import Events\nimport Glibc\n"), allowed: graph, system: ["Glibc"]).isEmpty)
    #expect(
      Rules.moduleGraph(file("\nimport Kafka\n"), allowed: graph, system: [])
        == ["Sources/Pipeline/Worker.swift:2: Pipeline may not import Kafka"])
    #expect(Rules.moduleGraph(file("", "Sources/Stray/A.swift"), allowed: graph, system: []).count == 1)
  }

  @Test func cOutsideItsRoomIsSeen() {
    let owner = file("private import CYaml\n", "Sources/Control/A.swift")
    let leak = file("import CYaml\n", "Sources/Control/B.swift")
    let list: [String: Set<String>] = ["Sources/Control/A.swift": ["CYaml"]]
    #expect(Rules.cImports([owner], allowed: list, modules: ["CYaml"]).isEmpty)
    let complaints = Rules.cImports([owner, leak], allowed: list, modules: ["CYaml"])
    #expect(complaints.count == 2)
    #expect(complaints.allSatisfy { $0.hasPrefix("Sources/Control/B.swift:1:") })
    let stale = Rules.cImports([], allowed: list, modules: ["CYaml"])
    #expect(stale == ["Sources/Control/A.swift: listed for CYaml, which it does not import"])
  }

  @Test func longFilesAreSeen() {
    #expect(Rules.fileLength(file("a\nb\n"), limit: 2).isEmpty)
    #expect(Rules.fileLength(file("a\nb\nc\n"), limit: 2).count == 1)
    #expect(Rules.fileLength(file("a\nb\nc\n", "docs/a.md"), limit: 2).isEmpty)
  }

  @Test func swiftFunctionsAreMeasured() {
    let text = """
      protocol Port {
        func take() throws
        var count: Int { get }
      }
      struct A {
        let text = "func no() {"
        /* func neither() { */
        init(_ body: () -> Void = { }) {
          let b = "\\(call("}"))}"
        }
        func one<T>(_ a: T) -> Int
        where T: Sendable, T.Element == Int {
          if true {
            return 1
          }
        }
        var two: Int {
          2
        }
        func three() { self.init() }
      }
      """
    let found = Functions.all(in: text, language: .swift)
    #expect(found.map(\.lines) == [1, 3, 6, 3, 1])
    #expect(found.map(\.line) == [3, 8, 11, 17, 20])
    let long = "func f() {\n" + String(repeating: "  g()\n", count: 70) + "}\n"
    #expect(Rules.functionLength(file(long), limit: 70).count == 1)
    #expect(Rules.functionLength(file(long), limit: 72).isEmpty)
  }

  @Test func cFunctionsAreMeasured() {
    let text = """
      #define EACH(x) { x }
      extern "C" {
      struct point { int x; };
      static const int table[] = {1, 2};
      /// A brace in a comment: {
      int one(int a) {
        char c = '{'; const char *s = "}";
        if (a) { return 1; }
        return c + s[0];
      }
      static void two(void) {}
      }
      """
    let found = Functions.all(in: text, language: .c)
    #expect(found.map(\.name) == ["one", "two"])
    #expect(found.map(\.lines) == [5, 1])
    #expect(found.map(\.line) == [6, 11])
  }

  @Test func multilineAndRawStringsAreBlanked() {
    let text = "let a = \"\"\"\n  { \" }\n  \"\"\"\nlet b = #\"a \" {\"#\nlet c = 1\n"
    let code = String(SourceText(text, language: .swift).code)
    #expect(!code.contains("{"))
    #expect(code.hasSuffix("let c = 1\n"))
    #expect(code.count == text.count)
  }

  @Test func unfinishedWorkIsSeen() {
    #expect(Rules.wording(file("fine\n// TO" + "DO: later\n")) == ["Sources/Pipeline/Worker.swift:2: unfinished work"])
    #expect(Rules.wording(file("fatal" + "Error(\"unimple" + "mented\")")).count == 1)
    #expect(Rules.wording(file("see /wo" + "rk/notes.md", "docs/a.md")).count == 1)
    #expect(Rules.wording(file("let template = \"intentd-XXXXXX\"; let todos = 1")).isEmpty)
  }

  @Test func blanksAreSeen() {
    #expect(Rules.whitespace(file("a\n\tb\nc \n")).count == 2)
    #expect(Rules.whitespace(file("a")).count == 1)
    #expect(Rules.whitespace(file("a\n\tb\n", "Makefile")).isEmpty)
  }

  @Test func deadLinksAreSeen() {
    let known: Set = ["README.md", "docs/a.md"]
    let text = "[a](a.md#top) [b](../README.md) [c](https://x.y/z) [d](#here) [e](gone.md) `[f](no.md)`\n"
    #expect(
      Rules.links(file(text, "docs/b.md"), exists: known.contains) == ["docs/b.md: the link to gone.md leads nowhere"])
    #expect(Rules.links(file("[up](../../x)\n", "docs/b.md"), exists: { _ in true }).count == 1)
  }

  @Test func decisionsOutsideTheIndexAreSeen() {
    let paths = ["docs/adr/README.md", "docs/adr/0001-a.md", "docs/adr/0001-b.md", "docs/adr/Notes.md"]
    let complaints = Rules.decisions(paths, index: "[a](0001-a.md)\n")
    #expect(
      complaints == [
        "docs/adr/0001-b.md: not in the index", "docs/adr/Notes.md: not NNNN-words.md",
        "docs/adr/Notes.md: not in the index", "docs/adr: 2 decisions are numbered 0001",
      ])
  }

  @Test func theQuickStartIsRead() {
    #expect(Rules.quickStart("# A\n\n```sh\nmake demo   # see it\nmake test\n```\n") == ["make demo", "make test"])
    #expect(Rules.quickStart("no block") == [])
  }
}
