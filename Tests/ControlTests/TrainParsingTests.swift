import Testing

@testable import Control

@Suite struct TrainParsingTests {
  private func parse(_ arguments: String...) throws(ControlFailure) -> TrainOptions {
    guard case .train(let options) = try CommandParser.parse(arguments: ["train"] + arguments, environment: [:]) else {
      throw .usage("no training")
    }
    return options
  }

  /// The message of the usage error that these arguments are.
  private func complaint(_ arguments: [String]) -> String {
    do {
      _ = try CommandParser.train(arguments: arguments)
      return "none"
    } catch {
      guard case .usage(let message) = error else { return "\(error)" }
      return message
    }
  }

  @Test func filesAndADirectoryAreEnough() throws {
    let options = try parse("clicks.tsv", "more.tsv.gz", "--out", "model")
    #expect(options.files == ["clicks.tsv", "more.tsv.gz"])
    #expect(options.output == "model")
    #expect(options.preset == .good && options.validation == .automatic && options.refits)
    #expect(options.settings == TrainSettings())
    #expect(options.order == .time && options.minItemSupport == 1 && options.minSessionLength == 2)
  }

  @Test func everySettingIsRead() throws {
    let options = try parse(
      "c", "-o", "m", "--arch", "gru4rec", "--max-length=30", "--layers", "100,50", "--embedding-size", "50",
      "--no-projection",
      "--item-bias",
      "--loss", "bpr-max", "--negatives", "2048", "--sample-alpha", "0.75",
      "--score-regularisation", "2", "--batching", "session-parallel", "--batch-size", "64",
      "--epochs", "7", "--patience", "0", "--select-by", "ndcg@10", "--optimizer", "adagrad", "--learning-rate", "0.05",
      "--schedule", "constant",
      "--warm-up", "0", "--weight-decay", "0.1", "--momentum", "0.3", "--clip-norm", "1.5", "--dropout", "0.25",
      "--embedding-dropout", "0.1", "--averaging", "0.999", "--seed", "42", "--threads", "3")
    var expected = TrainSettings()
    expected.architecture = .gru4rec
    expected.maxLength = 30
    expected.layers = [100, 50]
    expected.embeddingSize = 50
    expected.projects = false
    expected.itemBias = true
    expected.loss = .bprMax
    expected.negatives = 2048
    expected.sampleAlpha = 0.75
    expected.scoreRegularisation = 2
    expected.batching = .sessionParallel
    expected.batchSize = 64
    expected.epochs = 7
    expected.patience = 0
    expected.selection = .ndcg
    expected.optimizer = .adagrad
    expected.learningRate = 0.05
    expected.schedule = .constant
    expected.warmUp = 0
    expected.weightDecay = 0.1
    expected.momentum = 0.3
    expected.clipNorm = 1.5
    expected.dropout = 0.25
    expected.embeddingDropout = 0.1
    expected.averaging = 0.999
    expected.seed = 42
    expected.threads = 3
    #expect(options.settings == expected)
    let attention = try parse(
      "c", "-o", "m", "--hidden-size", "64", "--blocks", "3", "--heads", "4", "--ffn-size", "100", "--positions",
      "rotary"
    ).settings
    #expect(attention.hiddenSize == 64 && attention.blocks == 3 && attention.heads == 4)
    #expect(attention.ffnSize == 100 && attention.positions == .rotary)
    #expect(try parse("c", "-o", "m", "--loss", "sampled-softmax", "--logq", "0.5").settings.logQ == 0.5)
    #expect(try parse("c", "-o", "m", "--loss", "gbce", "--calibration", "0.5").settings.calibration == 0.5)
    #expect(try parse("c", "-o", "m", "--label-smoothing", "0.1").settings.labelSmoothing == 0.1)
  }

  @Test func howToReadAndRunIsRead() throws {
    let options = try parse(
      "c", "-o", "m", "--format", "csv", "--columns", "session=sid,item=sku", "--idle-timeout", "30m", "--order",
      "file",
      "--limit", "1000", "--strict", "--min-item-support", "5", "--min-session-length", "3", "--items-metadata",
      "i.jsonl",
      "--no-refit", "--preset", "best", "--tune", "20", "--tune-budget", "30m", "--report", "r.json",
      "--plot",
      "p.svg", "--memory", "4GiB", "--name", "shop", "--model-version", "7", "--quiet")
    #expect(options.format == .csv && options.columns == [.session: "sid", .item: "sku"])
    #expect(options.idleTimeout == 1_800_000 && options.order == .file && options.limit == 1000 && options.strict)
    #expect(options.minItemSupport == 5 && options.minSessionLength == 3 && options.itemsMetadata == "i.jsonl")
    #expect(!options.refits && options.preset == .best && options.tune == 20 && options.tuneBudget == 1_800_000)
    #expect(options.report == "r.json" && options.plot == "p.svg" && options.memory == 4 << 30)
    #expect(options.name == "shop" && options.version == "7" && options.isQuiet)
  }

  @Test func anInterruptedTrainingIsResumed() throws {
    #expect(try parse("c", "-o", "m", "--resume").resumes)
  }

  @Test func aModelIsContinuedWithOlderClicks() throws {
    let options = try parse(
      "new", "-o", "m2", "--continue", "m", "--replay-older", "a", "--replay-older", "b", "--replay-share", "0.25",
      "--epochs", "2")
    #expect(options.continued == "m" && options.older == ["a", "b"] && options.olderShare == 0.25)
    #expect(options.settings.epochs == 2)
  }

  /// The model says whether it is recurrent, and the training refuses lanes where it is not.
  @Test func aContinuedModelMayTakeLanes() throws {
    let options = try parse("new", "-o", "m2", "--continue", "m", "--batching", "session-parallel")
    #expect(options.settings.batching == .sessionParallel)
  }

  @Test func turningOffWhatIsNotThereIsNoMistake() throws {
    let settings = try parse(
      "c", "-o", "m", "--loss", "gbce", "--sample-alpha", "0", "--logq", "0", "--score-regularisation", "0",
      "--label-smoothing", "0", "--momentum", "0", "--patience", "0", "--validation", "none"
    ).settings
    #expect(settings.sampleAlpha == 0 && settings.logQ == 0 && settings.momentum == 0)
  }

  @Test func publishedGRU4RecCanBeSaid() throws {
    let settings = try parse(
      "c", "-o", "m", "--arch", "gru4rec", "--layers", "480", "--no-projection", "--batching", "session-parallel",
      "--loss", "batch-softmax", "--optimizer", "adagrad", "--learning-rate", "0.07", "--weight-decay", "0",
      "--negatives", "2048", "--sample-alpha", "0.2", "--logq", "1", "--batch-size", "48", "--embedding-dropout", "0",
      "--dropout", "0.2", "--schedule", "constant", "--warm-up", "0"
    ).settings
    #expect(settings.logQ == 1 && settings.embeddingDropout == 0 && settings.dropout == 0.2)
    #expect(settings.projects == false && settings.layers == [480])
  }

  @Test(arguments: [
    ("auto", TrainOptions.Validation.automatic), ("none", .none), ("leave-one-out", .leaveOneOut),
    ("1d", .last(milliseconds: 86_400_000)), ("12h", .last(milliseconds: 43_200_000)), ("10%", .share(0.1)),
  ])
  func whatIsHeldOutIsRead(text: String, validation: TrainOptions.Validation) throws {
    #expect(try parse("c", "-o", "m", "--validation", text).validation == validation)
  }

  @Test(arguments: [
    (["--out", "m"], "takes files"),
    (["c"], "--out"),
    (["c", "--out", "m", "--arch", "gru4re"], "did you mean gru4rec?"),
    (["c", "--out", "m", "--learning-rte", "1"], "did you mean --learning-rate?"),
    (["c", "--out", "m", "--loss", "bpr"], "must be softmax or"),
    (["c", "--out", "m", "--validation", "leave-one-uot"], "did you mean leave-one-out?"),
    (["c", "--out", "m", "--validation", "95%"], "a share from 0.01% to 90%"),
    (["c", "--out", "m", "--dropout", "1"], "from 0 to 0.95"),
    (["c", "--out", "m", "--learning-rate", "nan"], "must be a number"),
    (["c", "--out", "m", "--layers", "128"], "--arch gru4rec or lstm only"),
    (["c", "--out", "m", "--arch", "lstm", "--blocks", "2"], "--arch sasrec only"),
    (["c", "--out", "m", "--arch", "gru4rec", "--layers", "128,,1"], "1 to 4 sizes"),
    (["c", "--out", "m", "--batching", "session-parallel"], "--arch gru4rec or lstm only"),
    (["c", "--out", "m", "--hidden-size", "100", "--heads", "3"], "does not divide"),
    (["c", "--out", "m", "--tune-budget", "1h"], "goes with --tune"),
    (["c", "--out", "m", "--tune", "5", "--validation", "none"], "something to measure on"),
    (["c", "--out", "m", "--tune", "5", "--resume"], "--resume goes without --tune"),
    (["c", "--out", "m", "--replay-older", "x"], "--continue DIR only"),
    (["c", "--out", "m", "--continue", "d", "--replay-share", "1"], "--replay-older"),
    (["c", "--out", "m", "--continue", "d", "--hidden-size", "64"], "goes without --continue"),
    (["c", "--out", "m", "--negatives", "9"], "--loss sampled-softmax, gbce, batch-softmax or bpr-max only"),
    (["c", "--out", "m", "--loss", "gbce", "--sample-alpha", "0.5"], "sampled-softmax, batch-softmax or bpr-max only"),
    (["c", "--out", "m", "--loss", "bpr-max", "--logq", "1"], "--loss sampled-softmax or batch-softmax only"),
    (["c", "--out", "m", "--logq", "1.5", "--loss", "batch-softmax"], "from 0 to 1"),
    (["c", "--out", "m", "--calibration", "0"], "--loss gbce only"),
    (["c", "--out", "m", "--loss", "gbce", "--score-regularisation", "1"], "--loss bpr-max only"),
    (["c", "--out", "m", "--loss", "gbce", "--label-smoothing", "0.1"], "--loss softmax only"),
    (["c", "--out", "m", "--momentum", "0.1"], "--optimizer adagrad only"),
    (["c", "--out", "m", "--optimizer", "adamw", "--momentum", "0.1"], "--optimizer adagrad only"),
    (["c", "--out", "m", "--embedding-dropout", "1"], "from 0 to 0.95"),
    (["c", "--out", "m", "--validation", "none", "--patience", "3"], "--patience needs something to measure on"),
    (["c", "--out", "m", "--validation", "none", "--select-by", "hr@20"], "--select-by needs something"),
    (["-", "-", "--out", "m"], "can be read once"),
    (["c", "--out", "m", "--out", "n"], "given twice"),
    (["c", "--out", "m", "--memory", "lots"], "no size"),
  ])
  func whatMakesNoSenseIsRefused(arguments: [String], message: String) {
    #expect(complaint(arguments).contains(message), "\(complaint(arguments))")
  }

  @Test func theHelpShowsEveryOptionAndExamples() throws {
    guard case .show(let help) = try CommandParser.parse(arguments: ["train", "--help"], environment: [:]) else {
      Issue.record("no help")
      return
    }
    for option in Grammar.train.options { #expect(help.contains("--\(option.name)"), "\(option.name)") }
    #expect(help.contains("intentd train clicks.tsv.gz --out model"))
    guard case .show(let main) = try CommandParser.parse(arguments: ["--help"], environment: [:]) else {
      Issue.record("no help")
      return
    }
    #expect(main.contains("train FILE... --out DIR"))
  }
}
