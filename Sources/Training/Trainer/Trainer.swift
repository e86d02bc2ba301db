import Platform

/// One phase of a training: epochs of steps over windows, the evaluation after each, and what is kept of it.
///
/// Used by one thread, which is one of the team's.
final class Trainer {
  /// How a phase ended.
  enum End: Sendable, Equatable {
    /// All epochs are done, or the evaluation got no better for as many as its patience allows.
    case finished
    /// It went wrong; what is kept is from before.
    case failed(TrainingFailure)
    /// It was asked to stop.
    case interrupted
  }

  /// What a phase needs beside its parts.
  struct Options {
    /// What it is for.
    var phase: TrainingPhase
    /// Epochs to run; the schedule is planned for ``TrainingSettings/epochs``.
    var epochs: Int
    /// Share of replayed windows; see ``WindowBatches``.
    var replayShare = 0.0
    /// Seconds between two calls of `save` within an epoch.
    var saveInterval = 120.0
  }

  /// What the caller hears and says.
  struct Callbacks {
    var progress: (TrainingProgress) -> Void = { _ in }
    var epoch: (EpochRecord) -> Void = { _ in }
    /// Asked before each step.
    var isStopped: () -> Bool = { false }
    /// Called where the training can be resumed from.
    var save: (Trainer) throws(TrainingFailure) -> Void = { (_) throws(TrainingFailure) in }
  }

  let network: any Network<Float>
  let options: Options
  /// Where it is; the tensors of ``tensors`` belong to it.
  var state = TrainerState()

  let settings: TrainingSettings
  let parts: TrainingParts
  let team: ReplicaTeam
  let batches: WindowBatches
  let evaluation: Evaluation?
  let callbacks: Callbacks
  /// The moving average of the weights, where they are averaged.
  let average: WeightAverage?
  /// The weights of ``TrainerState/kept``.
  let kept: [Tensor<Float>]
  /// Windows of each replica in the step that is prepared.
  var shards: [[Int32]]
  /// Rows of one pass, at most.
  let passRows: Int
  private var began = MonotonicClock.nanoseconds
  private var rowsSinceBegin = 0
  private var shown: Int64 = 0
  private var saved = MonotonicClock.nanoseconds

  /// Nanoseconds between two calls of the progress callback.
  private static let progressInterval: Int64 = 100_000_000

  init(
    _ settings: TrainingSettings, _ parts: TrainingParts, _ table: WindowTable, _ evaluation: Evaluation?,
    _ options: Options, _ callbacks: Callbacks, _ threads: ThreadTeam
  ) {
    self.settings = settings
    self.parts = parts
    self.options = options
    self.callbacks = callbacks
    self.evaluation = evaluation
    network = parts.network
    batches = WindowBatches(
      table, batchSize: settings.batchSize, replayShare: options.replayShare, seed: settings.seed)
    let capacity = settings.capacity(longestWindow: table.longest)
    let replicas = (0..<threads.count).map { _ in
      Replica(
        parts.network, parts.makeLoss(capacity.rows), capacity,
        evaluation: evaluation == nil ? nil : settings.evaluationCapacity)
    }
    passRows = capacity.rows
    team = ReplicaTeam(parts.network, parts.optimiser, replicas, threads)
    shards = Array(repeating: [], count: threads.count)
    let parameters = parts.network.parameters
    average = settings.averaging > 0 ? WeightAverage(parameters, decay: settings.averaging) : nil
    kept = parameters.map { Tensor(rows: $0.value.rows, columns: $0.value.columns) }
    MatrixLibrary.useCallingThread()
  }

  /// Everything with a state, in a fixed order, for a resume file.
  var tensors: [(name: String, tensor: Tensor<Float>)] {
    let parameters = network.parameters
    return parameters.map { ($0.name, $0.value) } + parts.optimiser.state.map { ("optimiser.\($0.name)", $0.tensor) }
      + zip(parameters, average?.values ?? []).map { ("average.\($0.name)", $1) }
      + zip(parameters, kept).map { ("kept.\($0.name)", $1) }
  }

  /// Runs the epochs that are left. Whatever the end, the network then has the weights that are kept; where nothing is kept yet, those that it
  /// has.
  func run() throws(TrainingFailure) -> End {
    began = MonotonicClock.nanoseconds
    saved = began
    var end = End.finished
    do throws(TrainingFailure) {
      while state.epoch <= options.epochs, !isPatienceOver {
        guard try runEpoch() else { return .interrupted }
      }
    } catch {
      switch error {
      case .notFinite, .diverged: end = .failed(error)
      default: throw error
      }
    }
    if state.kept != nil { copy(kept, into: network.parameters.map(\.value)) }
    return end
  }

  private var isPatienceOver: Bool {
    guard evaluation != nil, settings.patience > 0, let kept = state.kept else { return false }
    return state.history.count - kept.epoch >= settings.patience
  }

  /// False where it was asked to stop.
  private func runEpoch() throws(TrainingFailure) -> Bool {
    let begin = MonotonicClock.nanoseconds
    var source = StepSource(self)
    source.skip(state.epochSteps)
    let secondsBefore = state.seconds
    var rate = state.rate ?? 0
    while source.prepare() {
      if callbacks.isStopped() {
        state.seconds = secondsBefore + seconds(since: begin)
        if settings.batching == .windows { try callbacks.save(self) }
        return false
      }
      rate = try step(&source)
      state.seconds = secondsBefore + seconds(since: begin)
      show(rate, steps: source.estimatedSteps)
      if settings.batching == .windows, seconds(since: saved) > options.saveInterval {
        try callbacks.save(self)
        saved = MonotonicClock.nanoseconds
      }
    }
    if try finishEpoch(rate) { return true }
    state.seconds = secondsBefore + seconds(since: begin)
    if settings.batching == .windows { try callbacks.save(self) }
    return false
  }

  /// One step; returns its learning rate.
  private func step(_ source: inout StepSource) throws(TrainingFailure) -> Double {
    let targets = source.targets
    let sum = source.compute(team, update: state.updates + 1)
    let mean = sum / Double(max(targets, 1))
    guard sum.isFinite else { throw .notFinite(quantity: "the loss", epoch: state.epoch, step: state.epochSteps + 1) }
    if targets > 0, state.watch.observe(mean, guess: guess) {
      throw .diverged(
        loss: state.watch.recent, start: state.watch.start, epoch: state.epoch, step: state.epochSteps + 1)
    }
    // The middle of the step, so that neither the first one of a rise nor the last one of a cosine is lost.
    let rows = Double(state.rows) + Double(source.rows) / 2
    let done = (Double(state.epoch - 1) + rows / Double(max(source.rowsOfEpoch, 1))) / Double(settings.epochs)
    let rate = settings.learningRate(at: min(done, 1))
    state.rate = rate
    state.rows += source.rows
    rowsSinceBegin += source.rows
    state.epochSteps += 1
    guard targets > 0 else { return rate }
    let norm = team.norm(isNeeded: settings.clipNorm > 0)
    var scale = 1.0
    if let norm {
      guard norm.isFinite else {
        throw .notFinite(quantity: "the gradient's norm", epoch: state.epoch, step: state.epochSteps)
      }
      scale = settings.clipScale(norm: norm)
    }
    state.updates += 1
    team.update(OptimiserUpdate(step: state.updates, learningRate: rate, scale: scale))
    state.lossSum += sum
    state.targets += targets
    takeAverage()
    return rate
  }

  /// The loss of a model that knows nothing, where the objective tells.
  private var guess: Double {
    guard settings.objective == .softmax else { return .infinity }
    return Double(network.parameters[network.output.weight].value.rows).logarithm
  }

  /// Takes the weights into their moving average, at some of the steps.
  private func takeAverage() {
    guard let average, state.updates % WeightAverage.interval == 0 else { return }
    state.averaged += 1
    let decay = average.decay(look: state.averaged)
    team.each { average.update($0, values: $1, decay: decay) }
  }

  /// Evaluates, keeps what is to be kept, and begins the next epoch; false where it was asked to stop before that was done, the epoch's
  /// steps being behind it.
  private func finishEpoch(_ rate: Double) throws(TrainingFailure) -> Bool {
    let usesAverages = state.averaged > 0
    if usesAverages { swapAverages() }
    // Gradients are looked at with clipping alone, and the last step's effect by no loss.
    guard isFinite else {
      if usesAverages { swapAverages() }
      throw .notFinite(quantity: "a weight", epoch: state.epoch, step: state.epochSteps)
    }
    var quality: RankingQuality?
    if let evaluation {
      quality = evaluation.run(network, team.replicas, team.threads, isStopped: callbacks.isStopped)
      if quality == nil {
        if usesAverages { swapAverages() }
        return false
      }
    }
    let figure = quality.map(settings.selection.figure) ?? 0
    if quality == nil || state.kept.map({ figure > $0.figure }) ?? true {
      copy(network.parameters.map(\.value), into: kept)
      state.kept = TrainerState.Kept(epoch: state.epoch, figure: figure)
    }
    if usesAverages { swapAverages() }
    let before = state.history.reduce(0) { $0 + $1.seconds }
    let record = EpochRecord(
      epoch: state.epoch, loss: state.lossSum / Double(max(state.targets, 1)), learningRate: rate,
      seconds: state.seconds - before, steps: state.epochSteps, validation: quality)
    state.history.append(record)
    state.epoch += 1
    (state.epochSteps, state.lossSum, state.targets, state.rows) = (0, 0, 0, 0)
    try callbacks.save(self)
    saved = MonotonicClock.nanoseconds
    callbacks.epoch(record)
    return true
  }

  /// True where all weights are numbers.
  private var isFinite: Bool {
    network.parameters.allSatisfy {
      OptimiserKernels.squareSum([$0.value], values: 0..<$0.value.count).isFinite
    }
  }

  private func swapAverages() {
    guard let average else { return }
    team.each { average.swap($0, values: $1) }
  }

  private func copy(_ source: [Tensor<Float>], into target: [Tensor<Float>]) {
    for (source, target) in zip(source, target) { target.copy(source, rows: source.rows) }
  }

  private func seconds(since begin: Int64) -> Double { Double(MonotonicClock.nanoseconds - begin) / 1e9 }

  private func show(_ rate: Double, steps: Int) {
    let now = MonotonicClock.nanoseconds
    guard now - shown >= Trainer.progressInterval else { return }
    shown = now
    let speed = Double(rowsSinceBegin) / max(seconds(since: began), 1e-9)
    let rowsOfEpoch = batches.rowsOfEpoch
    let left = Double((options.epochs - state.epoch + 1) * rowsOfEpoch - state.rows)
    callbacks.progress(
      TrainingProgress(
        phase: options.phase, epoch: state.epoch, epochs: options.epochs, step: state.epochSteps, steps: steps,
        loss: state.lossSum / Double(max(state.targets, 1)), learningRate: rate, eventsPerSecond: speed,
        secondsLeft: left / max(speed, 1e-9)))
  }
}
