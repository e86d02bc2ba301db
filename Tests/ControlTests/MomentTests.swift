import Testing

@testable import Control

@Suite struct MomentTests {
  @Test(arguments: [
    ("earliest", Moment.earliest), ("latest", .latest), ("-24h", .ago(86_400_000)), ("-250ms", .ago(250)),
    ("0", .time(0)), ("1700000000000", .time(1_700_000_000_000)), ("2023-11-14T22:13:20Z", .time(1_700_000_000_000)),
    ("2023-11-14T23:13:20+01:00", .time(1_700_000_000_000)), ("2023-11-14T22:13:20.250Z", .time(1_700_000_000_250)),
  ])
  func momentsAreRead(text: String, expected: Moment) throws {
    #expect(try ValueKind.moment.parse(text) == expected)
  }

  @Test(arguments: ["", "-", "24h", "-24", "+1", "--1h", "2023-11-14", "2023-11-14T22:13:20", "1.5", "-1y"])
  func whatIsNoMomentIsRefused(text: String) {
    #expect(throws: ValueProblem.self, "\(text)") { try ValueKind.moment.parse(text) }
  }

  @Test func whatWasMeantIsSaid() throws {
    let problem = try #require(throws: ValueProblem.self) { try ValueKind.moment.parse("earlist") }
    #expect(problem.text.hasSuffix("; did you mean earliest?"))
  }

  @Test func timesAreRelativeToNow() {
    #expect(Moment.earliest.time(now: 5_000) == nil)
    #expect(Moment.ago(2_000).time(now: 5_000) == 3_000)
    #expect(Moment.time(7).time(now: 5_000) == 7)
  }
}
