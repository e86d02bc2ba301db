/// `intentd train`, and `intentd-train`, which it executes.
extension CommandParser {
  /// What `arguments` (without `train`) ask for; a text where they ask for help or version.
  public static func train(arguments: [String]) throws(ControlFailure) -> Command {
    let given = try Given(arguments, grammar: .train, repeatable: ["replay-older"])
    if let text = given.text { return .show(text) }
    var options = TrainOptions()
    options.files = given.operands
    guard !options.files.isEmpty else {
      throw .usage("train takes files of clicks: intentd train clicks.tsv --out model")
    }
    options.older = given.all("replay-older")
    guard (options.files + options.older).count(where: { $0 == "-" }) <= 1 else {
      throw .usage("standard input (-) can be read once")
    }
    guard let output = given["out"], !output.isEmpty else {
      throw .usage("train needs --out DIR, where the model goes")
    }
    options.output = output
    try takeReading(given, into: &options)
    try takeRun(given, into: &options)
    try takeModel(given, into: &options.settings)
    try takeOptimisation(given, into: &options.settings)
    try check(given, options)
    return .train(options)
  }

  /// How files become sessions.
  private static func takeReading(_ given: Given, into options: inout TrainOptions) throws(ControlFailure) {
    try given.take("format", .choice, into: &options.format)
    if let columns = given["columns"] { options.columns = try Self.columns(columns) }
    try given.take("idle-timeout", .optional(.duration(1000...31_536_000_000)), into: &options.idleTimeout)
    try given.take("order", .choice, into: &options.order)
    options.strict = given["strict"] != nil
    try given.take("limit", .optional(.integer(1...Int.max)), into: &options.limit)
    try given.take("min-item-support", .integer(1...1_000_000), into: &options.minItemSupport)
    try given.take("min-session-length", .integer(1...1_000_000), into: &options.minSessionLength)
    options.itemsMetadata = given["items-metadata"]
  }

  /// What is measured, searched, resumed and written.
  private static func takeRun(_ given: Given, into options: inout TrainOptions) throws(ControlFailure) {
    try given.take("validation", .validation, into: &options.validation)
    options.refits = given["no-refit"] == nil
    try given.take("preset", .choice, into: &options.preset)
    try given.take("tune", .optional(.integer(1...10_000)), into: &options.tune)
    try given.take("tune-budget", .optional(.duration(1000...31_536_000_000)), into: &options.tuneBudget)
    options.resumes = given["resume"] != nil
    options.continued = given["continue"]
    try given.take("replay-share", .optional(.number(0...100)), into: &options.olderShare)
    options.report = given["report"]
    options.plot = given["plot"]
    try given.take("memory", .optional(.size((64 << 20)...(1 << 50))), into: &options.memory)
    try given.take("name", .optional(.modelName), into: &options.name)
    try given.take("model-version", .optional(.modelName), into: &options.version)
    options.isQuiet = given["quiet"] != nil
  }

  /// The model and its loss.
  private static func takeModel(_ given: Given, into settings: inout TrainSettings) throws(ControlFailure) {
    try given.take("arch", .optional(.choice), into: &settings.architecture)
    try given.take("max-length", .optional(.integer(2...4096)), into: &settings.maxLength)
    try given.take("hidden-size", .optional(.integer(16...512)), into: &settings.hiddenSize)
    try given.take("blocks", .optional(.integer(1...8)), into: &settings.blocks)
    try given.take("heads", .optional(.integer(1...8)), into: &settings.heads)
    try given.take("ffn-size", .optional(.integer(1...4096)), into: &settings.ffnSize)
    try given.take("positions", .optional(.choice), into: &settings.positions)
    try given.take("layers", .optional(.sizes), into: &settings.layers)
    try given.take("embedding-size", .optional(.integer(1...1024)), into: &settings.embeddingSize)
    if given["no-projection"] != nil { settings.projects = false }
    if given["item-bias"] != nil { settings.itemBias = true }
    try given.take("loss", .optional(.choice), into: &settings.loss)
    try given.take("negatives", .optional(.integer(1...1_000_000)), into: &settings.negatives)
    try given.take("sample-alpha", .optional(.number(0...1)), into: &settings.sampleAlpha)
    try given.take("logq", .optional(.number(0...1)), into: &settings.logQ)
    try given.take("calibration", .optional(.number(0...1)), into: &settings.calibration)
    try given.take("score-regularisation", .optional(.number(0...1000)), into: &settings.scoreRegularisation)
    try given.take("label-smoothing", .optional(.number(0...0.9)), into: &settings.labelSmoothing)
  }

  /// Steps, and what they do to the weights.
  private static func takeOptimisation(_ given: Given, into settings: inout TrainSettings) throws(ControlFailure) {
    try given.take("batching", .optional(.choice), into: &settings.batching)
    try given.take("batch-size", .optional(.integer(1...65_536)), into: &settings.batchSize)
    try given.take("epochs", .optional(.integer(1...10_000)), into: &settings.epochs)
    try given.take("patience", .optional(.integer(0...10_000)), into: &settings.patience)
    try given.take("select-by", .optional(.choice), into: &settings.selection)
    try given.take("optimizer", .optional(.choice), into: &settings.optimizer)
    try given.take("learning-rate", .optional(.number(1e-8...10)), into: &settings.learningRate)
    try given.take("schedule", .optional(.choice), into: &settings.schedule)
    try given.take("warm-up", .optional(.number(0...0.9)), into: &settings.warmUp)
    try given.take("weight-decay", .optional(.number(0...1)), into: &settings.weightDecay)
    try given.take("momentum", .optional(.number(0...0.9999)), into: &settings.momentum)
    try given.take("clip-norm", .optional(.number(0...1e6)), into: &settings.clipNorm)
    try given.take("dropout", .optional(.number(0...0.95)), into: &settings.dropout)
    try given.take("embedding-dropout", .optional(.number(0...0.95)), into: &settings.embeddingDropout)
    try given.take("averaging", .optional(.number(0...0.99999)), into: &settings.averaging)
    var seed: Int?
    try given.take("seed", .optional(.integer(0...Int.max)), into: &seed)
    settings.seed = seed.map { UInt64($0) }
    try given.take("threads", .optional(.integer(1...256)), into: &settings.threads)
  }
}

extension ValueKind where Value == Double {
  /// A number, with a point where it has a fraction.
  static func number(_ range: ClosedRange<Double>) -> Self {
    let bounds = "\(plain(range.lowerBound)) to \(plain(range.upperBound))"
    return ValueKind(name: bounds) { text throws(ValueProblem) in
      guard let value = Double(text), range.contains(value) else {
        throw ValueProblem("must be a number from \(bounds), not \"\(text)\"")
      }
      return value
    } text: {
      "\($0)"
    }
  }

  private static func plain(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
  }
}

extension ValueKind where Value == [Int] {
  /// Sizes of a recurrent model's layers: `128` or `128,128`.
  static var sizes: Self {
    ValueKind(name: "sizes") { text throws(ValueProblem) in
      let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0.trimming(" ")) }
      let sizes = parts.compactMap { $0 }
      guard (1...4).contains(parts.count), sizes.count == parts.count, sizes.allSatisfy({ (1...1024).contains($0) })
      else {
        throw ValueProblem("must be 1 to 4 sizes from 1 to 1024 with commas between, such as 128,128, not \"\(text)\"")
      }
      return sizes
    } text: {
      $0.map { "\($0)" }.joined(separator: ",")
    }
  }
}

extension ValueKind where Value == String {
  /// A name or version of a model.
  static var modelName: Self {
    ValueKind(name: "text") { text throws(ValueProblem) in
      guard (1...128).contains(text.utf8.count) else { throw ValueProblem("must have 1 to 128 bytes") }
      return text
    } text: {
      $0
    }
  }
}

extension ValueKind where Value == TrainOptions.Validation {
  /// `auto`, `none`, `leave-one-out`, a duration, or a share such as `10%`.
  static var validation: Self {
    ValueKind(name: "duration, share, leave-one-out, none") { text throws(ValueProblem) in
      switch text {
      case "auto": return .automatic
      case "none": return .none
      case "leave-one-out": return .leaveOneOut
      default: break
      }
      if text.hasSuffix("%") {
        guard let percent = Double(text.dropLast()), (0.01...90).contains(percent) else {
          throw ValueProblem("must be a share from 0.01% to 90%, not \"\(text)\"")
        }
        return .share(percent / 100)
      }
      guard let milliseconds = try? Quantity.milliseconds(text), milliseconds > 0 else {
        let hint = Suggestion.hint(for: text, among: ["auto", "none", "leave-one-out"])
        throw ValueProblem(
          "must be auto, a duration such as 1d, a share such as 10%, leave-one-out or none, not \"\(text)\"\(hint)")
      }
      return .last(milliseconds: milliseconds)
    } text: { validation in
      switch validation {
      case .automatic: "auto"
      case .last(let milliseconds): Quantity.text(milliseconds: milliseconds)
      case .share(let share): "\(share * 100)%"
      case .leaveOneOut: "leave-one-out"
      case .none: "none"
      }
    }
  }
}
