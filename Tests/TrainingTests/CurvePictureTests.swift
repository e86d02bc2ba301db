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
    for line in svg.split(separator: "\n") where line.hasPrefix("<polyline") {
      let points = try #require(values(of: "points", in: line).first).split(separator: " ")
      for point in points {
        let pair = point.split(separator: ",").compactMap { Double($0) }
        try #require(pair.count == 2)
        #expect((0...350).contains(pair[0]) && (0...220).contains(pair[1]))
      }
    }
  }

  @Test func oneEpochIsAPoint() throws {
    let svg = CurvePicture("t", panels: [.init("loss", [.init("search", [3])])], marked: 1).svg
    #expect(try #require(elements(svg)).contains("circle"))
  }

  /// What was not measured interrupts a line.
  @Test func gapsAreGaps() throws {
    let svg = CurvePicture("t", panels: [.init("loss", [.init("search", [3, 2, nil, 1, 0.5])])]).svg
    #expect(try #require(elements(svg)).count { $0 == "polyline" } == 2)
  }

  /// Bars stand on zero, are as high as their values by the axis, and are named.
  @Test func barsAreAsHighAsTheirValues() throws {
    let groups = ["1", "2", "3-9"].map { CurvePicture.Group($0, note: "n\($0)") }
    let svg = CurvePicture(
      "t",
      panels: [
        .init("p", [.init("HR@20", [0.4, 0.2, nil]), .init("MRR@20", [0.1, 0.05, 0.3])], over: groups, "events")
      ], marked: 2
    ).svg
    _ = try #require(elements(svg))
    let bars = svg.split(separator: "\n").filter { $0.hasPrefix("<rect class=\"f") && !$0.contains("rx=") }
    let heights = bars.compactMap { values(of: "height", in: $0).first.flatMap { Double($0) } }
    let tops = bars.compactMap { values(of: "y", in: $0).first.flatMap { Double($0) } }
    // The axis goes to 0.4.
    #expect(heights == [220, 55, 110, 27.5, 165])
    #expect(zip(heights, tops).allSatisfy { $0 + $1 == 220 })
    for name in ["1", "2", "3-9", "n1", "n2", "n3-9", "events", "HR@20", "MRR@20"] {
      #expect(svg.contains(">\(name)</text>"))
    }
    #expect(!svg.contains("stroke-dasharray"))
  }

  /// Round numbers at even distances, with as many places as they need and no more.
  @Test(
    arguments: [
      ([0.32, 0.41, 0.455], ["0.30", "0.35", "0.40", "0.45", "0.50"]),
      ([7.2, 3.1], ["3", "4", "5", "6", "7", "8"]), ([-1, 3], ["-1", "0", "1", "2", "3"]),
      ([5], ["4.4", "4.6", "4.8", "5.0", "5.2", "5.4", "5.6"]),
      ([0, 1200], ["0", "500", "1000", "1500"]),
    ] as [([Double], [String])])
  func ticksAreRound(_ points: [Double], _ names: [String]) {
    let svg = CurvePicture("t", panels: [.init("p", [.init("c", points)])]).svg
    let found = svg.split(separator: "\n").filter { $0.contains("class=\"faint number\" x=\"-8.0\"") }
    #expect(
      found.compactMap { $0.split(separator: ">").dropFirst().first?.split(separator: "<").first }.map { String($0) }
        == names)
  }

  /// Few enough names of epochs that they don't meet, round ones, and the first.
  @Test(arguments: [1, 2, 7, 8, 20, 35, 100, 1000]) func epochsHaveRoom(count: Int) throws {
    let svg = CurvePicture("t", panels: [.init("p", [.init("c", [Double](repeating: 1, count: count))])]).svg
    let places = svg.split(separator: "\n").filter { $0.contains("y=\"239.0\"") }
      .compactMap { values(of: "x", in: $0).first.flatMap { Double($0) } }
    #expect(places.first == 0 && places.count <= 8 && places.count >= min(count, 4))
    for (a, b) in zip(places, places.dropFirst()) { #expect(b - a > 18) }
  }

  /// The values of an attribute.
  private func values(of attribute: String, in line: Substring) -> [String] {
    line.components(separatedBy: " \(attribute)=\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }
  }

  @Test func largeNumbersAreShort() {
    let numbers = [0, 999, 1000, 1250, 9960, 12_345, 999_499, 999_500, 1_234_567, 43_000_000]
    #expect(
      numbers.map(TrainingReport.short)
        == ["0", "999", "1k", "1.3k", "10k", "12k", "999k", "1M", "1.2M", "43M"])
  }
}
