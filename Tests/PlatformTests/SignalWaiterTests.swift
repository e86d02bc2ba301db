import Synchronization
import Testing

@testable import Platform

@Suite struct SignalWaiterTests {
  @Test func theFirstRequestIsAnActionTheSecondTheEnd() async throws {
    let events = Mutex<[String]>([])
    let waiter = try SignalWaiter(
      [.interrupt, .terminate],
      action: { signal in events.withLock { $0.append("\(signal)") } },
      end: { status in events.withLock { $0.append("end \(status)") } })
    waiter.send(.terminate)
    try await settle { events.withLock { $0.count } == 1 }
    waiter.send(.interrupt)
    try await settle { events.withLock { $0.count } == 2 }
    waiter.stop()
    #expect(events.withLock { $0 } == ["terminate", "end 130"])
  }

  @Test func aHangupNeverEndsTheProcess() async throws {
    let events = Mutex<[ProcessSignal]>([])
    let waiter = try SignalWaiter(
      [.hangup, .terminate], action: { signal in events.withLock { $0.append(signal) } },
      end: { _ in Issue.record("ended") })
    for expected in 1...3 {
      waiter.send(.hangup)
      try await settle { events.withLock { $0.count } == expected }
    }
    waiter.send(.terminate)
    try await settle { events.withLock { $0.count } == 4 }
    waiter.stop()
    #expect(events.withLock { $0 } == [.hangup, .hangup, .hangup, .terminate])
  }

  @Test func stopEndsAWaitThatNothingArrivedIn() throws {
    let waiter = try SignalWaiter { _ in Issue.record("nothing was sent") }
    waiter.stop()
  }

  @Test func exitStatusesAreThoseOfAShell() {
    #expect(ProcessSignal.interrupt.exitStatus == 130)
    #expect(ProcessSignal.terminate.exitStatus == 143)
  }
}

private func settle(_ condition: () -> Bool) async throws {
  for _ in 0..<5000 where !condition() { try await Task.sleep(for: .milliseconds(1)) }
  #expect(condition())
}
