public import Events
import Glibc

/// A model as it was read from its directory and checked; `docs/model-directory.md` says what stands there. Nothing of the
/// directory stays open: changing it later changes nothing here.
public struct ModelDirectory: Sendable {
  /// `config.json`.
  public let configuration: ModelConfiguration
  /// `model.safetensors`: exactly the tensors that the configuration asks for, finite, in fp32.
  public let weights: Weights
  /// `items.txt`.
  public let vocabulary: Vocabulary
  /// `items.jsonl`, where there is one.
  public let metadata: ItemMetadata?
  /// The scalar entries of `metrics.json`; empty where there is none.
  public let metrics: [ModelMetric]

  /// A model in memory. Its parts must fit together: as many ids, and lines of metadata, as the configuration has items.
  public init(
    configuration: ModelConfiguration, weights: Weights, vocabulary: Vocabulary, metadata: ItemMetadata? = nil,
    metrics: [ModelMetric] = []
  ) {
    precondition(vocabulary.count == configuration.itemCount)
    precondition(metadata == nil || metadata?.count == configuration.itemCount)
    self.configuration = configuration
    self.weights = weights
    self.vocabulary = vocabulary
    self.metadata = metadata
    self.metrics = metrics
  }

  /// Names of the files of a model directory.
  enum FileName {
    static let configuration = "config.json"
    static let weights = "model.safetensors"
    static let items = "items.txt"
    static let metadata = "items.jsonl"
    static let metrics = "metrics.json"
    static let all = [configuration, weights, items, metadata, metrics]
  }

  /// Reads and checks the model at `path`. The first thing that is wrong is thrown.
  public static func load(_ path: String) throws(ModelFailure) -> ModelDirectory {
    let directory = try OpenDirectory(path)
    let configuration = try read(
      directory, FileName.configuration, limit: ModelConfigurationReader.maximumBytes
    ) { (bytes, file) throws(ModelFailure) in
      try ModelConfigurationReader.parse(bytes: bytes, file: file, directory: name(of: path))
    }
    let count = configuration.itemCount
    let vocabulary = try read(
      directory, FileName.items, limit: count * (Limits.itemBytes + 1)
    ) { (bytes, file) throws(ModelFailure) in
      try ItemList.parse(bytes: bytes, count: count, file: file)
    }
    let weights = try SafetensorsFile(directory.file(FileName.weights, limit: Int.max)).weights(configuration.tensors)
    var metadata: ItemMetadata?
    if directory.has(FileName.metadata) {
      metadata = try read(
        directory, FileName.metadata, limit: count * (ItemMetadata.maximumLineBytes + 1)
      ) { (bytes, file) throws(ModelFailure) in
        try ItemMetadata(bytes: bytes, count: count, file: file)
      }
    }
    var metrics: [ModelMetric] = []
    if directory.has(FileName.metrics) {
      metrics = try read(
        directory, FileName.metrics, limit: ModelMetric.maximumBytes
      ) { (bytes, file) throws(ModelFailure) in
        try ModelMetric.parse(bytes: bytes, file: file)
      }
    }
    return ModelDirectory(
      configuration: configuration, weights: weights, vocabulary: vocabulary, metadata: metadata, metrics: metrics)
  }

  private static func read<Content>(
    _ directory: borrowing OpenDirectory, _ name: String, limit: Int,
    _ parse: ([UInt8], String) throws(ModelFailure) -> Content
  ) throws(ModelFailure) -> Content {
    var file = try directory.file(name, limit: limit)
    let bytes = try file.readAll()
    return try parse(bytes, file.path)
  }

  /// The last component of the real path, at most 128 bytes of it: the default of `name`.
  private static func name(of path: String) -> String {
    guard let resolved = unsafe realpath(path, nil) else { return "model" }
    defer { unsafe free(resolved) }
    let component = unsafe String(cString: resolved).split(separator: "/").last ?? "model"
    var name = ""
    for character in component {
      guard name.utf8.count + String(character).utf8.count <= 128 else { break }
      name.append(character)
    }
    return name
  }
}
