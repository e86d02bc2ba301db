import Events
import Replay
import Testing

struct EvaluatorTests {
  private let hour: Int64 = 3_600_000

  private func observe(
    _ evaluator: inout Evaluator, _ session: String, _ time: EventTime, _ target: ItemIndex,
    _ predicted: [ItemIndex] = []
  ) {
    evaluator.observe(session: Array(session.utf8).span, time: time, target: target, predicted: predicted)
  }

  @Test func ranksGiveTheMetrics() {
    var evaluator = Evaluator(name: "m", catalogue: 40)
    // Targets at ranks 1, 3, 20 and 21, one missed, one unknown.
    observe(&evaluator, "a", 0, 0, [7, 8, 9])
    observe(&evaluator, "b", 0, 0, [1, 2, 3])
    observe(&evaluator, "a", 1, 7, Array(10..<31))
    observe(&evaluator, "b", 1, 3, Array(10..<31))
    observe(&evaluator, "a", 2, 29, [5])
    observe(&evaluator, "b", 2, 30, [5])
    observe(&evaluator, "a", 3, 6, [])
    observe(&evaluator, "b", 3, .unknown, [])
    let row = evaluator.finish()
    #expect(row.targets == 6 && row.unknownTargets == 1 && row.evictedSessions == 0)
    #expect(row.metrics.map(\.k) == [1, 5, 10, 20])
    let found: [Double] = [1, 2, 2, 3]
    #expect(row.metrics.map(\.hitRate) == found.map { $0 / 6 })
    let third: Double = 1.0 / 3
    #expect(row.metrics[1].mrr == (1 + third) / 6)
    #expect(row.metrics[3].mrr == (1 + third + 0.05) / 6)
    #expect(row.metrics[3].map == row.metrics[3].mrr)
    // 1 / log2(2) and 1 / log2(4).
    #expect(abs(row.metrics[1].ndcg - 1.5 / 6) < 1e-12)
    // 7, 1, 10, 5; then 8, 9, 2, 3 and 10…14; then ten of 10…; then twenty.
    let covered: [Double] = [4, 12, 17, 27]
    #expect(row.metrics.map(\.coverage) == covered.map { $0 / 40 })
  }

  @Test func anotherVisitBeginsAfterTheIdleTimeout() {
    var evaluator = Evaluator(name: "m", catalogue: 9, options: EvaluationOptions(idleTimeout: hour))
    observe(&evaluator, "a", 0, 0, [1])
    observe(&evaluator, "a", hour, 1, [2])
    // Late clicks count as no gap, and don't set the visit's clock back.
    observe(&evaluator, "a", 0, 2, [3])
    observe(&evaluator, "a", 2 * hour, 3, [4])
    observe(&evaluator, "a", 3 * hour + 1, 4, [5])
    let row = evaluator.finish()
    #expect(row.targets == 3 && row.metrics[0].hitRate == 1)
  }

  @Test func lastClickOnly() {
    var evaluator = Evaluator(name: "m", catalogue: 9, options: EvaluationOptions(targets: .last, idleTimeout: hour))
    observe(&evaluator, "a", 0, 0, [8])
    observe(&evaluator, "a", 1, 1, [2])
    observe(&evaluator, "a", 2, 2, [3])  // Ends by the gap: a hit.
    observe(&evaluator, "a", 3 * hour, 3, [4])
    observe(&evaluator, "b", 0, 3, [4])
    observe(&evaluator, "b", 1, 4, [5])
    observe(&evaluator, "b", 2, 6, [5])  // Ends with the input: a miss.
    observe(&evaluator, "c", 2, 6, [5])  // One click only: no target.
    let row = evaluator.finish()
    #expect(row.targets == 2 && row.metrics[3].hitRate == 0.5)
    // Lists that were held against a target: 2 and 5.
    #expect(row.metrics[0].coverage == 2.0 / 9)
  }

  @Test func sessionsMakeRoom() {
    for targets in EvaluationTargets.allCases {
      var evaluator = Evaluator(name: "m", catalogue: 9, options: EvaluationOptions(targets: targets, openSessions: 2))
      observe(&evaluator, "a", 0, 0, [1])
      observe(&evaluator, "a", 0, 1, [2])
      observe(&evaluator, "b", 0, 0, [1])
      observe(&evaluator, "a", 0, 2, [3])  // b is the older one now.
      observe(&evaluator, "c", 0, 0, [1])
      observe(&evaluator, "a", 0, 3, [4])
      observe(&evaluator, "b", 0, 1, [1])  // c makes room; b's list is gone, so this is no target.
      let row = evaluator.finish()
      #expect(row.evictedSessions == 2)
      #expect(row.targets == (targets == .all ? 3 : 1) && row.metrics[0].hitRate == 1)
    }
  }

  /// The least recently used order against a plain array.
  @Test func roomIsMadeInTheOrderOfUse() {
    var generator = SystemRandomNumberGenerator()
    var evaluator = Evaluator(name: "m", catalogue: 1, options: EvaluationOptions(openSessions: 5))
    var open: [Int] = []
    var (targets, evicted) = (0, 0)
    for _ in 0..<20_000 {
      let session = Int.random(in: 0..<9, using: &generator)
      if let index = open.firstIndex(of: session) {
        targets += 1
        open.remove(at: index)
      } else if open.count == 5 {
        open.removeFirst()
        evicted += 1
      }
      open.append(session)
      observe(&evaluator, "\(session)", 0, 0, [0])
    }
    let row = evaluator.finish()
    #expect(row.targets == targets && row.evictedSessions == evicted)
  }

  @Test func batchesWithTheirPredictions() throws {
    let vocabulary = try #require(Vocabulary(["a", "b"].map { Array($0.utf8) }))
    var batch = EventBatch()
    var predictions = PredictionBatch()
    for (index, item) in ["a", "b", "zz"].enumerated() {
      let session = batch.bytes.appendBytes(Array("s".utf8).span)
      let id = batch.bytes.appendBytes(Array(item.utf8).span)
      batch.append(
        Event(session: session, item: id, time: 0, origin: Origin(partition: 0, offset: Int64(index))))
      predictions.items.append(ScoredItem(item: 1, score: 1))
      predictions.predictions.append(Prediction(event: index, firstItem: index, itemCount: 1, status: .predicted))
    }
    predictions.predictions.append(
      Prediction(event: 0, firstItem: 0, itemCount: 1, status: .predicted, isRedelivered: true))
    var evaluator = Evaluator(name: "m", catalogue: 2)
    evaluator.observe(batch, predictions, vocabulary: vocabulary)
    let row = evaluator.finish()
    #expect(
      row.targets == 2 && row.unknownTargets == 1 && row.metrics[0].hitRate == 0.5 && row.metrics[0].coverage == 0.5)
  }

  @Test func tableIsAligned() {
    var evaluator = Evaluator(name: "a longer name", catalogue: 2)
    observe(&evaluator, "a", 0, 0, [1])
    observe(&evaluator, "a", 0, 1, [0])
    let lines = EvaluationReport(targets: .all, rows: [evaluator.finish()]).table().split(separator: "\n")
    #expect(lines.count == 5 && Set(lines.map(\.count)).count == 1)
    #expect(
      lines[0].split(separator: " ").joined(separator: " ") == "model targets unknown evicted k HR MRR NDCG MAP cov")
    #expect(lines[1].hasSuffix("1  1.0000  1.0000  1.0000  1.0000  1.0000"))
  }
}
