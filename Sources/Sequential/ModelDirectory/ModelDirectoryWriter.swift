import Events

/// Writes model directories.
public enum ModelDirectoryWriter {
  /// Writes `model` to the directory `path`, so that a reader finds the whole of it, or what was there before.
  ///
  /// A model that is there already is replaced; a directory with anything else in it is not. Everything is checked as the
  /// reader would check it before anything is written.
  public static func write(_ model: ModelDirectory, to path: String) throws(ModelFailure) {
    let configuration = Array(model.configuration.json.utf8)
    let parsed = try ModelConfigurationReader.parse(bytes: configuration, file: ModelDirectory.FileName.configuration)
    guard parsed == model.configuration else {
      throw .unreadable(
        file: ModelDirectory.FileName.configuration, expected: "only values whose keys go with the others",
        found: "a value that config.json has no place for")
    }
    try check(model.weights, model.configuration.tensors)
    try check(model.vocabulary)
    let directory = try DirectoryReplacement(path)
    try directory.write(ModelDirectory.FileName.configuration) { $0.append(configuration) }
    try directory.write(ModelDirectory.FileName.items) { $0.append(items(model.vocabulary)) }
    try directory.write(ModelDirectory.FileName.weights) { (file) in
      writeWeights(model.weights, model.configuration.tensors, to: &file)
    }
    if let metadata = model.metadata {
      try directory.write(ModelDirectory.FileName.metadata) { (file) in
        for row in 0..<metadata.count { file.append(Array((metadata.line(of: ItemIndex(row)) + "\n").utf8)) }
      }
    }
    if !model.metrics.isEmpty {
      try directory.write(ModelDirectory.FileName.metrics) { $0.append(Array(metrics(model.metrics).utf8)) }
    }
    try directory.commit(replacing: ModelDirectory.FileName.all)
  }

  /// Throws what ``write(_:to:)`` would throw because of the place `path` alone: a directory beside which nothing can be made, or that holds
  /// what is no part of a model.
  public static func checkPlace(_ path: String) throws(ModelFailure) {
    let directory = try DirectoryReplacement(path)
    _ = try directory.isTaken(replaceable: ModelDirectory.FileName.all)
  }

  private static func check(_ weights: Weights, _ tensors: [TensorSpecification]) throws(ModelFailure) {
    let file = ModelDirectory.FileName.weights
    let expected = Set(tensors.map(\.name))
    for name in weights.names where !expected.contains(name) {
      throw .additionalTensor(file: file, tensor: name, nearest: nil)
    }
    for tensor in tensors {
      guard let matrix = weights[tensor.name] else {
        throw .missingTensor(file: file, tensor: tensor.name, shape: tensor.shape)
      }
      guard matrix.rows == tensor.rows, matrix.columns == tensor.columns else {
        throw .invalidTensor(
          file: file, tensor: tensor.name, expected: "shape \(tensor.shape)",
          found: "\([matrix.rows, matrix.columns])")
      }
      for index in 0..<matrix.storage.count where !matrix.storage[index].isFinite {
        throw .notFinite(file: file, tensor: tensor.name, index: index, found: "\(matrix.storage[index])")
      }
    }
  }

  /// Refuses ids that a reader of `items.txt` would not find again.
  private static func check(_ vocabulary: Vocabulary) throws(ModelFailure) {
    var id: [UInt8] = []
    for row in 0..<vocabulary.count {
      id.removeAll(keepingCapacity: true)
      vocabulary.appendID(of: ItemIndex(row), to: &id)
      if let fault = ItemList.fault(in: id) {
        throw .invalidLine(
          file: ModelDirectory.FileName.items, line: row + 1,
          expected: "an item id in UTF-8 without line breaks, 1 to \(Limits.itemBytes) bytes", found: fault)
      }
    }
  }

  private static func items(_ vocabulary: Vocabulary) -> [UInt8] {
    var bytes: [UInt8] = []
    for row in 0..<vocabulary.count {
      vocabulary.appendID(of: ItemIndex(row), to: &bytes)
      bytes.append(0x0A)
    }
    return bytes
  }

  private static func writeWeights(
    _ weights: Weights, _ tensors: [TensorSpecification], to file: inout OutputFile
  ) {
    var offset = 0
    var members: [String] = []
    for tensor in tensors {
      let end = offset + tensor.rows * tensor.columns * 4
      let shape = tensor.shape.map { "\($0)" }.joined(separator: ",")
      members.append(
        "\(jsonText(tensor.name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    // The data starts at a multiple of eight, as the format's own writer has it.
    while header.count % 8 != 0 { header.append(0x20) }
    file.append((0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) })
    file.append(header)
    for tensor in tensors {
      guard let matrix = weights[tensor.name] else { continue }
      file.append(matrix)
    }
  }

  private static func metrics(_ metrics: [ModelMetric]) -> String {
    jsonObject(
      metrics.map { metric in
        switch metric.value {
        case .number(let value): (metric.name, "\(value)")
        case .text(let value): (metric.name, jsonText(value))
        case .flag(let value): (metric.name, "\(value)")
        }
      })
  }
}
