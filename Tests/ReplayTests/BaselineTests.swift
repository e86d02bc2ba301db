import Events
import Pipeline
import Replay
import Testing

/// Events in memory.
struct ListedSource: EventSource {
  enum Failure: PortFailure {
    case never
    var disposition: Disposition { .halt }
    var description: String { "" }
  }

  /// Session, item, time.
  var clicks: [(String, String, EventTime)]
  private var next = 0

  init(_ clicks: [(String, String, EventTime)]) { self.clicks = clicks }

  mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(Failure) -> SourceState {
    while next < clicks.count, !batch.isFull {
      let (session, item, time) = clicks[next]
      let ranges = [session, item].map { batch.bytes.appendBytes(Array($0.utf8).span) }
      batch.append(
        Event(session: ranges[0], item: ranges[1], time: time, origin: Origin(partition: 0, offset: Int64(next + 1))))
      next += 1
    }
    return next < clicks.count ? .open : .ended
  }

  mutating func commit(except pending: ArraySlice<Event>) throws(Failure) -> Bool { true }
}

struct BaselineTests {
  /// Clicks: a 2, b 3, c 3, d 1. Transitions: a-b, b-c twice, c-b, b-d; none over the gap in s3.
  private let clicks: [(String, String, EventTime)] = [
    ("s1", "a", 0), ("s2", "b", 0), ("s1", "b", 1), ("s2", "c", 1), ("s1", "c", 2), ("s2", "b", 2), ("s2", "d", 3),
    ("s3", "a", 0), ("s3", "c", 90_000_000),
  ]

  private func statistics() throws -> BaselineStatistics {
    var source = ListedSource(clicks)
    return try BaselineStatistics(learningFrom: &source)
  }

  private func names(_ baseline: any Baseline, after item: String, excluding: [String] = [], count: Int = 20)
    -> [String]
  {
    func index(_ name: String) -> ItemIndex { baseline.vocabulary.index(of: Array(name.utf8).span) }
    var list: [ItemIndex] = []
    baseline.recommend(after: index(item), excluding: excluding.map(index), count: count, into: &list)
    return list.map { baseline.vocabulary.id(of: $0) }
  }

  @Test func popularity() throws {
    let baseline = PopularityBaseline(try statistics())
    #expect(names(baseline, after: "zz") == ["b", "c", "a", "d"])
    #expect(names(baseline, after: "a", excluding: ["b"], count: 2) == ["c", "a"])
  }

  @Test func markov() throws {
    let plain = MarkovBaseline(try statistics(), backsOff: false)
    #expect(names(plain, after: "b") == ["c", "d"])
    #expect(names(plain, after: "b", count: 1) == ["c"])
    #expect(names(plain, after: "a") == ["b"])
    #expect(names(plain, after: "d").isEmpty && names(plain, after: "zz").isEmpty)
    let full = MarkovBaseline(try statistics())
    #expect(names(full, after: "b") == ["c", "d", "b", "a"])
    #expect(names(full, after: "b", excluding: ["b"], count: 3) == ["c", "d", "a"])
    #expect(names(full, after: "zz") == ["b", "c", "a", "d"])
  }

  @Test func exclusionModes() throws {
    let statistics = try statistics()
    var coverage: [ExclusionMode: Double] = [:]
    var hits: [ExclusionMode: Double] = [:]
    for mode in ExclusionMode.allCases {
      var evaluation = BaselineEvaluation(PopularityBaseline(statistics), exclusion: mode)
      var source = ListedSource([("x", "b", 0), ("x", "c", 1), ("x", "b", 2), ("x", "zz", 3)])
      var batch = EventBatch()
      _ = try source.take(into: &batch, milliseconds: 0)
      evaluation.observe(batch)
      let row = evaluation.finish()
      #expect(row.targets == 3 && row.unknownTargets == 1)
      // Lists begin with b b b b; c a a a; c b c b.
      coverage[mode] = row.metrics[0].coverage
      hits[mode] = row.metrics[0].hitRate * 3
    }
    #expect(hits == [.none: 1, .seen: 1, .last: 2])
    #expect(coverage == [.none: 0.25, .seen: 0.5, .last: 0.5])
  }
}
