import Testing

@testable import Control

@Suite struct PointInTimeTests {
  @Test(arguments: [
    ("earliest", PointInTime.earliest), ("-24h", .ago(86_400_000)), ("-250ms", .ago(250)), ("0", .at(0)),
    ("1700000000000", .at(1_700_000_000_000)), ("2023-11-14T22:13:20Z", .at(1_700_000_000_000)),
    ("2023-11-14T23:13:20+01:00", .at(1_700_000_000_000)), ("2023-11-14T22:13:20.250Z", .at(1_700_000_000_250)),
  ])
  func timesAreRead(text: String, expected: PointInTime) throws {
    let kind = ValueKind.pointInTime
    #expect(try kind.parse(text) == expected)
    #expect(try kind.parse(kind.text(expected)) == expected)
  }

  @Test(arguments: ["", "-", "24h", "-24", "+1", "--1h", "latest", "2023-11-14", "2023-11-14T22:13:20", "1.5", "-1y"])
  func whatIsNoTimeIsExplained(text: String) throws {
    let problem = try #require(throws: ValueProblem.self, "\(text)") { try ValueKind.pointInTime.parse(text) }
    #expect(problem.text.contains("\"\(text)\" is no time; write earliest, -24h, "))
  }

  @Test func timesAreRelativeToNow() {
    #expect(PointInTime.earliest.milliseconds(now: 5_000) == nil)
    #expect(PointInTime.ago(2_000).milliseconds(now: 5_000) == 3_000)
    #expect(PointInTime.ago(9_000).milliseconds(now: 5_000) == 0)
    #expect(PointInTime.at(7).milliseconds(now: 5_000) == 7)
  }
}
