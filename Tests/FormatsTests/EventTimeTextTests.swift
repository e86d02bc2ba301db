import Events
import Foundation
import Testing

@testable import Formats

struct EventTimeTextTests {
  private func parse(_ text: String, _ unit: TimeUnit) -> EventTime? {
    EventTimeText.parse(Array(text.utf8).span, as: unit)
  }

  @Test func isoAgainstFoundation() throws {
    var random = SplitMix(state: 9)
    let formatter = ISO8601DateFormatter()
    for round in 0..<20_000 {
      let time = EventTime(random.next() % UInt64(Limits.latestTime))
      formatter.timeZone = TimeZone(secondsFromGMT: (Int(random.next() % 105) - 52) * 15 * 60)
      formatter.formatOptions = [.withInternetDateTime]
      if round % 2 == 0 { formatter.formatOptions.insert(.withSpaceBetweenDateAndTime) }
      var text = formatter.string(from: Date(timeIntervalSince1970: Double(time / 1000)))
      let milliseconds = String(String(time % 1000 + 1000).dropFirst())
      text.insert(contentsOf: ".\(milliseconds)", at: text.index(text.startIndex, offsetBy: 19))
      #expect(parse(text, .iso) == time)
      #expect(parse(text, .auto) == time)
    }
  }

  @Test func decimals() {
    var random = SplitMix(state: 10)
    for _ in 0..<20_000 {
      let time = Limits.earliestTime + EventTime(random.next() % UInt64(Limits.latestTime - Limits.earliestTime))
      let seconds = "\(time / 1000).\(String(String(time % 1000 + 1000).dropFirst()))"
      for (text, unit) in [(seconds, TimeUnit.seconds), ("\(time)", .milliseconds), ("\(time)000", .microseconds)] {
        #expect(parse(text, unit) == time)
        #expect(parse(text, .auto) == time)
      }
    }
  }

  @Test(arguments: [
    ("1.0004", TimeUnit.seconds, 1000), ("1.0005", .seconds, 1001), ("-1.0005", .seconds, -1001),
    ("+1", .seconds, 1000),
    ("1.4999", .milliseconds, 1), ("1.5", .milliseconds, 2), ("1499", .microseconds, 1), ("1500", .microseconds, 2),
    ("1.9999", .seconds, 2000),
  ])
  func rounding(text: String, unit: TimeUnit, expected: EventTime) { #expect(parse(text, unit) == expected) }

  @Test(arguments: ["", "-", ".5", "1.", "1e9", "0x1", "1 ", "9999999999999999999", "1.5.5", "999999999999999999"])
  func noSeconds(text: String) { #expect(parse(text, .seconds) == nil) }

  @Test(arguments: [
    "2014-04-07", "2014-04-07T10:51:09", "2014-04-07T10:51Z", "2014-13-07T10:51:09Z", "2014-00-07T10:51:09Z",
    "2014-04-31T10:51:09Z", "1900-02-29T10:51:09Z", "2014-04-07T24:00:00Z", "2014-04-07T10:60:09Z",
    "2014-04-07T10:51:61Z",
    "2014-04-07T10:51:09.Z", "2014-04-07T10:51:09ZZ", "2014-04-07T10:51:09+2", "2014-04-07T10:51:09+02:0",
    "2014-04-07T10:51:09+19:00", "2014/04/07T10:51:09Z", "2014-04-07x10:51:09Z",
  ])
  func noISO(text: String) { #expect(parse(text, .iso) == nil) }
}
