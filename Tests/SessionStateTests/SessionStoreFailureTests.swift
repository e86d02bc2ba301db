import Events
import Testing

@testable import SessionState

@Suite struct SessionStoreFailureTests {
  @Test(arguments: [
    ("ERR max number of clients reached", true), ("LOADING Redis is loading the dataset in memory", true),
    ("ERR unknown command 'EVALSHA'", false), ("ERR invalid password", false), ("NOPERM no rights", false),
  ])
  func whatPassesByItselfIsWaitedFor(reply: String, passes: Bool) {
    let failure = SessionStoreFailure(reply: reply, server: "here")
    #expect((failure.disposition == .retry) == passes)
    #expect(failure.description.contains(reply))
  }
}
