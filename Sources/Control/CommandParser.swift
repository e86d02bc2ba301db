private import Events

/// Makes a ``Command`` of the process's arguments. Touches nothing outside: no output, no exit, no file.
public enum CommandParser {
  /// Variables of the environment that stand for options.
  static let variables = ["INTENTD_CONFIG", "INTENTD_MODEL"]

  /// What `arguments` (without the program's name) ask for. `environment` may name configuration and model.
  public static func parse(arguments: [String], environment: [String: String]) throws(ControlFailure) -> Command {
    switch arguments.first {
    case "inspect":
      let rest = Array(arguments.dropFirst())
      return try rest.first == "session" ? inspectSession(Array(rest.dropFirst()), environment) : inspect(rest)
    case "demo": return try demo(Array(arguments.dropFirst()))
    case "config": return try config(Array(arguments.dropFirst()), environment)
    case "train": return try train(arguments: Array(arguments.dropFirst()))
    default: return try main(arguments, environment)
    }
  }

  private static func inspect(_ arguments: [String]) throws(ControlFailure) -> Command {
    let given = try Given(arguments, grammar: .inspect, repeatable: [])
    if let text = given.text { return .show(text) }
    guard let directory = given.operands.first, given.operands.count == 1 else {
      throw .usage("inspect takes one model directory")
    }
    var options = InspectOptions()
    options.directory = directory
    if let session = given["session"] {
      options.session = session.split(separator: ",").map { String($0.trimming(" ")) }.filter { !$0.isEmpty }
      guard !options.session.isEmpty else { throw .usage("--session holds no item") }
    }
    try given.take("top-k", .integer(1...Limits.topK), into: &options.topK)
    options.logits = given["logits"] != nil
    return .inspect(options)
  }

  private static func inspectSession(
    _ arguments: [String], _ environment: [String: String]
  ) throws(ControlFailure) -> Command {
    let given = try Given(arguments, grammar: .inspectSession, repeatable: [])
    if let text = given.text { return .show(text) }
    guard let session = given.operands.first, given.operands.count == 1, !session.isEmpty else {
      throw .usage("inspect session takes one session id (a model directory of this name is ./session)")
    }
    var options = InspectSessionOptions()
    options.session = session
    options.configuration = given["config"] ?? environment["INTENTD_CONFIG"]
    guard options.configuration != nil else {
      throw .usage("inspect session needs --config FILE, which says where Redis is")
    }
    options.json = given["json"] != nil
    return .inspectSession(options)
  }

  private static func config(_ arguments: [String], _ environment: [String: String]) throws(ControlFailure) -> Command {
    let given = try Given(arguments, grammar: .config, repeatable: [])
    if let text = given.text { return .show(text) }
    guard given.operands == ["check"] else { throw .usage("config takes one word: check") }
    return .checkConfiguration(try serve(given, environment))
  }

  /// What serving and checking how to serve have in common.
  private static func serve(_ given: Given, _ environment: [String: String]) throws(ControlFailure) -> ServeOptions {
    var options = ServeOptions()
    options.embedded = given["embedded"] != nil
    options.configuration = given["config"] ?? environment["INTENTD_CONFIG"]
    options.model = given["model"]
    try given.take("workers", .optional(.integer(1...256)), into: &options.workers)
    try given.take("log-level", .optional(.choice), into: &options.logLevel)
    try given.take("log-format", .optional(.choice), into: &options.logFormat)
    return options
  }

  private static func demo(_ arguments: [String]) throws(ControlFailure) -> Command {
    let given = try Given(arguments, grammar: .demo, repeatable: [])
    if let text = given.text { return .show(text) }
    if let operand = given.operands.first { throw .usage("demo takes no \"\(operand)\"") }
    var options = DemoOptions()
    try given.take("clicks", .optional(.integer(1...1_000_000_000)), into: &options.clicks)
    var seed = 1
    try given.take("seed", .integer(0...Int.max), into: &seed)
    options.seed = UInt64(seed)
    return .demo(options)
  }

  private static func main(_ arguments: [String], _ environment: [String: String]) throws(ControlFailure) -> Command {
    let given = try Given(arguments, grammar: .main, repeatable: ["replay"])
    if let text = given.text { return .show(text) }
    let modes = ["config", "embedded", "replay"].filter { given[$0] != nil }
    if given["replay"] != nil {
      for name in ["from", "rebuild-state"] where given[name] != nil { throw .usage("--\(name) goes without --replay") }
      // Where Kafka is needed, the configuration says how to reach it.
      let needsKafka = given["to"] != nil || given.files.contains { $0.hasPrefix(topicPrefix) }
      let allowed = needsKafka ? ["config", "replay"] : ["replay"]
      if let other = modes.first(where: { !allowed.contains($0) }) { throw .usage("--replay goes without --\(other)") }
      return .replay(try replay(given, environment))
    }
    if let operand = given.operands.first {
      let hint = Suggestion.hint(for: operand, among: ["inspect", "demo", "config", "train"])
      throw .usage("\"\(operand)\" is no command\(hint)")
    }
    let shared: Set = [
      "config", "embedded", "model", "workers", "from", "rebuild-state", "since", "log-level", "log-format",
    ]
    for option in given.names where !shared.contains(option) { throw .usage("--\(option) goes with --replay only") }
    var options = try serve(given, environment)
    guard options.embedded || options.configuration != nil else {
      throw .usage("nothing to do: give --config FILE, --embedded, --replay FILE, train FILE, inspect DIR, or demo")
    }
    try readMoments(given, into: &options)
    return .serve(options)
  }

  private static func readMoments(_ given: Given, into options: inout ServeOptions) throws(ControlFailure) {
    try given.take("from", .optional(.moment), into: &options.from)
    try given.take("since", .optional(.moment), into: &options.rebuildSince)
    guard (given["rebuild-state"] != nil) == (given["since"] != nil) else {
      throw .usage("--rebuild-state and --since TIME go together")
    }
    for name in ["from", "rebuild-state"] where given[name] != nil && options.embedded {
      throw .usage("--\(name) goes without --embedded, whose topics are new")
    }
    if options.rebuildSince == .latest { throw .usage("--since: latest would rebuild nothing") }
  }

  private static func replay(_ given: Given, _ environment: [String: String]) throws(ControlFailure) -> ReplayOptions {
    var options = ReplayOptions()
    try takeSource(given, environment, into: &options)
    try takeBaselines(given, into: &options)
    options.evaluate = given["evaluate"] != nil || options.baselineTrain != nil
    switch given["output"] {
    case "-": options.output = .standardOutput
    case let file?: options.output = .file(file)
    case nil: options.output = options.evaluate ? .nowhere : .standardOutput
    }
    for name in ["targets"] where given[name] != nil && !options.evaluate {
      throw .usage("--\(name) goes with --evaluate only")
    }
    options.report = given["report"]
    options.strict = given["strict"] != nil
    if let columns = given["columns"] { options.columns = try Self.columns(columns) }
    if let speed = given["speed"] { options.speed = try Self.speed(speed) }
    try given.take("top-k", .optional(.integer(1...Limits.topK)), into: &options.topK)
    try given.take("format", .choice, into: &options.format)
    try given.take("idle-timeout", .optional(.duration(1000...31_536_000_000)), into: &options.idleTimeout)
    try given.take("targets", .choice, into: &options.targets)
    try takeExclusion(given, into: &options)
    try given.take("limit", .optional(.integer(1...Int.max)), into: &options.limit)
    try given.take("workers", .optional(.integer(1...256)), into: &options.workers)
    try given.take("order", .choice, into: &options.order)
    try given.take("batch", .optional(.integer(1...65_536)), into: &options.batch)
    try given.take("log-level", .choice, into: &options.logLevel)
    if options.topic != nil { try takeRange(given, into: &options) }
    return options
  }

  /// `session=sid,item=sku`.
  static func columns(_ text: String) throws(ControlFailure) -> [Column: String] {
    var columns: [Column: String] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
      guard sides.count == 2 else { throw .usage("--columns: \"\(part)\" is not NAME=COLUMN, such as session=sid") }
      guard let column = Column(rawValue: sides[0]) else {
        let names = Column.allCases.map(\.rawValue)
        let hint = Suggestion.hint(for: sides[0], among: names)
        throw .usage("--columns: \"\(sides[0])\" is none of \(names.joined(separator: ", "))\(hint)")
      }
      guard columns.updateValue(sides[1], forKey: column) == nil else {
        throw .usage("--columns: \(column.rawValue) is named twice")
      }
    }
    return columns
  }

  /// `max`, `1x`, `0.5x`.
  private static func speed(_ text: String) throws(ControlFailure) -> ReplaySpeed {
    if text == "max" { return .max }
    guard text.hasSuffix("x"), let factor = Double(text.dropLast()), (0.001...1_000_000).contains(factor) else {
      throw .usage("--speed: \"\(text)\" is neither max nor a factor such as 1x or 10x, from 0.001x to 1000000x")
    }
    return .times(factor)
  }
}

/// The options and operands that were given.
struct Given {
  /// Operands that are no file to replay.
  private(set) var operands: [String] = []
  /// Files to replay: values of `--replay` and operands, in their order.
  private(set) var files: [String] = []
  /// Names of the options, in their order.
  private(set) var names: [String] = []
  /// What to show in place of anything else.
  private(set) var text: String?
  private var values: [String: [String]] = [:]

  init(_ arguments: [String], grammar: Grammar, repeatable: Set<String>) throws(ControlFailure) {
    for element in try ArgumentScanner.scan(arguments, grammar: grammar) {
      switch element {
      case .operand(let operand):
        operands.append(operand)
        files.append(operand)
      case .option(let name, let value):
        guard values[name] == nil || repeatable.contains(name) else { throw .usage("--\(name) is given twice") }
        values[name, default: []].append(value)
        names.append(name)
        if name == "replay" { files.append(value) }
      }
    }
    if values["help"] != nil {
      text = ArgumentScanner.help(grammar, isShort: false)
    } else if values["usage"] != nil {
      text = ArgumentScanner.help(grammar, isShort: true)
    } else if values["version"] != nil {
      text = "intentd \(Version.current)\n"
    }
  }

  /// The value of an option; empty for one that takes none; nil where it was not given.
  subscript(name: String) -> String? { values[name]?.last }

  /// All values of an option that may be repeated.
  func all(_ name: String) -> [String] { values[name] ?? [] }

  /// Reads an option into `target`, which keeps its value where the option was not given.
  func take<Value>(_ name: String, _ kind: ValueKind<Value>, into target: inout Value) throws(ControlFailure) {
    guard let text = self[name] else { return }
    do throws(ValueProblem) {
      target = try kind.parse(text)
    } catch {
      throw .usage("--\(name): \(error.text)")
    }
  }
}
