import Control
import Events
import Pipeline
import Synchronization
import Testing

@testable import intentd

/// Keeps what is logged.
private final class KeptLines: LogSink {
  private let records = Mutex<[Log.Record]>([])
  var all: [Log.Record] { records.withLock { $0 } }
  func write(_ record: Log.Record) { records.withLock { $0.append(record) } }
}

@Suite struct WorkerBoardTests {
  private func snapshot(events: Int, _ rejections: [RejectionReason: Int] = [:], cacheBytes: Int) -> WorkerSnapshot {
    var snapshot = WorkerSnapshot()
    snapshot.pipeline.events = events
    snapshot.predictions = events
    snapshot.rejections = rejections
    snapshot.rejected = rejections.values.reduce(0, +)
    snapshot.cacheBytes = cacheBytes
    return snapshot
  }

  @Test("Counters go on over workers that come after one another; what is held now does not add up") func rejoins() {
    let lines = KeptLines()
    let board = WorkerBoard(workers: 2, Log(label: "test", to: lines))
    for _ in 0..<3 {
      for worker in 0..<2 {
        board.begin(worker)
        board.note(worker, snapshot(events: 5, [.malformed: 1], cacheBytes: 1000))
        board.note(worker, snapshot(events: 10, [.malformed: 2, .missingItem: 1], cacheBytes: 2000))
      }
    }
    #expect(board.snapshots.map(\.pipeline.events) == [30, 30])
    board.say("ended")
    let fields = Dictionary(uniqueKeysWithValues: lines.all[0].fields.map { ($0.name, $0.value) })
    #expect(lines.all.map(\.message) == ["ended"])
    #expect(fields["events"] == 60 && fields["predictions"] == 60 && fields["cache_bytes"] == 4000)
    #expect(fields["rejected"] == 18 && fields["rejected_malformed"] == 12 && fields["rejected_missing_item"] == 6)
    #expect(fields["rejected_wrong_type"] == nil)
    #expect(fields["transaction_aborts"] == 0)
  }

  @Test("A notice is said once a process, each kind for itself") func notices() {
    let lines = KeptLines()
    let board = WorkerBoard(workers: 3, Log(label: "test", to: lines))
    for worker in 0..<3 {
      board.take(.noticed(.severalPartitions(session: "s\(worker)")), of: worker)
      board.take(.noticed(.setAside("it was a list.")), of: worker)
    }
    #expect(lines.all.map(\.label) == ["worker-0", "worker-0"])
    #expect(Set(lines.all.map(\.message)).count == 2)
  }
}
