import Platform
import TestSupport
import Testing

@Suite struct SiblingProgramTests {
  @Test func aMissingProgramIsReported() {
    let failure = SiblingProgram("no-such-program-anywhere").execute(["x"])
    #expect(failure == .program(path: "no-such-program-anywhere", code: 2))
  }

  @Test func theOwnFolderIsThatOfTheTestProgram() throws {
    let folder = try #require(SiblingProgram.ownFolder)
    #expect(folder.hasPrefix("/") && !folder.hasSuffix("/"))
    let own = try #require(SiblingProgram.own)
    #expect(!own.name.isEmpty && !own.name.contains("/"))
  }
}
