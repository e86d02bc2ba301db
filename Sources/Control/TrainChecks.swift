/// Which options of `intentd train` go with which others. What would be read and then ignored is refused: it would look as if it had an effect.
extension CommandParser {
  /// Refuses options that don't go together.
  static func check(_ given: Given, _ options: TrainOptions) throws(ControlFailure) {
    try checkContinuation(given, options)
    try checkArchitecture(given, options.settings, isContinued: options.continued != nil)
    try checkLoss(given, options.settings)
    try checkRun(given, options)
    if let size = options.settings.hiddenSize, let heads = options.settings.heads, size % heads != 0 {
      throw .usage("--heads: \(heads) does not divide --hidden-size \(size)")
    }
  }

  private static let attentionOptions = ["hidden-size", "blocks", "heads", "ffn-size", "positions"]
  private static let recurrentOptions = ["layers", "embedding-size", "no-projection"]

  private static func checkContinuation(_ given: Given, _ options: TrainOptions) throws(ControlFailure) {
    guard options.continued != nil else {
      for name in ["replay-older", "replay-share"] where given[name] != nil {
        throw .usage("--\(name) goes with --continue DIR only")
      }
      return
    }
    let model = ["arch", "preset", "max-length", "item-bias"] + attentionOptions + recurrentOptions
    for name in model + ["tune", "min-item-support"] where given[name] != nil {
      throw .usage("--\(name) goes without --continue: the model that is continued says what it is")
    }
    if given["replay-share"] != nil, options.older.isEmpty {
      throw .usage("--replay-share goes with --replay-older FILE")
    }
  }

  private static func checkArchitecture(
    _ given: Given, _ settings: TrainSettings, isContinued: Bool
  ) throws(ControlFailure) {
    // What a model that is continued is, stands in its directory.
    guard !isContinued else { return }
    let isAttention = (settings.architecture ?? .sasrec) == .sasrec
    for name in isAttention ? recurrentOptions : attentionOptions where given[name] != nil {
      throw .usage("--\(name) goes with --arch \(isAttention ? "gru4rec or lstm" : "sasrec") only")
    }
    if isAttention, settings.batching == .sessionParallel {
      throw .usage("--batching session-parallel goes with --arch gru4rec or lstm only")
    }
  }

  /// Which losses an option goes with. A value of 0 that turns off what another loss does not have is no mistake.
  private static func checkLoss(_ given: Given, _ settings: TrainSettings) throws(ControlFailure) {
    typealias Loss = TrainSettings.Loss
    let sampled = Loss.allCases.filter { $0 != .softmax }
    let rules: [(name: String, losses: [Loss], isOff: Bool)] = [
      ("negatives", sampled, false),
      ("sample-alpha", sampled.filter { $0 != .gbce }, settings.sampleAlpha == 0),
      ("logq", [.sampledSoftmax, .batchSoftmax], settings.logQ == 0),
      ("calibration", [.gbce], false),
      ("score-regularisation", [.bprMax], settings.scoreRegularisation == 0),
      ("label-smoothing", [.softmax], settings.labelSmoothing == 0),
    ]
    let loss = settings.loss ?? .softmax
    for rule in rules where given[rule.name] != nil && !rule.isOff && !rule.losses.contains(loss) {
      let names = rule.losses.map(\.rawValue)
      let list = names.count == 1 ? names[0] : names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
      throw .usage("--\(rule.name) goes with --loss \(list) only")
    }
    if let momentum = settings.momentum, momentum > 0, settings.optimizer != .adagrad {
      throw .usage("--momentum goes with --optimizer adagrad only")
    }
  }

  private static func checkRun(_ given: Given, _ options: TrainOptions) throws(ControlFailure) {
    if options.tuneBudget != nil, options.tune == nil { throw .usage("--tune-budget goes with --tune N") }
    if options.tune != nil, options.resumes {
      throw .usage("--resume goes without --tune: give the settings that it found, as it printed them")
    }
    guard options.validation == TrainOptions.Validation.none else { return }
    if options.tune != nil { throw .usage("--tune needs something to measure on: leave --validation none away") }
    if given["select-by"] != nil || options.settings.patience ?? 0 > 0 {
      let name = given["select-by"] == nil ? "patience" : "select-by"
      throw .usage("--\(name) needs something to measure on: leave --validation none away")
    }
  }
}
