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

  /// What Redis 6.2 says of errors inside of a script: its own ones with a minus, those of commands without.
  @Test(arguments: [
    ("@user_script: 12: -OOM command not allowed when used memory > 'maxmemory'.", Disposition.retry, "OOM"),
    ("@user_script: 31: -READONLY You can't write against a read only replica.", .retry, "READONLY"),
    ("@user_script: 31: -MISCONF Redis is configured to save RDB snapshots, but", .retry, "MISCONF"),
    ("@user_script: 31: -NOREPLICAS Not enough good replicas to write.", .retry, "NOREPLICAS"),
    ("WRONGTYPE Operation against a key holding the wrong kind of value", .halt, "WRONGTYPE"),
    ("@user_script: 31: The user executing the script can't run this command or subcommand", .halt, "The user"),
    ("ERR value is not an integer or out of range", .halt, "ERR value"),
    ("user_script:3: attempt to index a nil value", .halt, "user_script:3"),
  ])
  func anErrorInsideAScriptIsWhatTheScriptSaid(said: String, disposition: Disposition, beginning: String) {
    let hash = "f_6b1bf486c81ceb7edf3c093f4a48582e38c0e791"
    for server in ["ERR ", ""] {
      let reply = "\(server)Error running script (call to \(hash)): @user_script:12: \(said)"
      let failure = SessionStoreFailure(reply: reply, server: "here")
      #expect(failure.disposition == disposition, "\(failure)")
      #expect(failure.detail.hasPrefix(beginning), "\(failure.detail)")
      #expect(SessionStoreFailure.cause(of: reply).hasPrefix(beginning))
    }
    guard said.contains("The user") else { return }
    let denied = SessionStoreFailure(
      reply: "ERR Error running script (call to \(hash)): @user_script:12: \(said)", server: "here")
    guard case .denied = denied else {
      Issue.record("\(denied)")
      return
    }
  }

  @Test func repliesThatAreNotOfAScriptStayAsTheyAre() {
    for reply in ["OOM command not allowed. script: f_1, on @user_script:12.", "ERR Error running script", ""] {
      #expect(SessionStoreFailure.cause(of: reply) == reply)
    }
  }

  @Test(arguments: [
    ("2.8.9", false), ("5.0.14", false), ("6.0.16", false), ("6.1.240", false), ("6.2.0", true), ("6.2", true),
    ("7.0.15", true), ("10.0.1", true), ("255.255.255", true), ("", true), ("unknown", true),
  ])
  func anOldServerIsKnownByItsVersion(version: String, isNewEnough: Bool) {
    #expect(RedisServerInfo(version: version, runID: "r").isNewEnough == isNewEnough)
  }
}
