import Foundation
import Platform
import TestSupport
import Testing

/// Daemons of one group that come and go at random.
final class Members {
  /// What was done to them.
  struct History: CustomStringConvertible {
    var joins = 0
    var leaves = 0
    var kills = 0
    /// Those that librdkafka ended by an assertion of its transactions' state, which counts as a kill.
    var aborts = 0
    var description: String { "\(joins) joins, \(leaves) leaves, \(kills) kills, \(aborts) aborts" }
  }

  private(set) var history = History()
  private let configuration: String
  private let most: Int
  private var running: [IntentdProcess] = []
  private var leaving: [IntentdProcess] = []
  /// Most memory that one of them had, in MiB.
  private(set) var peakMiB = 0

  /// At most `most` at a time, all with the configuration at `configuration`.
  init(_ configuration: String, most: Int) {
    self.configuration = configuration
    self.most = most
  }

  /// One more.
  func join() throws {
    running.append(try IntentdProcess(["--config", configuration]))
    history.joins += 1
  }

  /// Lets members join, leave and be killed for `seconds`.
  func shuffle(seconds: Double, _ numbers: inout Numbers) throws {
    let deadline = Deadline(seconds: seconds)
    while !deadline.isOver {
      usleep(UInt32(200_000 + numbers.below(1_800_000)))
      let draw = numbers.below(100)
      if running.isEmpty || (running.count < most && draw < 50) {
        try join()
      } else {
        let member = running.remove(at: numbers.below(running.count))
        peakMiB = max(peakMiB, member.peakMiB ?? 0)
        // One that is not yet up would end by the signal; it is killed rather than asked.
        if draw.isMultiple(of: 2), member.error.contains("\"serving\"") {
          member.process.signal(.terminate)
          leaving.append(member)
          history.leaves += 1
        } else {
          if !member.isRunning && hasAborted(member) {
            history.aborts += 1
          } else {
            #expect(member.isRunning, "a member ended by itself:\n\(member.error.suffix(4000))")
            member.kill()
            history.kills += 1
          }
        }
      }
    }
    while running.count < most { try join() }
  }

  /// Asks all to end; each must have drained within its time.
  func leave() throws {
    for member in running {
      peakMiB = max(peakMiB, member.peakMiB ?? 0)
      member.process.signal(.terminate)
    }
    for member in leaving + running {
      let outcome = try member.wait(seconds: 40)
      if hasAborted(member) {
        history.aborts += 1
      } else {
        #expect(outcome.exit == .status(0), "\(outcome.error.suffix(6000))")
      }
    }
    running = []
    leaving = []
  }

  /// True for a member that died of an assertion in librdkafka's transactions (seen with 2.0.2: `txn_req_cnt > 0`): a crash like any other,
  /// after which nothing may be missing.
  private func hasAborted(_ member: IntentdProcess) -> Bool { member.error.contains("rdkafka_txnmgr.c") }

  /// What each of those that are there has said last, for a message.
  var words: String { running.map { $0.error.suffix(1500) }.joined(separator: "\n--\n") }
}
