import Testing

@testable import Control

@Suite struct CommandParserTests {
  private func parse(_ line: String, environment: [String: String] = [:]) throws(ControlFailure) -> Command {
    let arguments = line.split(separator: " ").map(String.init)
    return try CommandParser.parse(arguments: arguments, environment: environment)
  }

  private func complaint(_ line: String) throws -> String {
    let failure = try #require(throws: ControlFailure.self, "\(line)") { try parse(line) }
    #expect(failure.exitStatus == 64)
    guard case .usage(let message) = failure else { return "\(failure)" }
    return message
  }

  @Test func serving() throws {
    var options = ServeOptions()
    options.configuration = "c.yaml"
    #expect(try parse("--config c.yaml") == .serve(options))
    #expect(try parse("--config=c.yaml") == .serve(options))
    #expect(try parse("-c c.yaml") == .serve(options))
    #expect(try parse("--conf c.yaml") == .serve(options))
    #expect(try parse("", environment: ["INTENTD_CONFIG": "c.yaml"]) == .serve(options))
    options.workers = 3
    options.logLevel = .debug
    options.model = "m"
    #expect(try parse("--config c.yaml -w 3 --log-level debug --model m") == .serve(options))
    var embedded = ServeOptions()
    embedded.embedded = true
    #expect(try parse("--embedded") == .serve(embedded))
  }

  @Test func whereServingBegins() throws {
    var options = ServeOptions()
    options.configuration = "c.yaml"
    options.from = .earliest
    #expect(try parse("--config c.yaml --from earliest") == .serve(options))
    options.from = .ago(7_200_000)
    #expect(try parse("--config c.yaml --from -2h") == .serve(options))
    #expect(try parse("--config c.yaml --from=-2h") == .serve(options))
    options.from = .time(1_769_860_800_250)
    #expect(try parse("--config c.yaml --from 2026-01-31T13:00:00.250+01:00") == .serve(options))
    options.from = .latest
    options.rebuildSince = .ago(86_400_000)
    #expect(try parse("--config c.yaml --from latest --rebuild-state --since -24h") == .serve(options))
    #expect(Moment.ago(5).time(now: 100) == 95)
    #expect(Moment.time(5).time(now: 100) == 5)
    #expect(Moment.earliest.time(now: 100) == nil)

    #expect(try complaint("--config c.yaml --from yesterday").contains("is no moment"))
    #expect(try complaint("--config c.yaml --from -2").contains("is no duration"))
    #expect(try complaint("--config c.yaml --rebuild-state").contains("--since"))
    #expect(try complaint("--config c.yaml --since -1h").contains("--rebuild-state"))
    #expect(try complaint("--config c.yaml --rebuild-state --since latest").contains("nothing"))
    #expect(try complaint("--embedded --from earliest").contains("--embedded"))
    #expect(try complaint("--replay a --model m --from earliest").contains("--replay"))
  }

  @Test func checkingTheConfiguration() throws {
    var options = ServeOptions()
    #expect(try parse("config check") == .checkConfiguration(options))
    options.configuration = "c.yaml"
    #expect(try parse("config check", environment: ["INTENTD_CONFIG": "c.yaml"]) == .checkConfiguration(options))
    options.embedded = true
    options.model = "m"
    options.workers = 2
    options.logFormat = .text
    #expect(
      try parse("config check --config c.yaml --embedded --model m --workers 2 --log-format text")
        == .checkConfiguration(options))
    #expect(try complaint("config") == "config takes one word: check")
    #expect(try complaint("config chek") == "config takes one word: check")
    #expect(try complaint("config check --replay a") == "there is no option --replay")
    #expect(try complaint("--config c --log-format xml") == "--log-format: must be auto or text or json, not \"xml\"")
  }

  @Test func replayWithItsDefaults() throws {
    var options = ReplayOptions()
    options.files = ["a.tsv", "b.tsv"]
    options.model = "m"
    #expect(try parse("--replay a.tsv b.tsv --model m") == .replay(options))
    #expect(try parse("--model m --replay a.tsv --replay b.tsv") == .replay(options))
    #expect(try parse("--replay a.tsv b.tsv", environment: ["INTENTD_MODEL": "m"]) == .replay(options))
    #expect(options.output == .standardOutput)
    guard case .replay(let evaluated) = try parse("--replay a --model m --evaluate") else { throw Unexpected() }
    #expect(evaluated.output == .nowhere)
    guard case .replay(let compared) = try parse("--replay a --model m --baseline-train t") else { throw Unexpected() }
    #expect(compared.evaluate && compared.baselineTrain == "t" && compared.baselines == [.popularity, .markov])
  }

  @Test func baselines() throws {
    var options = ReplayOptions()
    options.files = ["a"]
    options.model = "m"
    options.output = .nowhere
    options.evaluate = true
    options.baselineTrain = "t"
    options.baselines = [.vmisKNN, .itemKNN, .sequentialRules]
    let three = "--baselines vmis-knn,item-knn,sequential-rules"
    #expect(try parse("--replay a --model m \(three) --baseline-train t") == .replay(options))
    options.baselines = Baseline.allCases
    #expect(try parse("--replay a --model m --evaluate --baselines all --baseline-train t") == .replay(options))
    options.baselines = [.popularity]
    let topic = "--replay topic:clicks --baselines popularity --baseline-train t"
    guard case .replay(let replayed) = try parse(topic) else { throw Unexpected() }
    #expect(replayed.baselines == [.popularity] && replayed.evaluate)
    // Alone.
    options.model = ""
    options.exclude = .seen
    options.targets = .last
    options.report = "r.json"
    let alone = "--replay a --baselines popularity --baseline-train t --exclude seen --targets last --report r.json"
    #expect(try parse(alone) == .replay(options))
    options.model = "m"
    #expect(try parse(alone, environment: ["INTENTD_MODEL": "m"]) == .replay(options))
    options.exclude = .seenAll
    let all = "--replay a --baselines popularity --baseline-train t --exclude seen-all --targets last --report r.json"
    #expect(try parse(all + " --model m") == .replay(options))
    #expect(try complaint("--replay a --model m --exclude seen-all").contains("--evaluate only"))
    #expect(try complaint("--replay a --model m --evaluate -o x --exclude seen-all").contains("without --output"))
    #expect(try complaint("--replay topic:a --evaluate --exclude seen-all").contains("files only"))
  }

  @Test func replayWithEverything() throws {
    var options = ReplayOptions()
    options.files = ["a.csv", "-"]
    options.model = "m"
    options.output = .file("out.jsonl")
    options.topK = 50
    options.format = .csv
    options.columns = [.session: "sid", .item: "sku", .time: "ts"]
    options.idleTimeout = 1_800_000
    options.targets = .last
    options.exclude = .seen
    options.limit = 1000
    options.speed = .times(10)
    options.evaluate = true
    options.baselineTrain = "t.csv"
    options.baselines = [.markov]
    options.workers = 2
    options.report = "r.json"
    options.order = .time
    options.strict = true
    options.batch = 64
    options.logLevel = .warning
    let line =
      "--replay a.csv - --model m --output out.jsonl --top-k 50 --format csv --columns session=sid,item=sku,time=ts "
      + "--idle-timeout 30m --targets last --exclude seen --limit 1000 --speed 10x --evaluate --baseline-train t.csv "
      + "--baselines markov --workers 2 --report r.json --order time --strict --batch 64 --log-level warning"
    #expect(try parse(line) == .replay(options))
  }

  @Test func inspectingASession() throws {
    var options = InspectSessionOptions()
    options.session = "s-81"
    options.configuration = "x.yaml"
    #expect(try parse("inspect session s-81 --config x.yaml") == .inspectSession(options))
    options.json = true
    #expect(try parse("inspect session --json -c x.yaml s-81") == .inspectSession(options))
  }

  @Test func replayOfATopic() throws {
    var options = ReplayOptions()
    options.topic = "clicks"
    #expect(try parse("--replay topic:clicks") == .replay(options))
    options.configuration = "c.yaml"
    #expect(try parse("--replay topic:clicks --config c.yaml") == .replay(options))
    #expect(try parse("--replay topic:clicks", environment: ["INTENTD_CONFIG": "c.yaml"]) == .replay(options))
    options.since = .ago(86_400_000)
    options.until = .time(1_700_000_000_000)
    options.warmUp = 3_600_000
    options.model = "m"
    options.topK = 5
    options.exclude = .seen
    options.idleTimeout = 60_000
    options.format = .segment
    options.output = .file("o")
    options.limit = 9
    let line =
      "--replay topic:clicks -c c.yaml --since -24h --until 1700000000000 --warm-up 1h -m m -k 5 --exclude seen "
      + "--idle-timeout 1m --format segment --output o --limit 9"
    #expect(try parse(line) == .replay(options))
  }

  @Test func replayToKafka() throws {
    var options = ReplayOptions()
    options.files = ["a.tsv", "b.tsv"]
    options.toKafka = true
    #expect(try parse("--replay a.tsv b.tsv --to kafka", environment: ["INTENTD_MODEL": "m"]) == .replay(options))
    options.configuration = "c"
    options.speed = .times(10)
    options.order = .time
    options.strict = true
    options.limit = 7
    let line = "--replay a.tsv b.tsv --to=kafka --config c --speed 10x --order time --strict --limit 7"
    #expect(try parse(line) == .replay(options))
  }

  @Test func inspecting() throws {
    var options = InspectOptions()
    options.directory = "m"
    #expect(try parse("inspect m") == .inspect(options))
    options.session = ["a", "b c"]
    options.topK = 5
    options.logits = true
    let command = try CommandParser.parse(
      arguments: ["inspect", "m", "--session", "a, b c,", "--top-k", "5", "--logits"], environment: [:])
    #expect(command == .inspect(options))
  }

  @Test func theDemo() throws {
    var options = DemoOptions()
    #expect(try parse("demo") == .demo(options))
    options.clicks = 500
    options.seed = 7
    #expect(try parse("demo --clicks 500 --seed=7") == .demo(options))
  }

  @Test(arguments: [
    ("", "nothing to do: give --config FILE, --embedded, --replay FILE, train FILE, inspect DIR, or demo"),
    ("--embeded", "there is no option --embeded; did you mean --embedded?"),
    ("--zzzzzzzz", "there is no option --zzzzzzzz"), ("-z", "there is no option -z"),
    ("--config", "--config needs a value: --config=FILE"),
    ("--embedded=yes", "--embedded takes no value"),
    ("--rep a", "--rep could be --replay or --report"),
    ("--replay a", "--replay needs --model DIR"),
    ("--replay a --model m --config c", "--replay goes without --config"),
    ("--replay a --model m --top-k 0", "--top-k: must be a whole number from 1 to 1000, not \"0\""),
    ("--replay a --model m --top-k 5 --top-k 6", "--top-k is given twice"),
    (
      "--replay a --model m --speed fast",
      "--speed: \"fast\" is neither max nor a factor such as 1x or 10x, from 0.001x to 1000000x"
    ),
    (
      "--replay a --model m --speed -1x",
      "--speed: \"-1x\" is neither max nor a factor such as 1x or 10x, from 0.001x to 1000000x"
    ),
    ("--replay a --model m --columns sid", "--columns: \"sid\" is not NAME=COLUMN, such as session=sid"),
    (
      "--replay a --model m --columns sesion=x",
      "--columns: \"sesion\" is none of session, item, time, user, type; did you mean session?"
    ),
    ("--replay a --model m --columns item=x,item=y", "--columns: item is named twice"),
    ("--replay a --model m --targets last", "--targets goes with --evaluate only"),
    ("--replay a --baseline-train t", "--replay needs --model DIR"),
    (
      "--replay a --model m --baselines all", "--baselines needs --baseline-train FILE, which they are learnt from"
    ),
    (
      "--replay a --baselines markof --baseline-train t",
      "--baselines: \"markof\" is none of all, popularity, markov, item-knn, sequential-rules, vmis-knn; did you mean markov?"
    ),
    (
      "--replay a --baselines markov,all --baseline-train t",
      "--baselines: \"all\" goes alone"
    ),
    (
      "--replay a --baselines markov, --baseline-train t",
      "--baselines: \"\" is none of all, popularity, markov, item-knn, sequential-rules, vmis-knn"
    ),
    ("--replay a --baselines markov,markov --baseline-train t", "--baselines: markov is named twice"),
    (
      "--replay a --baselines all --baseline-train t --output o",
      "--output goes with --model only: baselines are evaluated, their lists are not written"
    ),
    ("--replay a --to kafka --baselines all", "--baselines goes without --to kafka: nothing is predicted"),
    ("--config c --baselines all", "--baselines goes with --replay only"),
    ("--replay - - --model m", "standard input (-) can be read once"),
    ("--config c --evaluate", "--evaluate goes with --replay only"),
    ("--replay a --to kafak", "--to: must be kafka, not \"kafak\"; did you mean kafka?"),
    ("--replay a --to kafka --embedded", "--replay goes without --embedded"),
    ("--replay a --to kafka --model m", "--model goes without --to kafka: nothing is predicted"),
    ("--replay a --to kafka --evaluate", "--evaluate goes without --to kafka: nothing is predicted"),
    ("--replay topic:t --to kafka", "--to goes with files only"),
    ("--replay topic:t a", "topic:t is replayed alone; a file of that name is ./topic:t"),
    ("--replay topic:t --strict", "--strict goes with files only"),
    (
      "--replay topic:",
      "--replay topic:NAME: \"\" is no name of a topic: 1 to 249 letters, digits, dots, hyphens, underscores"
    ),
    ("--replay a --model m --since -1h", "--since goes with --replay topic:NAME only"),
    ("--replay topic:t --until earliest", "--until: must be a time"),
    (
      "--replay topic:t --warm-up 1h", "--warm-up goes with a --since that is a time: nothing lies before earliest"
    ),
    ("--replay topic:t --since -1h --warm-up 1h --evaluate", "--warm-up goes without --evaluate"),
    (
      "--replay topic:t --format csv",
      "--format: csv is a format of files; records are native, metarank, segment, ga4"
    ),
    ("--replay topic:t --since latest", "--since: nothing lies behind latest"),
    ("--replay topic:t --from -1h", "--from goes without --replay"),
    ("inspekt m", "\"inspekt\" is no command; did you mean inspect?"),
    ("inspect", "inspect takes one model directory"), ("inspect a b", "inspect takes one model directory"),
    ("inspect session", "inspect session takes one session id (a model directory of this name is ./session)"),
    ("inspect session a b -c x", "inspect session takes one session id (a model directory of this name is ./session)"),
    ("inspect session a", "inspect session needs --config FILE, which says where Redis is"),
    ("inspect m --evaluate", "there is no option --evaluate"), ("inspect m --session ,", "--session holds no item"),
    ("demo now", "demo takes no \"now\""),
    ("demo --clicks many", "--clicks: must be a whole number from 1 to 1000000000, not \"many\""),
  ])
  func wrongUsageIsExplained(line: String, expected: String) throws {
    #expect(try complaint(line) == expected)
  }

  @Test func helpUsageAndVersionAreTexts() throws {
    guard case .show(let help) = try parse("--help") else { throw Unexpected() }
    #expect(help.hasPrefix("Usage: intentd [OPTION...] --config FILE\n  or:  intentd [OPTION...] --embedded"))
    for option in Grammar.main.options { #expect(help.contains("--\(option.name)"), "--\(option.name)") }
    #expect(help.contains("Examples:"))
    guard case .show(let usage) = try parse("--usage") else { throw Unexpected() }
    #expect(usage.hasPrefix("Usage: intentd [-"))
    #expect(try parse("--version") == .show("intentd \(Version.current)\n"))
    guard case .show(let inspect) = try parse("inspect --help") else { throw Unexpected() }
    #expect(inspect.hasPrefix("Usage: intentd inspect [OPTION...] DIR\n"))
    guard case .show(let session) = try parse("inspect session --help") else { throw Unexpected() }
    #expect(session.hasPrefix("Usage: intentd inspect session [OPTION...] ID\n"))
    guard case .show(let demo) = try parse("demo --help") else { throw Unexpected() }
    #expect(demo.contains("--seed=N"))
    #expect(try parse("--replay a --help") == .show(help))
  }

  @Test func bytesThatNobodyMeansDoNoHarm() throws {
    for argument in ["--", "-", "", "--=", "--\u{1F6D2}", "-\u{E9}", String(repeating: "x", count: 100_000)] {
      _ = try? CommandParser.parse(arguments: [argument], environment: [:])
      _ = try? CommandParser.parse(arguments: ["inspect", argument, argument], environment: [:])
    }
  }

  private struct Unexpected: Error {}
}
