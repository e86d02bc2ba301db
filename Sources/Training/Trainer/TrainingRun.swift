import Events
public import Sequential

/// A training from sessions to a model.
///
/// With something held out the *search* trains on the rest, measures after each epoch and finds how many epochs are best. The *refit* then
/// trains from scratch on everything for as many. Its learning rate follows the very schedule of the search, planned for
/// ``TrainingSettings/epochs``, and stops where the best epoch did: a cosine planned for fewer epochs would be another training than the one
/// that was measured.
public struct TrainingRun {
  /// What beside settings and data decides what is done.
  public struct Options: Sendable {
    /// True where the model is trained again on everything.
    public var refits = true
    /// Most bytes; nil for no limit.
    public var memoryLimit: Int?
    /// Where the training can be resumed from is written here; nil for nowhere.
    public var resumeFile: String?
    /// True where it goes on from there; without such a file it begins.
    public var resumes = false
    /// Seconds between two such writings within an epoch.
    public var saveInterval = 120.0
    /// Name of the model.
    public var name = "model"
    /// Version of the model.
    public var version = "1"
    /// Metadata of the data's catalogue.
    public var metadata: ItemMetadata?
    /// The model that is trained on; nil to begin anew.
    public var continuation: Continuation?

    /// The defaults.
    public init() {}
  }

  /// What the caller hears and says; all of it on the thread that runs the training.
  public struct Callbacks {
    /// Some times a second.
    public var progress: (TrainingProgress) -> Void = { _ in }
    /// After each epoch.
    public var epoch: (TrainingPhase, EpochRecord) -> Void = { _, _ in }
    /// Asked before each step: true ends the training where it can be resumed, see ``Outcome/isResumable``.
    public var isStopped: () -> Bool = { false }

    /// Callbacks that do nothing.
    public init() {}
  }

  /// How a training ended.
  public enum End: Sendable, Equatable {
    /// Done.
    case finished
    /// It went wrong; the model, where there is one, is from before.
    case failed(TrainingFailure)
    /// It was asked to stop, and can be resumed where ``Outcome/isResumable`` says so.
    case interrupted
  }

  /// What came of it.
  public struct Outcome {
    /// How it ended.
    public var end: End
    /// The model; nil where it ended before the first epoch did. Where a refit went wrong in its first epoch that is the search's, which has
    /// not seen what was held out; a resumed run does not have that one any more.
    public var model: ModelDirectory?
    /// What it did and reached.
    public var report: TrainingReport
  }

  let settings: TrainingSettings
  let data: TrainingData
  let split: DataSplit
  let options: Options

  /// A training of `settings` on `data`, of which `split` says what is held out. What can't be trained is refused.
  public init(
    _ settings: TrainingSettings, _ data: TrainingData, _ split: DataSplit, _ options: Options = Options()
  ) throws(TrainingFailure) {
    var settings = settings
    try options.continuation?.adopt(into: &settings)
    try settings.check()
    self.settings = settings
    self.data = data
    self.split = split
    self.options = options
  }

  /// What the largest of its phases takes; refuses where that is more memory than allowed.
  public func plan() throws(TrainingFailure) -> TrainingPlan {
    let phases = phases
    var plans: [TrainingPlan] = []
    for phase in phases { plans.append(try Preparation(self, phase).plan) }
    var plan = plans[plans.count - 1]
    for other in plans where other.memory.total > plan.memory.total { plan.memory = other.memory }
    plan.heldOutTargets = plans[0].heldOutTargets
    plan.answerableTargets = plans[0].answerableTargets
    return plan
  }

  /// What it goes through.
  var phases: [TrainingPhase] {
    guard split.holdOut != nil else { return [.refit] }
    return options.refits ? [.search, .refit] : [.search]
  }

  /// Trains. What is thrown ended it before it began, or while it wrote; what goes wrong in training is in the outcome.
  public func run(_ callbacks: Callbacks = Callbacks()) throws(TrainingFailure) -> Outcome {
    if let path = options.resumeFile { ResumeFile.removeStale(path) }
    let header = try resumed()
    let threads = try ThreadTeam(settings.threads)
    var begun: Outcome?
    for phase in phases where header == nil || phase == header?.phase || phase == .refit {
      let isResumed = phase == header?.phase
      let preparation = try Preparation(self, phase)
      var outcome = begun ?? Outcome(end: .finished, model: nil, report: emptyReport(preparation.plan))
      outcome.report.search = outcome.report.search ?? header?.search
      outcome.report.plan = preparation.plan
      if let quality = outcome.report.search?.quality {
        outcome.report.plan.heldOutTargets = quality.targets
        outcome.report.plan.answerableTargets = quality.targets - quality.unknownTargets
      }
      let trainer = preparation.trainer(callbacks, outcome.report.search, threads)
      if isResumed, let header, let file = options.resumeFile {
        try ResumeFile.read(file, into: trainer.tensors)
        trainer.state = header.state
      }
      let end = try trainer.run()
      note(trainer, phase, &outcome)
      if trainer.state.kept != nil, end != .interrupted {
        outcome.model = preparation.model(trainer.network, outcome.report)
      }
      switch end {
      case .finished:
        begun = outcome
        continue
      case .failed(let failure):
        outcome.end = .failed(failure)
        outcome.report.failure = "\(failure)"
      case .interrupted: outcome.end = .interrupted
      }
      // After a search that went wrong there is no refit, which would go wrong likewise.
      return outcome
    }
    guard let begun else { preconditionFailure("there is always a phase") }
    return begun
  }

  /// Where it begins anew but an earlier training's resume file is in its place: gives that the name with `.old` behind it, which is returned.
  /// Nothing else would be left of that training once this one is saved.
  public func setAside() throws(TrainingFailure) -> String? {
    guard !options.resumes, let path = options.resumeFile else { return nil }
    return try ResumeFile.setAside(path)
  }

  /// The header of the resume file that is gone on from.
  private func resumed() throws(TrainingFailure) -> ResumeFile.Header? {
    guard options.resumes, let path = options.resumeFile, let header = try ResumeFile.header(at: path) else {
      return nil
    }
    let differences = header.identity.differences(from: identity)
    guard differences.isEmpty else { throw .otherTraining(path: path, differences: differences) }
    return header
  }

  /// What a resume file must agree with.
  var identity: ResumeFile.Identity {
    ResumeFile.Identity(
      settings: settings, data: data.fingerprint, validation: "\(split.validation)", refits: options.refits,
      start: options.continuation?.fingerprint, replayShare: options.continuation?.olderShare ?? 0)
  }

  /// Bytes of the sessions that it holds whatever phase it is in.
  var dataBytes: Int {
    let older = options.continuation?.older.byteCount ?? 0
    return data.byteCount + split.training.byteCount + (split.holdOut?.sessions.byteCount ?? 0) + older
  }

  /// Bytes of models beside the trained weights, `parameters` values, in a phase: the one that is made of them at its end, the search's in a
  /// refit, and the one that is continued.
  func modelBytes(parameters: Int, _ phase: TrainingPhase) -> Int {
    let models = phase == .refit && phases.count > 1 ? 2 : 1
    let continued = options.continuation?.model.configuration.tensors.reduce(0) { $0 + $1.rows * $1.columns } ?? 0
    return 4 * (models * parameters + continued)
  }

  private func emptyReport(_ plan: TrainingPlan) -> TrainingReport {
    TrainingReport(
      settings: settings, data: data.counts, validation: "\(split.validation)", plan: plan, search: nil, refit: [],
      epochs: 0, seconds: 0, failure: nil)
  }

  private func note(_ trainer: Trainer, _ phase: TrainingPhase, _ outcome: inout Outcome) {
    let history = trainer.state.history
    switch phase {
    case .search: outcome.report.search = trainer.searchResult
    case .refit: outcome.report.refit = history
    }
    // A refit without a finished epoch leaves the search's model, where this run has it.
    if let kept = trainer.state.kept { outcome.report.epochs = kept.epoch }
    let records = outcome.report.refit + (outcome.report.search?.epochs ?? [])
    outcome.report.seconds = records.reduce(0) { $0 + $1.seconds }
  }
}

extension TrainingRun.Outcome {
  /// True where a resume file, if it has one, says how it goes on: with session-parallel batches only once an epoch has ended, as the lanes'
  /// hidden states are not kept.
  public var isResumable: Bool {
    report.settings.batching == .windows || report.search != nil || !report.refit.isEmpty
  }

  /// Writes the model, where there is one, to the directory `path`. The resume file, of no use then, is the caller's to remove.
  public func write(to path: String) throws(TrainingFailure) {
    guard let model else { return }
    do throws(ModelFailure) { try ModelDirectoryWriter.write(model, to: path) } catch { throw .writing(error) }
  }

  /// For a person, after a training that went wrong: what there is nevertheless, `path` being where the model is written.
  public func remainder(at path: String) -> String {
    guard model != nil else { return "no epoch was finished, so there is no model" }
    return report.search != nil && report.refit.isEmpty
      ? "\(path) holds the model of epoch \(report.epochs) of the search, which has not seen what was held out"
      : "\(path) holds the model of epoch \(report.epochs)"
  }
}

extension Trainer {
  /// What a search found so far; nil before its first epoch ended.
  var searchResult: SearchResult? {
    guard let kept = state.kept, let quality = state.history[kept.epoch - 1].validation else { return nil }
    return SearchResult(epochs: state.history, chosen: kept.epoch, quality: quality)
  }
}
