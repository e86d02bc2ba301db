import Control
import Formats
import Foundation
import Training

/// The command line's words in those of `Training`.
extension TrainOptions {
  /// How the files in `files` become sessions.
  func dataOptions(_ files: [String], memory: Int) throws -> DataOptions {
    var data = DataOptions(files: files)
    data.format = try formatOfFiles()
    data.idleTimeout = idleTimeout
    data.ordersByTime = order == .time
    data.strict = strict
    data.limit = limit
    data.minItemSupport = minItemSupport
    data.minSessionLength = minSessionLength
    data.memory = memory
    return data
  }

  private func formatOfFiles() throws -> Formats.FileFormat? {
    let columns = Dictionary(uniqueKeysWithValues: columns.map { ($0.key.rawValue, $0.value) })
    return try Formats.FileFormat(name: format.rawValue, columns: columns, files: files)
  }

  /// What is held out.
  var heldOut: Training.Validation {
    switch validation {
    case .automatic: .automatic
    case .last(let milliseconds): .last(milliseconds: milliseconds)
    case .share(let share): .share(share)
    case .leaveOneOut: .leaveOneOut
    case .none: .none
    }
  }

  /// The preset's settings for data of this shape, and over them what was given.
  func trainingSettings(_ shape: DataShape, validation: Training.Validation) -> TrainingSettings {
    let architecture = settings.architecture.flatMap { TrainingSettings.Architecture(rawValue: $0.rawValue) } ?? .sasrec
    var result = TrainingSettings(Training.Preset(rawValue: preset.rawValue) ?? .good, architecture, shape)
    result.threads = min(16, max(1, ProcessInfo.processInfo.activeProcessorCount))
    // As the papers on leave-one-out have it.
    if validation == .leaveOneOut { result.selection = .ndcg }
    settings.override(&result)
    return result
  }
}

extension TrainSettings {
  /// Writes what was given into `settings`.
  func override(_ settings: inout TrainingSettings) {
    func set<Value>(_ value: Value?, _ field: WritableKeyPath<TrainingSettings, Value>) {
      if let value { settings[keyPath: field] = value }
    }
    func choose<Mine: RawRepresentable<String>, Value: RawRepresentable<String>>(
      _ value: Mine?, _ field: WritableKeyPath<TrainingSettings, Value>
    ) {
      set(value.flatMap { Value(rawValue: $0.rawValue) }, field)
    }
    set(maxLength, \.maxLength)
    set(hiddenSize, \.hiddenSize)
    // A width that was not given follows the hidden size.
    set(ffnSize ?? hiddenSize.map { 4 * $0 }, \.ffnSize)
    set(blocks, \.blocks)
    set(heads, \.heads)
    choose(positions, \.positions)
    set(layers, \.layerSizes)
    set(embeddingSize ?? layers?.last, \.embeddingSize)
    set(projects, \.projects)
    set(itemBias, \.itemBias)
    choose(loss, \.objective)
    set(negatives, \.negatives)
    set(sampleAlpha, \.sampleAlpha)
    set(logQ, \.logQ)
    set(calibration, \.calibration)
    set(scoreRegularisation, \.scoreRegularisation)
    set(labelSmoothing, \.labelSmoothing)
    choose(batching, \.batching)
    set(batchSize, \.batchSize)
    set(epochs, \.epochs)
    set(patience, \.patience)
    choose(selection, \.selection)
    if let optimizer, let value = TrainingSettings.Optimisation(rawValue: optimizer.rawValue) { settings.use(value) }
    set(learningRate, \.learningRate)
    choose(schedule, \.schedule)
    set(warmUp, \.warmUp)
    set(weightDecay, \.weightDecay)
    set(momentum, \.momentum)
    set(clipNorm, \.clipNorm)
    set(dropout, \.dropout)
    if let embeddingDropout { settings.embeddingDropout = embeddingDropout }
    set(averaging, \.averaging)
    set(seed, \.seed)
    set(threads, \.threads)
  }

  /// What a search must leave as it was given.
  var fixedDimensions: Set<Tuning.Dimension> {
    let given: [(Tuning.Dimension, Bool)] = [
      (.size, hiddenSize != nil || layers != nil || embeddingSize != nil || ffnSize != nil), (.blocks, blocks != nil),
      (.learningRate, learningRate != nil), (.dropout, dropout != nil), (.batchSize, batchSize != nil),
      (.weightDecay, weightDecay != nil), (.averaging, averaging != nil), (.labelSmoothing, labelSmoothing != nil),
    ]
    return Set(given.filter(\.1).map(\.0))
  }
}
