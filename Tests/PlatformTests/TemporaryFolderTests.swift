import Foundation
import Platform
import Testing

@Suite struct TemporaryFolderTests {
  @Test func itExistsWhileOwnedAndGoesWithItsContents() throws {
    var path = ""
    do {
      let folder = try TemporaryFolder(prefix: "tidy")
      path = folder.path
      try "text".write(toFile: folder.file("inside"), atomically: true, encoding: .utf8)
      #expect(FileManager.default.fileExists(atPath: folder.file("inside")))
      #expect(URL(fileURLWithPath: path).lastPathComponent.hasPrefix("tidy-"))
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func twoAreDifferent() throws {
    let first = try TemporaryFolder()
    let second = try TemporaryFolder()
    #expect(first.path != second.path)
  }
}
