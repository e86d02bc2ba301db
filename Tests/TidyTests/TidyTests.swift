import Foundation
import Testing

/// Style is a test: what the house rules say, the sources are held to.
@Suite struct TidyTests {
  private let files = Repository.files

  @Test func theRepositoryIsFound() {
    #expect(Repository.exists("Package.swift"))
    #expect(files.contains { $0.path == "Sources/Events/Event.swift" })
    #expect(files.contains { $0.path == "Makefile" })
  }

  @Test func modulesImportWhatTheGraphAllows() {
    for file in files {
      report(Rules.moduleGraph(file, allowed: Allowances.modules, system: Allowances.systemModules))
    }
  }

  @Test func packageAndGraphAgree() throws {
    let package = try Repository.text("Package.swift")
    for (name, allowed) in Allowances.modules {
      let expression = try Regex(#"(?:module|program)\(\s*""# + name + #""(?:,\s*on:\s*\[([^\]]*)\])?"#)
      let match = try #require(package.firstMatch(of: expression), "\(name) is not in Package.swift")
      let list = match.output[1].substring.map { $0.matches(of: /"(\w+)"/).map { String($0.1) } } ?? []
      #expect(Set(list) == allowed, "dependencies of \(name)")
    }
  }

  @Test func cStaysInItsRoom() {
    let modules = Set(Allowances.modules.values.joined()).subtracting(Allowances.modules.keys)
    report(Rules.cImports(files, allowed: Allowances.cImports, modules: modules))
  }

  @Test func filesAndFunctionsAreShort() {
    for file in files {
      report(Rules.fileLength(file, limit: Allowances.fileLines))
      report(Rules.functionLength(file, limit: Allowances.functionLines))
    }
  }

  @Test func nothingIsUnfinishedOrBoundToOneMachine() {
    for file in files { report(Rules.wording(file)) }
  }

  @Test func noTabsNoTrailingBlanks() {
    for file in files { report(Rules.whitespace(file)) }
  }

  @Test func filesAreSmall() throws {
    for path in Repository.paths {
      let url = Repository.root.appending(path: path)
      let size = try FileManager.default.attributesOfItem(atPath: url.path)[.size] as? Int ?? 0
      if size > Allowances.fileBytes { Issue.record("\(path): \(size) bytes; \(Allowances.fileBytes) are allowed") }
    }
  }

  @Test func linksLeadSomewhere() {
    for file in files { report(Rules.links(file, exists: Repository.exists)) }
  }

  @Test func everyDecisionIsInTheIndex() throws {
    report(Rules.decisions(files.map(\.path), index: try Repository.text("docs/adr/README.md")))
  }

  @Test func readmeMakefileAndCINameTheSameTwoCommands() throws {
    #expect(Rules.quickStart(try Repository.text("README.md")) == ["make demo", "make test"])
    let makefile = try Repository.text("Makefile")
    for target in ["demo", "test"] {
      #expect(makefile.contains("\n\(target):"), "the Makefile has a target \(target)")
    }
    #expect(try Repository.text(".ci/run").contains("\nmake test"))
    #expect(FileManager.default.isExecutableFile(atPath: Repository.root.appending(path: ".ci/run").path))
  }

  private func report(_ complaints: [String], sourceLocation: SourceLocation = #_sourceLocation) {
    for complaint in complaints { Issue.record("\(complaint)", sourceLocation: sourceLocation) }
  }
}
