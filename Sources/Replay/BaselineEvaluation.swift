public import Baselines
public import Events
import Formats
public import Pipeline

/// Runs a baseline over the clicks that a model is evaluated on.
///
/// Memory is bounded: twice as many items of each open session as the baseline looks at, or ``Limits/exclusions`` where seen ones are left out.
public struct BaselineEvaluation: Sendable {
  private var baseline: any Baseline
  private let exclusion: ExclusionMode
  private var evaluator: Evaluator
  private var sessions: OpenSessions
  /// Most items of a visit that are needed.
  private let needed: Int
  /// By slot: the known items of the visit so far, at least the newest ones that are needed.
  private var items: [[ItemIndex]] = []
  private var excluded: ItemSet
  private var recommended: [RecommendedItem] = []
  private var list: [ItemIndex] = []

  /// An evaluation of `baseline`, whose lists leave out what `exclusion` says.
  public init(
    _ baseline: any Baseline, exclusion: ExclusionMode = .none, options: EvaluationOptions = EvaluationOptions()
  ) {
    self.baseline = baseline
    self.exclusion = exclusion
    evaluator = Evaluator(name: baseline.name, catalogue: baseline.vocabulary.count, options: options)
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
      let slot = append(item, to: sessions.visit(session, at: event.time))
      exclude(item, slot)
      recommended.removeAll(keepingCapacity: true)
      baseline.recommend(
        after: items[slot].suffix(baseline.window), excluding: excluded, count: Evaluator.depth, into: &recommended)
      list.removeAll(keepingCapacity: true)
      for entry in recommended { list.append(entry.item) }
      evaluator.observe(session: session, time: event.time, target: item, predicted: list)
    }
  }

  /// Ends all visits and says what was measured.
  public mutating func finish() -> EvaluationReport.Row { evaluator.finish() }

  /// Adds a click to its visit; one on an unknown item is passed over, as encoders do.
  private mutating func append(_ item: ItemIndex, to visit: OpenSessions.Visit) -> Int {
    if visit.slot == items.count {
      items.append([])
    } else if visit.begins {
      items[visit.slot].removeAll(keepingCapacity: true)
    }
    guard item >= 0 else { return visit.slot }
    if items[visit.slot].count == 2 * needed { items[visit.slot].removeFirst(needed) }
    items[visit.slot].append(item)
    return visit.slot
  }

  private mutating func exclude(_ item: ItemIndex, _ slot: Int) {
    excluded.removeAll()
    switch exclusion {
    case .none: break
    case .last: excluded.insert(item)
    case .seen: for item in items[slot].suffix(needed) { excluded.insert(item) }
    }
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
