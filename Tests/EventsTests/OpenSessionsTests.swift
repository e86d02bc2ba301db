import Events
import Testing

@Suite struct OpenSessionsTests {
  @Test("A gap above the idle timeout begins another visit; the greatest time counts") func visits() {
    var sessions = OpenSessions(capacity: 3, idleTimeout: 10)
    func visit(_ session: String, _ time: EventTime) -> OpenSessions.Visit {
      sessions.visit(Array(session.utf8).span, at: time)
    }
    let first = visit("a", 100)
    #expect(first.slot == 0 && first.begins && first.before == nil)
    let second = visit("a", 90)
    #expect(second.slot == 0 && !second.begins && second.before == 100)
    #expect(!visit("a", 110).begins)
    #expect(visit("b", 0).slot == 1)
    let late = visit("a", 121)
    #expect(late.slot == 0 && late.begins && late.before == 110)
  }

  @Test("The least recently seen session makes room, and is told from then on") func room() {
    var sessions = OpenSessions(capacity: 2, idleTimeout: 10)
    for (session, time) in [("a", 1), ("b", 5), ("a", 2)] as [(String, EventTime)] {
      _ = sessions.visit(Array(session.utf8).span, at: time)
    }
    #expect(sessions.count == 2 && sessions.evicted == 0 && sessions.evictedTime == .min)
    let new = sessions.visit(Array("c".utf8).span, at: 6)
    #expect(new.slot == 1 && new.begins && new.before == nil)
    #expect(sessions.count == 2 && sessions.evicted == 1 && sessions.evictedTime == 5)
    #expect(!sessions.visit(Array("a".utf8).span, at: 7).begins)
  }
}
