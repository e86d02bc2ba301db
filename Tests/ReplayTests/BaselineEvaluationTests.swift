import Baselines
import Events
import Foundation
import Pipeline
import Replay
import TestSupport
import Testing

@Suite struct BaselineEvaluationTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "baselines-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  /// Clicks: a 2, b 3, c 3, d 1.
  private func history() throws -> VisitHistory {
    var source = ListedSource([
      ("s1", "a", 0), ("s2", "b", 0), ("s1", "b", 1), ("s2", "c", 1), ("s1", "c", 2), ("s2", "b", 2), ("s2", "d", 3),
      ("s3", "a", 0), ("s3", "c", 90_000_000),
    ])
    return try VisitHistory(learningFrom: &source)
  }

  private func evaluate(
    _ baseline: any Baseline, _ exclusion: ExclusionMode, _ clicks: [(session: String, item: String, time: EventTime)],
    _ options: EvaluationOptions = EvaluationOptions()
  ) throws -> EvaluationReport.Row {
    var evaluation = BaselineEvaluation(baseline, exclusion: exclusion, options: options)
    var source = ListedSource(clicks)
    var batch = EventBatch()
    _ = try source.take(into: &batch, milliseconds: 0)
    evaluation.observe(batch)
    return evaluation.finish()
  }

  @Test func exclusionModes() throws {
    let history = try history()
    var coverage: [ExclusionMode: Double] = [:]
    var hits: [ExclusionMode: Double] = [:]
    for mode in ExclusionMode.allCases {
      let row = try evaluate(
        PopularityBaseline(history), mode, [("x", "b", 0), ("x", "c", 1), ("x", "b", 2), ("x", "zz", 3)])
      #expect(row.targets == 3 && row.unknownTargets == 1)
      // Lists begin with b b b b; c a a a; c b c b.
      coverage[mode] = row.metrics[0].coverage
      hits[mode] = row.metrics[0].hitRate * 3
    }
    #expect(hits == [.none: 1, .seen: 1, .last: 2])
    #expect(coverage == [.none: 0.25, .seen: 0.5, .last: 0.5])
  }

  /// What a baseline is shown, as a list of its own.
  private struct Echo: Baseline {
    let name = "echo"
    let vocabulary: Vocabulary
    let window: Int

    mutating func recommend(
      after session: ArraySlice<ItemIndex>, excluding excluded: ItemSet, count: Int, into list: inout [RecommendedItem]
    ) {
      for item in session where !excluded.contains(item) { list.append(RecommendedItem(item: item, score: 0)) }
    }
  }

  @Test(
    "The session so far, newest last, without unknown items, cut to the window; another visit begins anew",
    arguments: 1...4, EvaluationTargets.allCases)
  func theSessionSoFar(window: Int, targets: EvaluationTargets) throws {
    var generator = SystemRandomNumberGenerator()
    let vocabulary = try #require(Vocabulary((0..<4).map { Array("\($0)".utf8) }))
    for exclusion in ExclusionMode.allCases {
      var clicks: [(session: String, item: String, time: EventTime)] = []
      var time: EventTime = 0
      for _ in 0..<200 {
        time += Int.random(in: 0..<20, using: &generator) == 0 ? 90_000_000 : 1
        let (session, item) = (Int.random(in: 0..<3, using: &generator), Int.random(in: 0..<6, using: &generator))
        clicks.append(("\(session)", "\(item)", time))
      }
      let options = EvaluationOptions(targets: targets)
      var evaluator = Evaluator(name: "echo", catalogue: 4, options: options)
      var visits: [String: (items: [ItemIndex], time: EventTime)] = [:]
      for click in clicks {
        let item = vocabulary.index(of: Array(click.item.utf8).span)
        if let visit = visits[click.session], click.time - visit.time > 24 * 3_600_000 { visits[click.session] = nil }
        visits[click.session, default: ([], 0)].time = click.time
        if item >= 0 { visits[click.session]!.items.append(item) }
        let items = visits[click.session]!.items
        let list = items.suffix(window).filter { other in
          switch exclusion {
          case .none: true
          case .last: other != item
          case .seen: !items.contains(other)
          }
        }
        evaluator.observe(session: Array(click.session.utf8).span, time: click.time, target: item, predicted: list)
      }
      let row = evaluator.finish()
      #expect(row.targets > 0)
      #expect(try evaluate(Echo(vocabulary: vocabulary, window: window), exclusion, clicks, options) == row)
    }
  }

  @Test("One list a visit gives what a list a click gives, sessions that make room included", arguments: [2, 1000])
  func lastClicks(openSessions: Int) throws {
    var generator = SystemRandomNumberGenerator()
    let history = try history()
    let options = EvaluationOptions(targets: .last, openSessions: openSessions)
    for (kind, exclusion) in BaselineKind.allCases.flatMap({ kind in ExclusionMode.allCases.map { (kind, $0) } }) {
      var time: EventTime = 0
      let clicks = (0..<200).map { _ in
        time += Int.random(in: 0..<20, using: &generator) == 0 ? 90_000_000 : 1
        let item = ["a", "b", "c", "d", "zz"].randomElement(using: &generator)!
        return (session: "\(Int.random(in: 0..<3, using: &generator))", item: item, time: time)
      }
      var baseline = kind.learn(from: history)
      var evaluator = Evaluator(name: baseline.name, catalogue: history.vocabulary.count, options: options)
      var sessions = OpenSessions(capacity: openSessions, idleTimeout: options.idleTimeout)
      var items: [[ItemIndex]] = [[], [], []]
      for click in clicks {
        let visit = sessions.visit(Array(click.session.utf8).span, at: click.time)
        if visit.begins { items[visit.slot] = [] }
        let item = history.vocabulary.index(of: Array(click.item.utf8).span)
        if item >= 0 { items[visit.slot].append(item) }
        let seen = items[visit.slot]
        let excluded = exclusion == .seen ? seen : exclusion == .last ? [item] : []
        var list: [RecommendedItem] = []
        baseline.recommend(
          after: seen.suffix(baseline.window), excluding: ItemSet(excluded, of: history.vocabulary.count),
          count: Evaluator.depth, into: &list)
        evaluator.observe(
          session: Array(click.session.utf8).span, time: click.time, target: item, predicted: list.map(\.item))
      }
      let row = evaluator.finish()
      #expect(row.targets > 0 && (row.evictedSessions > 0) == (openSessions == 2))
      #expect(try evaluate(kind.learn(from: history), exclusion, clicks, options) == row, "\(kind) \(exclusion)")
    }
  }

  /// Counts the lists that it is asked for.
  private struct Counting: Baseline {
    final class Calls: @unchecked Sendable { var count = 0 }
    let name = "counting"
    let vocabulary: Vocabulary
    let window = 1
    let calls = Calls()

    mutating func recommend(
      after session: ArraySlice<ItemIndex>, excluding excluded: ItemSet, count: Int, into list: inout [RecommendedItem]
    ) { calls.count += 1 }
  }

  @Test("Where last clicks alone are targets, a list is made for each of them and no other")
  func noListInVain() throws {
    let clicks = (0..<120).map { (session: "\($0 / 40)", item: "a", time: EventTime($0)) } + [("alone", "a", 120)]
    for (targets, lists) in [(EvaluationTargets.all, 121), (.last, 3)] {
      let baseline = Counting(vocabulary: try history().vocabulary)
      let row = try evaluate(baseline, .none, clicks, EvaluationOptions(targets: targets))
      #expect(baseline.calls.count == lists && row.targets == (targets == .all ? 117 : 3))
    }
  }

  private func file(_ name: String, _ rows: [(session: String, item: Int, time: Int)]) throws -> String {
    let text = "SessionId\tItemId\tTime\n" + rows.map { "\($0.session)\t\($0.item)\t\($0.time)\n" }.joined()
    let path = folder.appending(path: name).path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test("Alone, files give the rows of the baselines that were asked for", arguments: EvaluationTargets.allCases)
  func withoutAModel(targets: EvaluationTargets) throws {
    let base = 1_400_000_000
    let rows = (0..<900).map { (session: "s\($0 * 31 % 97)", item: $0 * $0 % 23, time: base + $0) }
    var options = ReplayOptions(files: [try file("test.tsv", Array(rows[300...]))])
    options.targets = targets
    options.baselineTrain = try file("train.tsv", Array(rows[..<300]))
    options.baselines = BaselineKind.allCases
    let report = try BaselineReplay(options).run()
    let evaluation = try #require(report.evaluation)
    #expect(report.model == nil && report.input.events == 600)
    #expect(evaluation.rows.map(\.name) == BaselineKind.allCases.map(\.rawValue))
    #expect(evaluation.rows.allSatisfy { $0.targets == (targets == .all ? 503 : 97) && $0.metrics[3].hitRate > 0 })
    let training = try #require(evaluation.baselineTraining)
    #expect(training.events == 300 && training.visits == 97 && training.dropped == 0)
    // Sorting is the reader's: the same events from an unsorted file.
    options.files = [try file("unsorted.tsv", rows[300...].reversed())]
    options.order = .time
    options.batch = 7
    #expect(try BaselineReplay(options).run().evaluation == evaluation)
    options.baselines = [.vmisKNN, .markov]
    #expect(try BaselineReplay(options).run().evaluation?.rows == [evaluation.rows[4], evaluation.rows[1]])
    options.baselineTrain = folder.appending(path: "nothing.tsv").path
    #expect {
      _ = try BaselineReplay(options).run()
    } throws: { error in
      "\(error)".contains("nothing.tsv")
    }
  }
}
