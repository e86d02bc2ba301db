import Foundation
import Platform
import Synchronization
import Testing

@Suite struct WorkerThreadTests {
  @Test func runsItsBodyOnAThreadOfThatName() throws {
    let seen = Mutex<String?>(nil)
    let thread = try WorkerThread(name: "worker-7") {
      // The name is set by the thread that starts this one, so it may come a moment later.
      for _ in 0..<1000 {
        let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
        seen.withLock { $0 = name?.trimmingCharacters(in: .newlines) }
        if seen.withLock({ $0 == "worker-7" }) { return }
        usleep(1000)
      }
    }
    thread.join()
    #expect(seen.withLock { $0 } == "worker-7")
    #expect(thread.name == "worker-7")
  }

  @Test func everySignalIsBlockedInIt() throws {
    let status = Mutex("")
    let thread = try WorkerThread(name: "masked") {
      let text = (try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)) ?? ""
      status.withLock { $0 = text }
    }
    thread.join()
    let line = try #require(status.withLock { $0 }.split(separator: "\n").first { $0.hasPrefix("SigBlk:") })
    let mask = try #require(UInt64(line.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16))
    for signal in ProcessSignal.allCases { #expect(mask & (1 << UInt64(signal.rawValue - 1)) != 0) }
  }

  @Test func joiningTwiceReturnsAndTheBodyIsReleased() throws {
    final class Token: Sendable {}
    weak var token: Token?
    do {
      let kept = Token()
      token = kept
      let thread = try WorkerThread(name: "release") { _ = kept }
      thread.join()
      thread.join()
    }
    #expect(token == nil)
  }

  @Test func aThreadThatNobodyJoinsStillRuns() async throws {
    let done = Mutex(false)
    let flag = Flag(done: { done.withLock { $0 = true } })
    _ = try WorkerThread(name: "detached") { flag.done() }
    for _ in 0..<2000 where !done.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
    #expect(done.withLock { $0 })
  }
}

private struct Flag: Sendable {
  let done: @Sendable () -> Void
}
