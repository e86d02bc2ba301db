/// What a training will do, and what it takes: known before it begins.
public struct TrainingPlan: Codable, Sendable, Equatable {
  /// Bytes of what is made before the first step; nothing of size is made after it.
  public struct Memory: Codable, Sendable, Equatable {
    /// The weights.
    public var parameters = 0
    /// The optimiser's state.
    public var optimiser = 0
    /// Gradients of all replicas, and which rows have one.
    public var gradients = 0
    /// Buffers of all replicas' passes, hidden states and losses, and tables to draw negatives by.
    public var passes = 0
    /// Buffers of the evaluation.
    public var evaluation = 0
    /// The weights of the best epoch and their moving average; models: the one that is made at the end, the search's beside a refit, the one
    /// that is continued.
    public var copies = 0
    /// Sessions, those of its parts, and windows.
    public var data = 0

    /// All of them.
    public var total: Int { parameters + optimiser + gradients + passes + evaluation + copies + data }
  }

  /// Items of the catalogue, V.
  public var items: Int
  /// Sessions.
  public var sessions: Int
  /// Events of those.
  public var events: Int
  /// Windows that they are cut into.
  public var windows: Int
  /// Windows of older sessions, of which each epoch draws a part.
  public var replayedWindows: Int
  /// Targets of an epoch.
  public var targets: Int
  /// Targets that are held out to measure on.
  public var heldOutTargets: Int
  /// Those of them that can be predicted at all.
  public var answerableTargets: Int
  /// Steps of an epoch; about, with session-parallel batches.
  public var steps: Int
  /// Epochs at most.
  public var epochs: Int
  /// Trained values.
  public var parameters: Int
  /// Threads.
  public var threads: Int
  /// Bytes.
  public var memory: Memory

  /// Fewer targets than this choose an epoch by chance.
  private static let fewTargets = 100

  /// A few lines for a person.
  public var text: String {
    let memory = memory
    return """
      \(items) items, \(sessions) sessions, \(events) events: \(windows) windows with \(targets) targets\
      \(heldOutTargets > 0 ? ", \(heldOutTargets) targets held out" : "")
      \(parameters) parameters; \(steps) steps an epoch, at most \(epochs) epochs, \(threads) threads
      memory \(mebibytes(memory.total)): weights \(mebibytes(memory.parameters)), optimiser \
      \(mebibytes(memory.optimiser)), gradients \(mebibytes(memory.gradients)), passes \(mebibytes(memory.passes)), \
      evaluation \(mebibytes(memory.evaluation)), copies \(mebibytes(memory.copies)), data \(mebibytes(memory.data))
      """ + warning
  }

  private var warning: String {
    guard heldOutTargets > 0, answerableTargets < TrainingPlan.fewTargets else { return "" }
    return "\nwarning: only \(answerableTargets) of the targets held out can be predicted: "
      + "few to choose an epoch by; hold out more"
  }

  /// Refuses where it needs more than `limit` bytes, with what would help most.
  func check(limit: Int?, settings: TrainingSettings) throws(TrainingFailure) {
    guard let limit, memory.total > limit else { return }
    let perWeight = memory.parameters + memory.optimiser + memory.gradients + memory.copies
    var advice = ["Allow more"]
    if perWeight > memory.total / 2 {
      advice.append("a smaller size")
      advice.append("fewer items, by a higher least support")
      if settings.threads > 1 { advice.append("fewer threads, each of which has gradients of its own") }
      if settings.averaging > 0 { advice.append("no averaging") }
    } else if memory.data > memory.total / 2 {
      advice.append("fewer events")
    } else {
      advice.append("a shorter maximum length")
      if settings.threads > 1 { advice.append("fewer threads") }
    }
    throw .memory(needed: memory.total, limit: limit, advice: advice.joined(separator: ", or ") + ".")
  }
}

extension TrainingPlan {
  /// The plan of `settings` for the windows of `table`, whose first sessions are `fresh`, and an evaluation where there is one. What the
  /// whole run holds beside this, its data and models, is the caller's to add.
  init(
    _ settings: TrainingSettings, _ parts: TrainingParts, items: Int, _ table: WindowTable, replayShare: Double,
    fresh: SessionTable, heldOut: Evaluation?
  ) {
    let batches = WindowBatches(table, batchSize: settings.batchSize, replayShare: replayShare, seed: settings.seed)
    self.items = items
    sessions = fresh.count
    events = fresh.items.count
    windows = table.primary
    replayedWindows = table.windows.count - table.primary
    targets = table.windows[..<table.primary].reduce(0) { $0 + Int($1.targets) }
    heldOutTargets = heldOut?.targets ?? 0
    answerableTargets = heldOut?.answerable ?? 0
    epochs = settings.epochs
    threads = settings.threads
    switch settings.batching {
    case .windows: steps = (batches.count + settings.batchSize - 1) / settings.batchSize
    case .sessionParallel:
      steps = max(table.longest, (batches.rowsOfEpoch + settings.batchSize - 1) / settings.batchSize)
    }
    parameters = parts.network.parameters.reduce(0) { $0 + $1.value.count }
    let capacity = settings.capacity(longestWindow: table.longest)
    let replica = Replica.bytes(parts.network, capacity)
    memory = Memory()
    memory.parameters = parameters * 4
    memory.optimiser = parts.optimiser.state.reduce(0) { $0 + $1.tensor.count * 4 }
    // Beside them, once: the step in which a row was last seen.
    memory.gradients =
      threads * replica.gradients + parts.network.parameters.reduce(0) { $0 + ($1.isTable ? $1.value.rows * 8 : 0) }
    memory.passes = threads * (replica.rows + parts.network.passBytes(capacity) + parts.lossBytes(capacity.rows))
    memory.copies = parameters * 4 * (settings.averaging > 0 ? 2 : 1)
    memory.passes += parts.samplerBytes
    memory.data = table.sessions.byteCount + table.windows.count * MemoryLayout<WindowTable.Window>.stride
    if let heldOut {
      let evaluation = settings.evaluationCapacity
      memory.evaluation = threads * Evaluation.bytes(items: items, outputSize: parts.network.outputSize)
      if !evaluation.fits(in: capacity) { memory.evaluation += threads * parts.network.passBytes(evaluation) }
      memory.data += heldOut.targets * 8
    }
  }
}
