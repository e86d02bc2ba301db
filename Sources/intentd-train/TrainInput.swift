import Control
import Events
import Foundation
import Platform
import Sequential
import Training

/// What a training begins with: the data, its parts, the settings, and the model that is continued.
struct TrainInput {
  /// What was read.
  let data: TrainingData
  /// What is trained on, and what is held out.
  let split: DataSplit
  /// The preset's settings, or the model's, and over them what was given.
  let settings: TrainingSettings
  /// The model that is continued.
  let continuation: Continuation?
  /// Metadata of the catalogue.
  let metadata: ItemMetadata?

  /// Epochs at most of a model that is continued: its weights are near their place.

  init(_ options: TrainOptions, isStopped: () -> Bool) throws {
    let memory = TrainInput.memory(options)
    let continued = try options.continued.map { try ModelDirectory.load($0) }
    let data = try TrainingData.read(
      options.dataOptions(options.files, memory: memory), extending: continued?.vocabulary, isStopped: isStopped)
    self.data = data
    split = try data.split(options.heldOut)
    if let path = options.itemsMetadata {
      metadata = try MetadataFile.read(path, data.vocabulary, otherwise: continued?.metadata)
    } else {
      metadata = try continued?.metadata.map { try TrainInput.extended($0, count: data.vocabulary.count) }
    }
    var settings = options.trainingSettings(data.shape, validation: split.validation)
    if options.settings.labelSmoothing ?? 0 > 0, settings.objective != .softmax {
      throw TrainRun.Refusal(
        description:
          "--label-smoothing goes with --loss softmax only, and so many items (\(data.itemCount)) are trained with "
          + "\(settings.objective.rawValue). Give --loss softmax, or leave it away.")
    }
    guard let continued else {
      continuation = nil
      self.settings = settings
      return
    }
    var older = SessionTable()
    if !options.older.isEmpty {
      older = try TrainingData.read(
        options.dataOptions(options.older, memory: memory), extending: data.vocabulary, isClosed: true,
        isStopped: isStopped
      ).sessions
    }
    let share = options.olderShare ?? Continuation.usualOlderShare
    continuation = Continuation(continued, older: older, olderShare: older.count == 0 ? 0 : share)
    // The model decides what it is, here for the words of the plan.
    settings.maxLength = continued.configuration.maxLength
    settings.architecture =
      switch continued.configuration.architecture {
      case .sasrec: .sasrec
      case .recurrent(let recurrent): recurrent.cell == .lstm ? .lstm : .gru4rec
      }
    Continuation.usual(&settings)
    options.settings.override(&settings)
    self.settings = settings
  }

  /// What a run of these data takes.
  func runOptions(_ options: TrainOptions, name: String) -> TrainingRun.Options {
    var run = TrainingRun.Options()
    run.memoryLimit = TrainInput.memory(options)
    run.name = name
    run.version = options.version ?? version
    run.metadata = metadata
    run.continuation = continuation
    return run
  }

  /// The time of the last event, as `2026-01-31T12:00:00Z`; 1 where there are no times.
  private var version: String {
    guard let last = data.sessions.times.max() else { return "1" }
    return ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: Double(last / 1000)))
  }

  /// Most bytes: what was asked for, or what the machine or its container has.
  private static func memory(_ options: TrainOptions) -> Int {
    options.memory ?? MemoryLimit.bytes
  }

  /// Metadata of a model, with nothing known of the items that are new.
  private static func extended(_ metadata: ItemMetadata, count: Int) throws -> ItemMetadata {
    var bytes: [UInt8] = []
    for row in 0..<count {
      bytes += Array((row < metadata.count ? metadata.line(of: ItemIndex(row)) : "{}").utf8)
      bytes.append(0x0A)
    }
    return try ItemMetadata(bytes: bytes, count: count)
  }
}
