import Events
import Sequential

/// What one phase of a ``TrainingRun`` needs before it begins: its catalogue, windows, evaluation and first weights.
struct Preparation {
  /// Its size.
  let plan: TrainingPlan

  private let run: TrainingRun
  private let phase: TrainingPhase
  private let parts: TrainingParts
  private let table: WindowTable
  private let evaluation: Evaluation?
  /// Rows of the data's catalogue that the phase has; nil for all.
  private let rows: [ItemIndex]?

  init(_ run: TrainingRun, _ phase: TrainingPhase) throws(TrainingFailure) {
    self.run = run
    self.phase = phase
    let isSearch = phase == .search
    // A model that is continued keeps its catalogue whatever part of it is clicked now.
    let keepsCatalogue = !isSearch || run.options.continuation != nil
    rows = keepsCatalogue ? nil : run.split.rows
    var sessions = isSearch ? run.split.training : run.data.sessions
    var holdOut = isSearch ? run.split.holdOut : nil
    if isSearch, keepsCatalogue {
      sessions = sessions.renumbered(run.split.rows)
      holdOut?.sessions = run.split.holdOut?.sessions.renumbered(run.split.rows) ?? SessionTable()
    }
    let items = keepsCatalogue ? run.data.itemCount : run.split.itemCount
    let fresh = sessions
    if let older = run.options.continuation?.older {
      for index in 0..<older.count { sessions.append(older[index]) }
    }
    let settings = run.settings
    table = WindowTable(sessions, maxLength: settings.maxLength, primarySessions: fresh.count)
    guard items > 1 else {
      throw .setting(name: "catalogue", why: "has a single item, and it takes two to tell one from the other")
    }
    guard table.primary > 0 else { throw .nothingToLearn(sessions: fresh.count) }
    try Preparation.checkWeights(run, items: items)
    var clicks = [Int](repeating: 0, count: items)
    for item in sessions.items where item >= 0 { clicks[Int(item)] += 1 }
    let continuation = run.options.continuation
    parts = try TrainingParts.make(
      settings, clicks: clicks, longestWindow: table.longest, continuing: continuation?.configuration(items: items))
    continuation?.initialise(parts.network, sessions: sessions, seed: settings.seed)
    evaluation = holdOut.map {
      Evaluation($0, maxLength: settings.maxLength, rows: settings.evaluationCapacity.rows)
    }
    var plan = TrainingPlan(
      settings, parts, items: items, table, replayShare: continuation?.olderShare ?? 0, fresh: fresh,
      heldOut: evaluation)
    plan.memory.data += run.dataBytes
    plan.memory.copies += run.modelBytes(parameters: plan.parameters, phase)
    self.plan = plan
    try plan.check(limit: run.options.memoryLimit, settings: settings)
  }

  /// Refuses what can't fit before the weights are made.
  private static func checkWeights(_ run: TrainingRun, items: Int) throws(TrainingFailure) {
    guard let limit = run.options.memoryLimit else { return }
    let form = run.options.continuation?.configuration(items: items) ?? run.settings.configuration(items: items)
    let weights = form.tensors.reduce(0) { $0 + $1.rows * $1.columns }
    let copies = 4 + run.settings.threads + (run.settings.averaging > 0 ? 1 : 0)
    guard weights * 4 * copies > limit else { return }
    throw .memory(
      needed: weights * 4 * copies, limit: limit,
      advice: "Allow more, or a smaller size, or fewer items, by a higher least support.")
  }

  /// The trainer of the phase. A refit has as many epochs as the search found best.
  func trainer(_ callbacks: TrainingRun.Callbacks, _ search: SearchResult?, _ threads: ThreadTeam) -> Trainer {
    let epochs = phase == .refit ? search?.chosen ?? run.settings.epochs : run.settings.epochs
    var inner = Trainer.Callbacks()
    inner.progress = callbacks.progress
    inner.epoch = { [phase] in callbacks.epoch(phase, $0) }
    inner.isStopped = callbacks.isStopped
    if let file = run.options.resumeFile {
      // Once: it is a hash of a whole model where one is continued.
      let identity = run.identity
      inner.save = { [phase] (trainer) throws(TrainingFailure) in
        try ResumeFile.write(
          ResumeFile.Header(identity: identity, phase: phase, state: trainer.state, search: search, tensors: []),
          trainer.tensors, to: file)
      }
    }
    return Trainer(
      run.settings, parts, table, evaluation,
      Trainer.Options(
        phase: phase, epochs: epochs, replayShare: run.options.continuation?.olderShare ?? 0,
        saveInterval: run.options.saveInterval),
      inner, threads)
  }

  /// The model of `network`.
  func model(_ network: any Network<Float>, _ report: TrainingReport) -> ModelDirectory {
    let data = run.data
    var vocabulary = data.vocabulary
    var metadata = run.options.metadata
    if let rows {
      let ids = rows.map { row in
        var id: [UInt8] = []
        data.vocabulary.appendID(of: row, to: &id)
        return id
      }
      guard let part = Vocabulary(ids) else { preconditionFailure("ids of a vocabulary are unique") }
      vocabulary = part
      metadata = metadata.map { whole in
        let lines = rows.map { whole.line(of: $0) + "\n" }.joined()
        guard let part = try? ItemMetadata(bytes: Array(lines.utf8), count: rows.count) else {
          preconditionFailure("lines of metadata stay what they were")
        }
        return part
      }
    }
    var configuration =
      run.options.continuation?.configuration(items: vocabulary.count)
      ?? run.settings.configuration(items: vocabulary.count)
    configuration.name = run.options.name
    configuration.version = run.options.version
    return ModelDirectory(
      configuration: configuration, weights: network.weights(), vocabulary: vocabulary, metadata: metadata,
      metrics: report.metrics)
  }
}
