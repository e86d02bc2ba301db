import Kafka
import Testing

@testable import Consumer

@Suite struct GroupWatchTests {
  @Test func aSilentWorkerIsNamedOnceAndAgainWhenItMoves() {
    let pulses = [WorkerPulse(), WorkerPulse()]
    let said = Lines()
    var watch = GroupWatch(workers: 2)
    var now = ContinuousClock.now
    pulses[1].beat(.working)
    for second in 0..<100 {
      now += .seconds(1)
      pulses[0].beat(.taking)
      if second == 70 { pulses[1].beat(.committing) }
      watch.look(at: pulses, now: now, log: said.log) { _, _ in Issue.record("nobody waits") }
    }
    #expect(said.all.map(\.level) == [.error, .notice])
    #expect(said.all[0].message.contains("worker 1") && said.all[0].message.contains("working on a batch"))
    #expect(said.all[1].message.contains("moves again after 70 s"))
  }

  @Test func aWorkerThatHasEndedIsNotMissed() {
    let pulses = [WorkerPulse()]
    let said = Lines()
    var watch = GroupWatch(workers: 1)
    pulses[0].beat(.resting)
    for second in 0..<100 {
      watch.look(at: pulses, now: .now + .seconds(second), log: said.log) { _, _ in Issue.record("nobody waits") }
    }
    #expect(said.all.isEmpty)
  }

  @Test func oneThatWaitsForAServerIsPausedOnceUntilItTakesAgain() {
    let pulses = [WorkerPulse()]
    var watch = GroupWatch(workers: 1)
    var now = ContinuousClock.now
    var pauses: [Int] = []
    for second in 0..<60 {
      now += .seconds(1)
      // It tries in between, which ends no wait; a take does.
      pulses[0].beat(second % 5 == 0 ? .working : .waiting)
      if second == 30 { pulses[0].beat(.taking) }
      watch.look(at: pulses, now: now, log: Lines().log) { isPaused, worker in
        #expect(isPaused && worker == 0)
        pauses.append(second)
      }
    }
    #expect(pauses == [12, 42])
  }
}
