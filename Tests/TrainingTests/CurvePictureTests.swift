import Foundation
import Testing

@testable import Training

@Suite struct CurvePictureTests {
  /// The names of the elements, where the text is well-formed XML.
  private func elements(_ svg: String) -> [String]? {
    // A stack of open elements is all of XML that pictures use.
    var open: [String] = []
    var all: [String] = []
    for piece in svg.split(separator: "<") {
      guard let end = piece.firstIndex(of: ">") else { return nil }
      let tag = piece[..<end]
      if tag.hasPrefix("/") {
        guard open.popLast() == String(tag.dropFirst()) else { return nil }
        continue
      }
      let name = String(tag.prefix { !$0.isWhitespace && $0 != "/" })
      all.append(name)
      if !tag.hasSuffix("/") { open.append(name) }
    }
    return open.isEmpty ? all : nil
  }

  @Test func everyCurveIsDrawnInsideItsPanel() throws {
    let svg = CurvePicture(
      "a < b & c",
      panels: [
        .init("loss", [.init("search", [3, 2, 1.5, .nan]), .init("refit", [3, 1])]),
        .init("held out", [.init("HR@20", [nil, 0.25, 0.5])]), .init("nothing", [.init("x", [nil, .nan])]),
      ], marked: 3
    ).svg
    let names = try #require(elements(svg))
    #expect(names.count { $0 == "polyline" } == 3)
    #expect(names.count { $0 == "g" } == 2)
    #expect(svg.contains("a &lt; b &amp; c") && svg.contains("stroke-dasharray"))
    #expect(!svg.contains("nan"))
    for line in svg.split(separator: "\n") where line.hasPrefix("<polyline points=\"") {
      let points = line.dropFirst(18).prefix { $0 != "\"" }.split(separator: " ")
      for point in points {
        let pair = point.split(separator: ",").compactMap { Double($0) }
        try #require(pair.count == 2)
        #expect((0...420).contains(pair[0]) && (0...260).contains(pair[1]))
      }
    }
  }

  @Test func oneEpochIsAPoint() throws {
    let svg = CurvePicture("t", panels: [.init("loss", [.init("search", [3])])], marked: 1).svg
    #expect(try #require(elements(svg)).contains("circle"))
  }
}
