public import Events

/// What a training file tells the baselines: how often items were clicked, and which followed which in a visit.
public final class BaselineStatistics: Sendable {
  /// The items of the training file, in the order of their first appearance.
  public let vocabulary: Vocabulary
  /// All items, most clicked first; ties by first appearance.
  public let popular: [ItemIndex]
  /// The items that followed an item, most frequent first; ties by first appearance. Those of row `i` stand at
  /// `starts[i]..<starts[i + 1]`.
  private let followers: [ItemIndex]
  private let starts: [Int]

  /// Learns from all events of `source`; visits are those of `options`.
  public init<Source: EventSource & ~Copyable>(
    learningFrom source: inout Source, options: EvaluationOptions = EvaluationOptions()
  ) throws(Source.Failure) {
    var learner = BaselineLearner(options: options)
    var batch = EventBatch()
    var state = SourceState.open
    while state == .open {
      batch.removeAll()
      state = try source.take(into: &batch, milliseconds: 1000)
      learner.observe(batch)
    }
    // Ids are unique by their table, and decoders hand over none that is empty or too long.
    vocabulary = Vocabulary(learner.ids)!
    let counts = learner.counts
    popular = counts.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }.map { ItemIndex($0) }
    (followers, starts) = learner.followers()
  }

  /// The items that followed `item`, best first.
  public func followers(of item: ItemIndex) -> ArraySlice<ItemIndex> {
    item < 0 ? [] : followers[starts[Int(item)]..<starts[Int(item) + 1]]
  }
}

/// Counts clicks and transitions.
private struct BaselineLearner {
  var ids: [[UInt8]] = []
  var counts: [Int] = []
  private var rows: [[UInt8]: Int] = [:]
  /// Numbers of the transitions in the order of their first appearance, by both rows.
  private var numbers: [UInt64: Int] = [:]
  private var transitions: [(from: Int, to: Int, count: Int)] = []
  private var sessions: EvaluationSessions
  private var last: [Int] = []
  private var scratch: [UInt8] = []

  init(options: EvaluationOptions) {
    sessions = EvaluationSessions(capacity: options.openSessions, idleTimeout: options.idleTimeout)
  }

  mutating func observe(_ batch: borrowing EventBatch) {
    for event in batch.events {
      let row = row(of: event.item, in: batch.bytes)
      counts[row] += 1
      let visit = sessions.visit(batch.bytes.span.extracting(event.session.indices), at: event.time)
      if visit.slot == last.count {
        last.append(row)
        continue
      }
      if !visit.begins { count(from: last[visit.slot], to: row) }
      last[visit.slot] = row
    }
  }

  private mutating func row(of item: ByteRange, in bytes: [UInt8]) -> Int {
    scratch.removeAll(keepingCapacity: true)
    _ = scratch.appendBytes(item, of: bytes)
    if let row = rows[scratch] { return row }
    let row = ids.count
    rows[scratch] = row
    ids.append(scratch)
    counts.append(0)
    return row
  }

  private mutating func count(from: Int, to: Int) {
    let key = UInt64(from) << 32 | UInt64(to)
    if let number = numbers[key] {
      transitions[number].count += 1
    } else {
      numbers[key] = transitions.count
      transitions.append((from, to, 1))
    }
  }

  /// The followers of all rows side by side, and where each row's begin.
  func followers() -> ([ItemIndex], [Int]) {
    let order = transitions.indices.sorted { left, right in
      let (a, b) = (transitions[left], transitions[right])
      return (a.from, b.count, left) < (b.from, a.count, right)
    }
    var starts = [Int](repeating: 0, count: ids.count + 1)
    for transition in transitions { starts[transition.from + 1] += 1 }
    for row in ids.indices { starts[row + 1] += starts[row] }
    return (order.map { ItemIndex(transitions[$0].to) }, starts)
  }
}

/// A simple recommender to hold a model against.
public protocol Baseline: Sendable {
  /// Its name in reports.
  var name: String { get }
  /// The items that it knows.
  var vocabulary: Vocabulary { get }

  /// Appends the next items after `last` to the emptied `list`, at most `count`, without those of `excluded`.
  func recommend(after last: ItemIndex, excluding excluded: [ItemIndex], count: Int, into list: inout [ItemIndex])
}

/// The items clicked most, always.
public struct PopularityBaseline: Baseline {
  /// Its name in reports.
  public let name = "popularity"
  private let statistics: BaselineStatistics

  /// The baseline of a training file.
  public init(_ statistics: BaselineStatistics) { self.statistics = statistics }

  /// The items that it knows.
  public var vocabulary: Vocabulary { statistics.vocabulary }

  /// Appends the most popular items.
  public func recommend(
    after last: ItemIndex, excluding excluded: [ItemIndex], count: Int, into list: inout [ItemIndex]
  ) {
    for item in statistics.popular where !excluded.contains(item) {
      if list.count == count { return }
      list.append(item)
    }
  }
}

/// The items that most often followed the last one; then, where asked for, the most popular ones.
public struct MarkovBaseline: Baseline {
  /// Its name in reports.
  public var name: String { backsOff ? "markov+popularity" : "markov" }
  private let statistics: BaselineStatistics
  private let backsOff: Bool

  /// The baseline of a training file; `backsOff` fills short lists up with the most popular items.
  public init(_ statistics: BaselineStatistics, backsOff: Bool = true) {
    self.statistics = statistics
    self.backsOff = backsOff
  }

  /// The items that it knows.
  public var vocabulary: Vocabulary { statistics.vocabulary }

  /// Appends the followers of `last`, and the most popular items.
  public func recommend(
    after last: ItemIndex, excluding excluded: [ItemIndex], count: Int, into list: inout [ItemIndex]
  ) {
    for item in statistics.followers(of: last) where !excluded.contains(item) {
      if list.count == count { return }
      list.append(item)
    }
    guard backsOff else { return }
    for item in statistics.popular where !excluded.contains(item) && !list.contains(item) {
      if list.count == count { return }
      list.append(item)
    }
  }
}
