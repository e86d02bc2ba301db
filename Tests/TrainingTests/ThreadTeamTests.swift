import Synchronization
import Testing

@testable import Training

@Suite struct ThreadTeamTests {
  /// Every call is made once in every round, and all of them are over when the round is.
  @Test(arguments: [1, 2, 5]) func everyCallOnceARound(threads: Int) throws {
    let team = try ThreadTeam(threads)
    let sum = Atomic<Int>(0)
    for round in 1...3000 {
      team.run { _ = sum.add(1 << (8 * $0), ordering: .relaxed) }
      let value = sum.exchange(0, ordering: .relaxed)
      #expect(value == (0..<threads).reduce(0) { $0 | 1 << (8 * $1) }, "round \(round)")
      if value == 0 { return }
    }
  }

  /// What a thread throws comes out, of several the first one's, and the next round starts afresh.
  @Test func failuresComeOut() throws {
    let team = try ThreadTeam(3)
    #expect(throws: TrainingFailure.model(why: "1")) {
      try team.attempt { (index) throws(TrainingFailure) in
        if index > 0 { throw .model(why: "\(index)") }
      }
    }
    try team.attempt { (_) throws(TrainingFailure) in }
  }
}
