public import Events
public import Pipeline

/// Runs a baseline beside the model over the same clicks.
public struct BaselineEvaluation: Sendable {
  private let baseline: any Baseline
  private let exclusion: ExclusionMode
  private var evaluator: Evaluator
  private var sessions: EvaluationSessions
  /// By slot: the items of the visit so far that lists leave out, at most ``Limits/exclusions``, its newest ones.
  private var excluded: [[ItemIndex]] = []
  private var list: [ItemIndex] = []

  /// An evaluation of `baseline`, whose lists leave out what `exclusion` says.
  public init(
    _ baseline: any Baseline, exclusion: ExclusionMode = .none, options: EvaluationOptions = EvaluationOptions()
  ) {
    self.baseline = baseline
    self.exclusion = exclusion
    evaluator = Evaluator(name: baseline.name, catalogue: baseline.vocabulary.count, options: options)
    sessions = EvaluationSessions(capacity: options.openSessions, idleTimeout: options.idleTimeout)
  }

  /// Takes a batch of clicks.
  public mutating func observe(_ batch: borrowing EventBatch) {
    for event in batch.events {
      let bytes = batch.bytes.span
      let item = baseline.vocabulary.index(of: bytes.extracting(event.item.indices))
      let session = bytes.extracting(event.session.indices)
      let slot = exclude(item, of: sessions.visit(session, at: event.time))
      list.removeAll(keepingCapacity: true)
      baseline.recommend(after: item, excluding: excluded[slot], count: Evaluator.depth, into: &list)
      evaluator.observe(session: session, time: event.time, target: item, predicted: list)
    }
  }

  /// Ends all visits and says what was measured.
  public mutating func finish() -> EvaluationReport.Row { evaluator.finish() }

  private mutating func exclude(_ item: ItemIndex, of visit: EvaluationSessions.Visit) -> Int {
    if visit.slot == excluded.count {
      excluded.append([])
    } else if visit.begins || exclusion == .last {
      excluded[visit.slot].removeAll(keepingCapacity: true)
    }
    guard exclusion != .none, item >= 0, !excluded[visit.slot].contains(item) else { return visit.slot }
    if excluded[visit.slot].count == Limits.exclusions { excluded[visit.slot].removeFirst() }
    excluded[visit.slot].append(item)
    return visit.slot
  }
}
