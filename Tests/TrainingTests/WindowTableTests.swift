import Events
import Sequential
import Testing

@testable import Training

@Suite struct WindowTableTests {
  /// Each event with a past is a target once, after just the known items of the window that it is served with.
  @Test(arguments: [2, 3, 5, 8, 9]) func eachTargetOnceInItsServingContext(maxLength: Int) {
    let sessions = TrainerFixture.random(sessions: 60, items: 30, longest: 40)
    let rule = WindowRule(maxLength: maxLength, isIncremental: true)
    var expected: [[ItemIndex]] = []
    for index in 0..<sessions.count {
      let session = Array(sessions[index])
      for event in 1..<max(session.count, 1) where session[event] >= 0 {
        let context = session[event - rule.length(at: Int64(event))..<event].filter { $0 >= 0 }
        if !context.isEmpty { expected.append(context + [session[event]]) }
      }
    }
    let table = WindowTable(sessions, maxLength: maxLength)
    var found: [[ItemIndex]] = []
    var batch = PackedBatch()
    for window in table.windows.indices { table.append(window, to: &batch) }
    for sequence in 0..<batch.sequences {
      let begin = Int(batch.starts[sequence])
      for row in begin..<Int(batch.starts[sequence + 1]) where batch.targets[row] >= 0 {
        found.append(Array(batch.items[begin...row]) + [batch.targets[row]])
      }
    }
    #expect(found == expected)
    #expect(table.targets == expected.count && table.rows == batch.rows)
    #expect(table.longest <= maxLength)
  }

  /// Lanes go through every window once, each row after the one before it in the same lane, with a reset at its first.
  @Test(arguments: [(1, 1), (7, 2), (64, 3)]) func lanesCoverEverything(lanes: Int, replicas: Int) {
    let sessions = TrainerFixture.random(sessions: 50, items: 30, longest: 20)
    let table = WindowTable(sessions, maxLength: 7)
    let order = WindowBatches(table, batchSize: 8, replayShare: 0, seed: 5).order(epoch: 2)
    #expect(order.sorted() == (0..<Int32(table.windows.count)).map { $0 })
    var source = LaneBatches(table, order: order, lanes: lanes, replicas: replicas)
    var batches = Array(repeating: PackedBatch(), count: replicas)
    var open: [[Int]: [[Int32]]] = [:]
    var found: [[[Int32]]] = []
    while source.step(&batches) {
      for (replica, batch) in batches.enumerated() {
        #expect(batch.sequences == batch.rows && Set(batch.lanes).count == batch.rows)
        for row in 0..<batch.rows {
          let key = [replica, Int(batch.lanes[row])]
          if batch.resets[row], let done = open.removeValue(forKey: key) { found.append(done) }
          open[key, default: []].append([batch.items[row], batch.targets[row]])
        }
      }
    }
    found += open.values
    let expected = table.windows.indices.map { window in
      var batch = PackedBatch()
      table.append(window, to: &batch)
      return (0..<batch.rows).map { [batch.items[$0], batch.targets[$0]] }
    }
    func sorted(_ windows: [[[Int32]]]) -> [[[Int32]]] {
      windows.sorted { $0.lazy.joined().lexicographicallyPrecedes($1.lazy.joined()) }
    }
    #expect(sorted(found) == sorted(expected))
  }

  /// A step's windows are shared out whole, with about as many rows for each.
  @Test func sharesAreBalanced() {
    let table = WindowTable(TrainerFixture.random(sessions: 300, items: 30, longest: 40), maxLength: 12)
    let batches = WindowBatches(table, batchSize: 64, replayShare: 0, seed: 1)
    let order = batches.order(epoch: 1)
    var shards: [[Int32]] = [[], [], []]
    batches.share(order[0..<64], into: &shards)
    #expect(shards.joined().sorted() == order[0..<64].sorted())
    let rows = shards.map { $0.reduce(0) { $0 + Int(table.windows[Int($1)].rows) } }
    #expect((rows.max() ?? 0) - (rows.min() ?? 0) <= 2)
    #expect(batches.order(epoch: 2) != order)
    #expect(batches.order(epoch: 1) == order)
  }

  /// Of what is replayed each epoch draws its share, another one each time.
  @Test func replayIsASample() {
    let sessions = TrainerFixture.random(sessions: 300, items: 30, longest: 10)
    let table = WindowTable(sessions, maxLength: 12, primarySessions: 100)
    let batches = WindowBatches(table, batchSize: 64, replayShare: 0.5, seed: 1)
    let samples = [1, 2].map { epoch in batches.order(epoch: epoch).filter { Int($0) >= table.primary }.sorted() }
    for sample in samples { #expect(sample.count == table.primary / 2 || sample.count == (table.primary + 1) / 2) }
    #expect(Set(samples[0]).count == samples[0].count)
    #expect(samples[0] != samples[1])
    #expect(Set(batches.order(epoch: 1)).isSuperset(of: 0..<Int32(table.primary)))
  }
}
