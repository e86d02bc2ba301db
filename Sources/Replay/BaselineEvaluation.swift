public import Baselines
public import Events
import Formats
public import Pipeline

/// Runs a baseline over the clicks that a model is evaluated on.
///
/// Where every click is a target, it makes a list after each. Where the last ones of visits alone are, that would be most of the work in vain: it makes
/// one list a visit, when the visit has ended, after the click before the last.
///
/// Memory is bounded: twice as many items of each open session as the baseline looks at, or ``Limits/exclusions`` where seen ones are left out.
public struct BaselineEvaluation: Sendable {
  private var baseline: any Baseline
  private let exclusion: ExclusionMode
  private let targets: EvaluationTargets
  /// What has an entry a click; idle where last clicks alone count.
  private var evaluator: Evaluator
  /// What has an entry a visit.
  private var tally: EvaluationTally
  private var sessions: OpenSessions
  /// Most items of a visit that are needed.
  private let needed: Int
  /// By slot.
  private var visits: [OpenVisit] = []
  private var excluded: ItemSet
  private var recommended: [RecommendedItem] = []
  private var list: [ItemIndex] = []

  /// A visit that goes on.
  private struct OpenVisit: Sendable {
    /// The known items so far, at least the newest ones that are needed and one more.
    var items: [ItemIndex] = []
    /// Items of the last click and of the one before, known or not; nil before there are any.
    var last: ItemIndex?
    var previous: ItemIndex?
  }

  /// An evaluation of `baseline`, whose lists leave out what `exclusion` says: for ``ExclusionMode/seen`` all known items of the visit, its newest
  /// ``Limits/exclusions``.
  public init(
    _ baseline: any Baseline, exclusion: ExclusionMode = .none, options: EvaluationOptions = EvaluationOptions()
  ) {
    self.baseline = baseline
    self.exclusion = exclusion
    targets = options.targets
    evaluator = Evaluator(name: baseline.name, catalogue: baseline.vocabulary.count, options: options)
    tally = EvaluationTally(catalogue: baseline.vocabulary.count)
    sessions = OpenSessions(capacity: options.openSessions, idleTimeout: options.idleTimeout)
    needed = max(1, baseline.window, exclusion == .seen ? Limits.exclusions : 0)
    excluded = ItemSet(items: baseline.vocabulary.count)
  }

  /// Takes a batch of clicks.
  public mutating func observe(_ batch: borrowing EventBatch) {
    for event in batch.events {
      let bytes = batch.bytes.span
      let item = baseline.vocabulary.index(of: bytes.extracting(event.item.indices))
      let session = bytes.extracting(event.session.indices)
      let visit = sessions.visit(session, at: event.time)
      if visit.slot == visits.count {
        visits.append(OpenVisit())
      } else if visit.begins {
        end(visit.slot)
      }
      append(item, to: visit.slot)
      guard targets == .all else { continue }
      recommend(after: visits[visit.slot].items[...], item)
      evaluator.observe(session: session, time: event.time, target: item, predicted: list)
    }
  }

  /// Ends all visits and says what was measured.
  public mutating func finish() -> EvaluationReport.Row {
    guard targets == .last else { return evaluator.finish() }
    for slot in visits.indices { end(slot) }
    return tally.row(name: baseline.name, evicted: sessions.evicted)
  }

  /// Adds a click to its visit; one on an unknown item is passed over, as encoders do.
  private mutating func append(_ item: ItemIndex, to slot: Int) {
    visits[slot].previous = visits[slot].last
    visits[slot].last = item
    guard item >= 0 else { return }
    if visits[slot].items.count == 2 * needed + 1 { visits[slot].items.removeFirst(needed) }
    visits[slot].items.append(item)
  }

  /// Ends a visit: holds its last click, where that is to be counted, against the list after the one before.
  private mutating func end(_ slot: Int) {
    if targets == .last, let target = visits[slot].last, let previous = visits[slot].previous {
      recommend(after: target < 0 ? visits[slot].items[...] : visits[slot].items.dropLast(), previous)
      tally.count(target, in: list[...])
      tally.cover(list[...])
    }
    visits[slot].items.removeAll(keepingCapacity: true)
    visits[slot].last = nil
    visits[slot].previous = nil
  }

  /// Makes the list after the known `items` of a visit whose newest click was on `item`, known or not.
  private mutating func recommend(after items: ArraySlice<ItemIndex>, _ item: ItemIndex) {
    excluded.removeAll()
    switch exclusion {
    case .none: break
    case .last: excluded.insert(item)
    case .seen: for item in items.suffix(needed) { excluded.insert(item) }
    }
    recommended.removeAll(keepingCapacity: true)
    baseline.recommend(
      after: items.suffix(baseline.window), excluding: excluded, count: Evaluator.depth, into: &recommended)
    list.removeAll(keepingCapacity: true)
    for entry in recommended { list.append(entry.item) }
  }
}

/// The baselines of a replay, learnt from its training file.
struct BaselineEvaluations: Sendable {
  /// What they were learnt from.
  let training: EvaluationReport.BaselineTraining
  private var evaluations: [BaselineEvaluation]

  /// Learns the baselines that `options` name; nil where there is no file to learn from.
  init?(_ options: ReplayOptions, _ evaluation: EvaluationOptions) throws(ReplayFailure) {
    guard let file = options.baselineTrain else { return nil }
    do throws(FormatsFailure) {
      var source = try FileEventSource([file], format: options.format, partitions: PartitionTable())
      let history = try VisitHistory(
        learningFrom: &source, options: BaselineOptions(idleTimeout: evaluation.idleTimeout))
      training = EvaluationReport.BaselineTraining(
        events: history.items.count, visits: history.visitCount, items: history.vocabulary.count,
        dropped: history.dropped)
      evaluations = options.baselines.map {
        BaselineEvaluation($0.learn(from: history), exclusion: options.exclude, options: evaluation)
      }
    } catch {
      throw .reading(error)
    }
  }

  /// Takes a batch of clicks.
  mutating func observe(_ batch: borrowing EventBatch) {
    for index in evaluations.indices { evaluations[index].observe(batch) }
  }

  /// Ends all visits and says what was measured.
  mutating func finish() -> [EvaluationReport.Row] {
    var rows: [EvaluationReport.Row] = []
    for index in evaluations.indices { rows.append(evaluations[index].finish()) }
    return rows
  }
}
