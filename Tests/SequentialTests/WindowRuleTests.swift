import Sequential
import Testing

@Suite struct WindowRuleTests {
  @Test("The window grows to L, drops to its newest half, and grows again", arguments: [2, 3, 4, 5, 50, 51])
  func lengths(maxLength: Int) {
    let rule = WindowRule(maxLength: maxLength, isIncremental: true)
    let kept = (maxLength + 1) / 2
    var expected = 0
    for ordinal in Int64(1)...Int64(maxLength * 5) {
      expected = expected == maxLength ? kept : expected + 1
      #expect(rule.length(at: ordinal) == expected)
      #expect(rule.grows(at: ordinal) == (ordinal == 1 || expected != kept || ordinal == Int64(kept)))
    }
  }

  @Test("A model in recompute mode sees its newest L events") func recompute() {
    let rule = WindowRule(maxLength: 4, isIncremental: false)
    #expect((1...7).map { rule.length(at: Int64($0)) } == [1, 2, 3, 4, 4, 4, 4])
    #expect(!rule.grows(at: 2))
  }
}
