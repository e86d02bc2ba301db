import Testing
import Training

@testable import Control
@testable import intentd_train

/// The way of a setting from the command line into a training.
@Suite struct TrainSettingsTests {
  private func options(_ arguments: [String]) throws -> TrainOptions {
    guard case .train(let options) = try CommandParser.train(arguments: ["clicks.tsv", "--out", "model"] + arguments)
    else { throw ControlFailure.usage("no training") }
    return options
  }

  /// A value for each setting that is not the default, and what it becomes.
  private static func all() -> (given: TrainSettings, expected: TrainingSettings) {
    var (given, expected) = (TrainSettings(), TrainingSettings())
    (given.architecture, expected.architecture) = (.lstm, .lstm)
    (given.maxLength, expected.maxLength) = (31, 31)
    (given.hiddenSize, expected.hiddenSize) = (48, 48)
    (given.blocks, expected.blocks) = (3, 3)
    (given.heads, expected.heads) = (4, 4)
    (given.ffnSize, expected.ffnSize) = (100, 100)
    (given.positions, expected.positions) = (.rotary, .rotary)
    (given.layers, expected.layerSizes) = ([64, 32], [64, 32])
    (given.embeddingSize, expected.embeddingSize) = (24, 24)
    (given.projects, expected.projects) = (false, false)
    (given.itemBias, expected.itemBias) = (true, true)
    (given.loss, expected.objective) = (.bprMax, .bprMax)
    (given.negatives, expected.negatives) = (77, 77)
    (given.sampleAlpha, expected.sampleAlpha) = (0.3, 0.3)
    (given.logQ, expected.logQ) = (0.7, 0.7)
    (given.calibration, expected.calibration) = (0.4, 0.4)
    (given.scoreRegularisation, expected.scoreRegularisation) = (2, 2)
    (given.labelSmoothing, expected.labelSmoothing) = (0.15, 0.15)
    (given.batching, expected.batching) = (.sessionParallel, .sessionParallel)
    (given.batchSize, expected.batchSize) = (33, 33)
    (given.epochs, expected.epochs) = (6, 6)
    (given.patience, expected.patience) = (9, 9)
    (given.selection, expected.selection) = (.mrr, .mrr)
    (given.optimizer, expected.optimisation) = (.adagrad, .adagrad)
    (given.learningRate, expected.learningRate) = (0.02, 0.02)
    (given.schedule, expected.schedule) = (.constant, .constant)
    (given.warmUp, expected.warmUp) = (0.2, 0.2)
    (given.weightDecay, expected.weightDecay) = (0.3, 0.3)
    (given.momentum, expected.momentum) = (0.6, 0.6)
    (given.clipNorm, expected.clipNorm) = (2.5, 2.5)
    (given.dropout, expected.dropout) = (0.35, 0.35)
    (given.embeddingDropout, expected.embeddingDropout) = (0.05, 0.05)
    (given.averaging, expected.averaging) = (0.95, 0.95)
    (given.seed, expected.seed) = (12, 12)
    (given.threads, expected.threads) = (3, 3)
    return (given, expected)
  }

  @Test func everySettingArrives() {
    let (given, expected) = TrainSettingsTests.all()
    for field in Mirror(reflecting: given).children {
      #expect("\(field.value)" != "nil", "\(field.label ?? "") has no value in this test")
    }
    let defaults = Mirror(reflecting: TrainingSettings()).children
    for (field, usual) in zip(Mirror(reflecting: expected).children, defaults) {
      #expect("\(field.value)" != "\(usual.value)", "\(field.label ?? "") has its default, so that it need not arrive")
    }
    var options = TrainOptions()
    options.settings = given
    #expect(options.trainingSettings(DataShape(items: 50, usualLength: 10), validation: .none) == expected)
    var untouched = expected
    TrainSettings().override(&untouched)
    #expect(untouched == expected)
  }

  @Test func whatFollowsFromOtherSettingsDoes() throws {
    var (given, settings) = (TrainSettings(), TrainingSettings())
    (given.hiddenSize, given.layers) = (48, [64, 32])
    given.override(&settings)
    #expect(settings.ffnSize == 192 && settings.embeddingSize == 32)
    let shape = DataShape(items: 50, usualLength: 10)
    #expect(try options([]).trainingSettings(shape, validation: .leaveOneOut).selection == .ndcg)
    #expect(
      try options(["--select-by", "mrr@20"]).trainingSettings(shape, validation: .leaveOneOut).selection == .mrr)
  }

  /// The default that the help of an option names, where there is one, is that of all presets and architectures.
  @Test(arguments: [
    ("negatives", "256"), ("sample-alpha", "0.5"), ("logq", "1"), ("calibration", "0.75"),
    ("score-regularisation", "1"), ("label-smoothing", "0"), ("batch-size", "128"), ("warm-up", "0.05"),
    ("weight-decay", "0.01"), ("momentum", "0"), ("clip-norm", "5"),
  ])
  func helpNamesTheDefaults(name: String, value: String) throws {
    let option = try #require(Grammar.train.options.first { $0.name == name })
    #expect(option.help.contains("(\(value)"), "\(option.help)")
    for preset in Training.Preset.allCases {
      for architecture in TrainingSettings.Architecture.allCases {
        let settings = TrainingSettings(preset, architecture, DataShape(items: 1000, usualLength: 12))
        #expect(settings.value(name) == Double(value), "\(preset) \(architecture)")
        #expect(settings.schedule == .cosine && settings.optimisation == .adamw && settings.objective == .softmax)
        #expect(settings.batching == .windows && settings.selection == .both && settings.positions == .start)
      }
    }
  }
}

extension TrainingSettings {
  /// The value of the option `name`.
  fileprivate func value(_ name: String) -> Double? {
    switch name {
    case "negatives": Double(negatives)
    case "sample-alpha": sampleAlpha
    case "logq": logQ
    case "calibration": calibration
    case "score-regularisation": scoreRegularisation
    case "label-smoothing": labelSmoothing
    case "batch-size": Double(batchSize)
    case "warm-up": warmUp
    case "weight-decay": weightDecay
    case "momentum": momentum
    case "clip-norm": clipNorm
    default: nil
    }
  }
}
