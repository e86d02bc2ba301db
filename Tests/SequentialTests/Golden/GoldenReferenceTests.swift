import Events
import Testing

@testable import Sequential

@Suite("Golden models, by the plain reference")
struct GoldenReferenceTests {
  @Test("the golden models are there")
  func present() { #expect(GoldenFixture.all.count >= 36) }

  @Test("scores are PyTorch's within 1e-5", arguments: GoldenFixture.all)
  func scores(fixture: GoldenFixture) throws {
    let model = try fixture.model()
    let reference = ReferenceModel(model.configuration, model.weights)
    let sessions = try fixture.sessions()
    #expect(!sessions.isEmpty)
    for session in sessions {
      for count in 1...session.events.count {
        let window = reference.window(Array(session.events[..<count]))
        #expect(window.count == session.known[count - 1])
        let expected = session.scores[count - 1]
        guard let scores = reference.scores(window) else {
          #expect(expected.allSatisfy { $0 == 0 })
          continue
        }
        let tolerance = 1e-5 * max(1, expected.reduce(0) { max($0, Double(abs($1))) })
        try #require(scores.count == expected.count)
        let error = zip(scores, expected).reduce(0) { max($0, abs($1.0 - Double($1.1))) }
        #expect(error <= tolerance, "event \(count)")
      }
    }
  }
}
