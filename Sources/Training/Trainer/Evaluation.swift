import Events
import Sequential
import Synchronization

/// Ranks the targets of a ``HoldOut`` among all items with the network itself, on the windows that serving sees, so that the figures are those
/// that a replay of the same events measures. Of items with equal scores the lower row stands first.
///
/// Work is cut into parts that don't depend on the number of threads, and so neither do the figures.
final class Evaluation: Sendable {
  /// A run of serving windows that begin alike, with targets in it.
  private struct Run {
    var session: Int
    /// Events of ``SessionTable/items``, up to the last one that a known target is predicted from.
    var events: Range<Int>
    /// The first event that a target is predicted from.
    var first: Int
    /// Where the ranks of its targets stand.
    var answers: Range<Int>
  }

  private let holdOut: HoldOut
  private let runs: [Run]
  /// Runs that are computed together.
  private let parts: [Range<Int>]
  /// By target: events before it. Those that have a prediction come first.
  private let events: [Int32]
  /// Targets whose item is unknown, or before which there is no known item in the window.
  private let unknown: Int

  /// Rows of the largest part.
  let capacity: Int

  /// Prepares the evaluation of `holdOut` for windows of at most `maxLength` events, `rows` rows at a time.
  init(_ holdOut: HoldOut, maxLength: Int, rows: Int) {
    var plan = Plan()
    let sessions = holdOut.sessions
    let rule = WindowRule(maxLength: maxLength, isIncremental: true)
    for session in 0..<sessions.count {
      let begin = sessions.starts[session]
      WindowTable.cut(sessions.starts[session + 1] - begin - 1, rule) { start, end, first in
        let first = max(first, holdOut.firstTargets[session] - 1)
        guard first < end else { return }
        plan.append(session, begin: begin, start: start, end: end, first: first, sessions.items)
      }
    }
    self.holdOut = holdOut
    runs = plan.runs
    events = plan.events + plan.missed
    answerable = plan.events.count
    unknown = plan.unknown
    capacity = max(rows, maxLength)
    var parts: [Range<Int>] = []
    var (begin, size) = (0, 0)
    for (index, run) in plan.runs.enumerated() {
      if size + run.events.count > capacity {
        parts.append(begin..<index)
        (begin, size) = (index, 0)
      }
      size += run.events.count
    }
    if begin < plan.runs.count { parts.append(begin..<plan.runs.count) }
    self.parts = parts
  }

  /// What ``init(_:maxLength:rows:)`` collects.
  private struct Plan {
    var runs: [Run] = []
    var events: [Int32] = []
    var missed: [Int32] = []
    var unknown = 0

    mutating func append(_ session: Int, begin: Int, start: Int, end: Int, first: Int, _ items: [ItemIndex]) {
      let firstAnswer = events.count
      var isEmpty = true
      var last = 0
      for event in start..<end {
        if items[begin + event] >= 0 { isEmpty = false }
        guard event >= first else { continue }
        let isUnknown = items[begin + event + 1] < 0
        if isUnknown { unknown += 1 }
        if isUnknown || isEmpty {
          missed.append(Int32(event + 1))
        } else {
          events.append(Int32(event + 1))
          last = event + 1
        }
      }
      guard events.count > firstAnswer else { return }
      runs.append(
        Run(
          session: session, events: begin + start..<begin + last, first: begin + first,
          answers: firstAnswer..<events.count))
    }
  }

  /// Number of targets.
  var targets: Int { events.count }

  /// Targets that are ranked: of a known item, with a known one before it in the window.
  let answerable: Int

  /// Values of the scores that a thread computes at a time.
  private static let scores = 1 << 21

  /// Rows of scores at a time, for `items` items.
  static func scoreRows(items: Int) -> Int { min(256, max(1, scores / max(1, items))) }

  /// Bytes of the buffers that an evaluation makes, on each thread.
  static func bytes(items: Int, outputSize: Int) -> Int { scoreRows(items: items) * (items + outputSize) * 4 }

  /// Measures the network of `replicas`, by all of `threads`. `isStopped` is asked by the caller's thread before each of its parts: true ends
  /// it, and the result is nil.
  func run(
    _ network: any Network<Float>, _ replicas: [Replica], _ threads: ThreadTeam, isStopped: () -> Bool = { false }
  ) -> RankingQuality? {
    let rankings = (0..<threads.count).map { _ in Ranking(network) }
    let next = Atomic<Int>(0)
    let isOver = Atomic<Bool>(false)
    threads.run { index in
      while !isOver.load(ordering: .relaxed) {
        // The callback is the caller's, whose number is 0.
        if index == 0, isStopped() {
          isOver.store(true, ordering: .relaxed)
          return
        }
        let part = next.add(1, ordering: .relaxed).oldValue
        guard part < parts.count else { return }
        measure(parts[part], replicas[index], rankings[index])
      }
    }
    if isOver.load(ordering: .relaxed) { return nil }
    var ranks = [Int32](repeating: 0, count: events.count)
    for ranking in rankings { for (answer, rank) in ranking.found { ranks[answer] = rank } }
    return RankingQuality(ranks: ranks, events: events, unknownTargets: unknown)
  }

  private func measure(_ part: Range<Int>, _ replica: Replica, _ ranking: Ranking) {
    replica.batch.removeAll()
    ranking.questions.removeAll(keepingCapacity: true)
    for run in runs[part] { append(run, to: &replica.batch, ranking) }
    let hidden = replica.encode()
    ranking.answer(hidden) { question, item in
      guard holdOut.excludesSeen else { return }
      let begin = holdOut.sessions.starts[question.session]
      for event in begin...question.event where holdOut.sessions.items[event] >= 0 {
        item(Int(holdOut.sessions.items[event]))
      }
    }
  }

  private func append(_ run: Run, to batch: inout PackedBatch, _ ranking: Ranking) {
    let items = holdOut.sessions.items
    var answer = run.answers.lowerBound
    let begin = batch.rows
    for event in run.events {
      if items[event] >= 0 {
        batch.items.append(items[event])
        batch.targets.append(PackedBatch.noTarget)
      }
      guard event >= run.first, batch.rows > begin, items[event + 1] >= 0 else { continue }
      ranking.questions.append(
        Question(
          row: Int32(batch.rows - 1), target: items[event + 1], session: run.session, event: event, answer: answer))
      answer += 1
    }
    batch.starts.append(Int32(batch.rows))
  }
}

/// A target that is to be ranked.
private struct Question {
  /// The row that it is predicted from.
  var row: Int32
  var target: ItemIndex
  var session: Int
  /// The event that it is predicted from.
  var event: Int
  /// Where its rank stands.
  var answer: Int
}

/// One thread's buffers of an evaluation, and the ranks that it found.
private final class Ranking: @unchecked Sendable {
  var questions: [Question] = []
  private(set) var found: [(Int, Int32)] = []

  private let weight: Tensor<Float>
  private let bias: Tensor<Float>?
  private let rows: Tensor<Float>
  private let scores: Tensor<Float>

  init(_ network: any Network<Float>) {
    weight = network.parameters[network.output.weight].value
    bias = network.output.bias.map { network.parameters[$0].value }
    let count = Evaluation.scoreRows(items: weight.rows)
    rows = Tensor(rows: count, columns: weight.columns)
    scores = Tensor(rows: count, columns: weight.rows)
  }

  /// Ranks ``questions``; `exclude` calls back with the items that a question leaves out.
  func answer(_ hidden: Tensor<Float>, excluding exclude: (Question, (Int) -> Void) -> Void) {
    for begin in stride(from: 0, to: questions.count, by: rows.rows) {
      let some = questions[begin..<min(begin + rows.rows, questions.count)]
      Float.copyRows(some.count, of: hidden, at: some.map(\.row), to: rows, at: nil)
      Float.multiply(
        rows.slice(rows: some.count), transposed: false, weight.slice(rows: weight.rows), transposed: true,
        into: scores.slice(rows: some.count), alpha: 1, beta: 0)
      if let bias { Float.addBias(bias, to: scores, rows: some.count) }
      for (row, question) in some.enumerated() {
        exclude(question) { scores[row, $0] = -.infinity }
        let target = Int(question.target)
        // What is left out can't be predicted.
        let isExcluded = scores[row, target] == -.infinity
        let before = isExcluded ? nil : TrainerKernels.itemsBefore(target, in: scores, row: row)
        found.append((question.answer, before.map { Int32($0) + 1 } ?? 0))
      }
    }
  }
}
