import Testing

@testable import Control

@Suite struct SuggestionTests {
  @Test func distanceCountsInsertionsDeletionsReplacementsAndSwaps() {
    func distance(_ left: String, _ right: String) -> Int { Suggestion.distance(Array(left.utf8), Array(right.utf8)) }
    #expect(distance("", "") == 0)
    #expect(distance("", "abc") == 3)
    #expect(distance("abc", "") == 3)
    #expect(distance("topic", "topic") == 0)
    #expect(distance("topci", "topic") == 1)
    #expect(distance("kitten", "sitting") == 3)
  }

  @Test func theNearestIsNamedIfItIsNear() {
    let names = ["topic", "format", "offset_reset"]
    #expect(Suggestion.nearest(to: "topics", among: names) == "topic")
    #expect(Suggestion.nearest(to: "OffsetReset", among: names) == "offset_reset")
    #expect(Suggestion.nearest(to: "brokers", among: names) == nil)
    #expect(Suggestion.hint(for: "fromat", among: names) == "; did you mean format?")
    #expect(Suggestion.hint(for: "zzz", among: names) == "")
  }
}
