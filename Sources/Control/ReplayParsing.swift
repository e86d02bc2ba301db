/// What a replay reads, and where it goes.
extension CommandParser {
  /// What a topic's name stands behind, in place of a file's path.
  static let topicPrefix = "topic:"

  /// Options that say how to predict: without meaning where nothing is predicted.
  private static let predicting = [
    "output", "model", "top-k", "idle-timeout", "exclude", "evaluate", "targets", "baselines", "baseline-train",
    "report", "workers", "batch",
  ]
  /// Options without meaning where baselines are evaluated alone.
  private static let modelled = ["output", "top-k", "speed", "workers"]
  /// Options that say how files are read.
  private static let reading = ["columns", "order", "strict"]
  /// Options that say which part of a topic is read.
  private static let ranging = ["since", "until", "warm-up"]

  /// Files or a topic, the destination, model and configuration.
  static func takeSource(
    _ given: Given, _ environment: [String: String], into options: inout ReplayOptions
  ) throws(ControlFailure) {
    options.files = given.files
    if let destination = given["to"] {
      guard destination == "kafka" else {
        throw .usage(
          "--to: must be kafka, not \"\(destination)\"\(Suggestion.hint(for: destination, among: ["kafka"]))")
      }
      options.toKafka = true
    }
    if let topic = given.files.first(where: { $0.hasPrefix(topicPrefix) }) {
      guard given.files.count == 1 else {
        throw .usage("\(topic) is replayed alone; a file of that name is ./\(topic)")
      }
      if options.toKafka { throw .usage("--to goes with files only") }
      options.files = []
      do throws(ValueProblem) {
        options.topic = try ValueKind.topic.parse(String(topic.dropFirst(topicPrefix.count)))
      } catch {
        throw .usage("--replay topic:NAME: \(error.text)")
      }
    }
    guard options.files.count(where: { $0 == "-" }) <= 1 else { throw .usage("standard input (-) can be read once") }
    if options.toKafka || options.topic != nil {
      options.configuration = given["config"] ?? environment["INTENTD_CONFIG"]
      options.model = given["model"] ?? ""
    } else {
      options.model = given["model"] ?? environment["INTENTD_MODEL"] ?? ""
      if options.model.isEmpty {
        guard given["baselines"] != nil else { throw .usage("--replay needs --model DIR") }
        for name in modelled where given[name] != nil {
          throw .usage("--\(name) goes with --model only: baselines are evaluated, their lists are not written")
        }
      }
    }
    for name in options.toKafka ? predicting : [] where given[name] != nil {
      throw .usage("--\(name) goes without --to kafka: nothing is predicted")
    }
    for name in options.topic == nil ? ranging : [] where given[name] != nil {
      throw .usage("--\(name) goes with --replay topic:NAME only")
    }
    for name in options.topic == nil ? [] : reading where given[name] != nil {
      throw .usage("--\(name) goes with files only")
    }
  }

  /// What stands beside the model in the evaluation, and the file that it is learnt from.
  static func takeBaselines(_ given: Given, into options: inout ReplayOptions) throws(ControlFailure) {
    options.baselineTrain = given["baseline-train"]
    guard let text = given["baselines"] else {
      options.baselines = options.baselineTrain == nil ? [] : [.popularity, .markov]
      return
    }
    guard options.baselineTrain != nil else {
      throw .usage("--baselines needs --baseline-train FILE, which they are learnt from")
    }
    if text == "all" {
      options.baselines = Baseline.allCases
      return
    }
    for name in text.split(separator: ",", omittingEmptySubsequences: false) {
      if name == "all" { throw .usage("--baselines: \"all\" goes alone") }
      guard let baseline = Baseline(rawValue: String(name)) else {
        let names = ["all"] + Baseline.allCases.map(\.rawValue)
        let hint = Suggestion.hint(for: String(name), among: names)
        throw .usage("--baselines: \"\(name)\" is none of \(names.joined(separator: ", "))\(hint)")
      }
      guard !options.baselines.contains(baseline) else { throw .usage("--baselines: \(name) is named twice") }
      options.baselines.append(baseline)
    }
  }

  /// What predictions leave out. No daemon serves `seen-all`, so its lists are measured and never written.
  static func takeExclusion(_ given: Given, into options: inout ReplayOptions) throws(ControlFailure) {
    try given.take("exclude", .optional(.choice), into: &options.exclude)
    guard options.exclude == .seenAll else { return }
    guard options.evaluate else { throw .usage("--exclude seen-all goes with --evaluate only") }
    guard options.output == .nowhere else {
      throw .usage("--exclude seen-all goes without --output: live predictions are those of --exclude seen")
    }
    guard options.topic == nil else {
      throw .usage("--exclude seen-all goes with files only: a topic is replayed as it was served")
    }
  }

  /// Which part of a topic is read.
  static func takeRange(_ given: Given, into options: inout ReplayOptions) throws(ControlFailure) {
    try given.take("since", .moment, into: &options.since)
    try given.take("until", .optional(.moment), into: &options.until)
    try given.take("warm-up", .duration(0...31_536_000_000), into: &options.warmUp)
    if options.since == .latest { throw .usage("--since: nothing lies behind latest") }
    if options.until == .latest { options.until = nil }
    if options.until == .earliest { throw .usage("--until: must be a time") }
    if options.warmUp > 0, options.since == .earliest {
      throw .usage("--warm-up goes with a --since that is a time: nothing lies before earliest")
    }
    if options.warmUp > 0, options.evaluate { throw .usage("--warm-up goes without --evaluate") }
    guard options.format == .auto || RecordFormat(rawValue: options.format.rawValue) != nil else {
      let formats = RecordFormat.allCases.map(\.rawValue).joined(separator: ", ")
      throw .usage("--format: \(options.format.rawValue) is a format of files; records are \(formats)")
    }
  }
}
