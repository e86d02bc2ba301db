import Events
import Testing

@Suite struct SessionRulesTests {
  @Test("A gap above the idle timeout begins a new visit; time that runs backwards does not") func ordinals() {
    let rules = SessionRules(maxLength: 50, idleTimeout: 1000)
    #expect(rules.keep == 50 + Limits.uncommittedPerSession)
    #expect(rules.ordinal(of: 5, after: 0, greatest: .min) == 1)
    #expect(rules.ordinal(of: 2000, after: 3, greatest: 1000) == 4)
    #expect(rules.ordinal(of: 2001, after: 3, greatest: 1000) == 1)
    #expect(rules.ordinal(of: -50_000, after: 3, greatest: 1000) == 4)
  }
}
