import Events
import Foundation
import Sequential
import Testing

@testable import Training

@Suite struct EvaluationTests {
  /// The same figures as one session after the other, one target after the other, with the whole list sorted.
  @Test(arguments: [false, true], [1, 3]) func isThatOfALoop(excludesSeen: Bool, threads: Int) throws {
    let items = 40
    let sessions = TrainerFixture.random(sessions: 80, items: items, longest: 30)
    var random = RandomStream(seed: 9, purpose: .sampling)
    let firsts = (0..<sessions.count).map { 1 + random.below(max(1, sessions[$0].count - 1)) }
    let holdOut = HoldOut(sessions: sessions, firstTargets: firsts, excludesSeen: excludesSeen)
    let maxLength = 7
    let network = SASRecNetwork<Float>(
      itemCount: items, maxLength: maxLength, hiddenSize: 16, blocks: 1, heads: 2, ffnSize: 32, seed: 1)
    // Some items are alike, so that their scores are equal.
    for column in 0..<16 { network.parameters[0].value[7, column] = network.parameters[0].value[3, column] }
    let capacity = BatchCapacity(rows: 64, sequences: 64, length: maxLength)
    let replicas = (0..<threads).map { _ in
      Replica(network, FullSoftmax<Float>(items: items, rows: 64), capacity, evaluation: capacity)
    }
    let evaluation = Evaluation(holdOut, maxLength: maxLength, rows: 64)
    let team = try ThreadTeam(threads)
    let found = try #require(evaluation.run(network, replicas, team))
    #expect(evaluation.run(network, replicas, team, isStopped: { true }) == nil)
    #expect(evaluation.answerable == found.targets - found.unknownTargets)
    let expected = plain(network, holdOut, maxLength: maxLength)
    #expect(found.targets == expected.targets && found.unknownTargets == expected.unknown)
    #expect(found.unknownTargets > 0)
    for (index, k) in RankingQuality.lengths.enumerated() {
      let hits = expected.ranks.filter { $0 <= k }
      #expect(found.lists[index].k == k)
      #expect(abs(found.hitRate(k) - Double(hits.count) / Double(expected.targets)) < 1e-12)
      #expect(abs(found.mrr(k) - hits.reduce(0) { $0 + 1 / Double($1) } / Double(expected.targets)) < 1e-12)
      let gain = hits.reduce(0) { $0 + 1 / log2(Double($1 + 1)) }
      #expect(abs(found.ndcg(k) - gain / Double(expected.targets)) < 1e-12)
    }
    #expect(found.positions.reduce(0) { $0 + $1.targets } == found.targets)
    #expect(found.positions.map(\.name).contains("5-9"))
  }

  private func plain(
    _ network: SASRecNetwork<Float>, _ holdOut: HoldOut, maxLength: Int
  ) -> (targets: Int, unknown: Int, ranks: [Int]) {
    let rule = WindowRule(maxLength: maxLength, isIncremental: true)
    let pass = network.makePass(BatchCapacity(rows: maxLength, sequences: 1, length: maxLength))
    let table = network.parameters[0].value
    var (targets, unknown, ranks) = (0, 0, [Int]())
    for index in 0..<holdOut.sessions.count {
      let session = Array(holdOut.sessions[index])
      for event in holdOut.firstTargets[index]..<max(session.count, holdOut.firstTargets[index]) {
        targets += 1
        let window = session[event - rule.length(at: Int64(event))..<event].filter { $0 >= 0 }
        guard session[event] >= 0, !window.isEmpty else {
          unknown += 1
          continue
        }
        var batch = PackedBatch()
        batch.append(items: window[...], targets: window.map { _ in PackedBatch.noTarget }[...])
        let hidden = pass.forward(batch, dropout: nil)
        var scores = (0..<table.rows).map { item in
          (0..<table.columns).reduce(0.0) {
            $0 + Double(hidden[window.count - 1, $1]) * Double(table[item, $1])
          }
        }
        if holdOut.excludesSeen { for item in session[..<event] where item >= 0 { scores[Int(item)] = -.infinity } }
        guard scores[Int(session[event])].isFinite else { continue }
        // Equal rows of the table have equal sums here as there.
        let order = scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
        ranks.append((order.firstIndex(of: Int(session[event])) ?? 0) + 1)
      }
    }
    return (targets, unknown, ranks)
  }
}
