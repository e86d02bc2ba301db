import Events
import Foundation
import Testing

@testable import Sequential

@Suite("The model directory")
struct ModelDirectoryTests {
  private static func model(seed: UInt64, family: RandomModel.Family) throws -> ModelDirectory {
    let random = RandomModel(seed: seed, family: family)
    let count = random.configuration.itemCount
    let ids = (0..<count).map { Array("item-\($0)".utf8) }
    let lines = (0..<count).map { #"{"title":"Item \#($0)","category":"c\#($0 % 3)"}"# + "\n" }
    return ModelDirectory(
      configuration: random.configuration, weights: random.weights, vocabulary: try #require(Vocabulary(ids)),
      metadata: try ItemMetadata(bytes: Array(lines.joined().utf8), count: count),
      metrics: [
        ModelMetric("hr@20", .number(0.125)), ModelMetric("data", .text("a \"b\"")), ModelMetric("x", .flag(true)),
      ])
  }

  private func expectEqual(_ a: ModelDirectory, _ b: ModelDirectory) throws {
    #expect(a.configuration == b.configuration)
    #expect(a.metrics == b.metrics)
    #expect(a.weights.names == b.weights.names)
    for name in a.weights.names {
      let (left, right) = (try #require(a.weights[name]), try #require(b.weights[name]))
      #expect(left.rows == right.rows && left.columns == right.columns)
      for index in 0..<left.storage.count where left.storage[index].bitPattern != right.storage[index].bitPattern {
        Issue.record("\(name) differs at \(index)")
        break
      }
    }
    for row in 0..<ItemIndex(a.vocabulary.count) {
      #expect(a.vocabulary.id(of: row) == b.vocabulary.id(of: row))
      #expect(a.metadata?.line(of: row) == b.metadata?.line(of: row))
    }
  }

  /// A small recurrent model in `directory`/model.
  private func written(in directory: TemporaryDirectory) throws -> (model: ModelDirectory, path: String) {
    let model = try Self.model(seed: 7, family: .recurrent)
    let path = "\(directory.path)/model"
    try ModelDirectoryWriter.write(model, to: path)
    return (model, path)
  }

  private func failure(_ path: String) -> ModelFailure? {
    do throws(ModelFailure) {
      _ = try ModelDirectory.load(path)
      return nil
    } catch { return error }
  }

  @Test("what is written is read bit for bit", arguments: RandomModel.Family.allCases)
  func roundTrip(family: RandomModel.Family) throws {
    let directory = try TemporaryDirectory()
    for seed in 0..<20 {
      let model = try Self.model(seed: UInt64(seed), family: family)
      try ModelDirectoryWriter.write(model, to: "\(directory.path)/model/")
      try expectEqual(try ModelDirectory.load("\(directory.path)/model"), model)
      #expect(try directory.names == ["model"])
    }
  }

  @Test("a loaded model does not change when its files are overwritten, truncated and removed")
  func independentOfTheFiles() throws {
    let directory = try TemporaryDirectory()
    let (model, path) = try written(in: directory)
    let loaded = try ModelDirectory.load(path)
    let size = try directory.read("model/model.safetensors").count
    let weights = try FileHandle(forUpdating: URL(filePath: "\(path)/model.safetensors"))
    try weights.write(contentsOf: Data(repeating: 0xFF, count: size))
    try expectEqual(loaded, model)
    try weights.truncate(atOffset: 3)
    try weights.close()
    try expectEqual(loaded, model)
    try FileManager.default.removeItem(atPath: path)
    try expectEqual(loaded, model)
  }

  @Test("loading leaves no file open, whether it succeeds or fails")
  func closesFiles() throws {
    let directory = try TemporaryDirectory()
    let (_, path) = try written(in: directory)
    func open() throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { entry in
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(entry)"))?.hasPrefix(path) == true
      }
    }
    _ = try ModelDirectory.load(path)
    #expect(try open() == 0)
    for name in ["metrics.json", "items.jsonl", "model.safetensors", "items.txt", "config.json"] {
      try directory.write("model/\(name)", "x")
      #expect(failure(path) != nil)
      #expect(try open() == 0)
    }
    try FileManager.default.removeItem(atPath: "\(path)/config.json")
    try FileManager.default.createDirectory(atPath: "\(path)/config.json", withIntermediateDirectories: false)
    #expect(
      failure(path)
        == .unreadable(file: "\(path)/config.json", expected: "a regular file", found: "something else"))
    #expect(try open() == 0)
  }

  @Test("optional files may be absent, the others not")
  func absentFiles() throws {
    let directory = try TemporaryDirectory()
    let (_, path) = try written(in: directory)
    try FileManager.default.removeItem(atPath: "\(path)/items.jsonl")
    try FileManager.default.removeItem(atPath: "\(path)/metrics.json")
    let loaded = try ModelDirectory.load(path)
    #expect(loaded.metadata == nil && loaded.metrics.isEmpty)
    for name in ["model.safetensors", "items.txt", "config.json"] {
      try FileManager.default.removeItem(atPath: "\(path)/\(name)")
      #expect(
        failure(path) == .system(file: "\(path)/\(name)", operation: "opening", reason: "No such file or directory"))
    }
    let nowhere = "\(path)/none"
    #expect(
      failure(nowhere)
        == .system(file: nowhere, operation: "opening the directory", reason: "No such file or directory"))
  }

  @Test("the directory's name is the model's where the configuration has none")
  func defaultName() throws {
    let directory = try TemporaryDirectory()
    let (_, path) = try written(in: directory)
    let text = String(decoding: try directory.read("model/config.json"), as: UTF8.self)
    try directory.write("model/config.json", text.replacing("  \"name\": \"random\",\n", with: ""))
    #expect(try ModelDirectory.load("\(path)/./").configuration.name == "model")
  }

  @Test("what the writer would write wrong is refused, and nothing is left behind")
  func refusedModels() throws {
    let directory = try TemporaryDirectory()
    let model = try Self.model(seed: 3, family: .recurrent)
    var configuration = model.configuration
    configuration.maxLength = 1
    let path = "\(directory.path)/model"
    let shorter = ModelDirectory(configuration: configuration, weights: model.weights, vocabulary: model.vocabulary)
    #expect(throws: ModelFailure.self) { try ModelDirectoryWriter.write(shorter, to: path) }
    let empty = ModelDirectory(
      configuration: model.configuration, weights: Weights([:]), vocabulary: model.vocabulary)
    #expect(throws: ModelFailure.self) { try ModelDirectoryWriter.write(empty, to: path) }
    for id in ["a\nb", "a\rb", "\u{FEFF}a"] {
      var ids = (0..<model.configuration.itemCount).map { Array("i\($0)".utf8) }
      ids[1] = Array(id.utf8)
      let unreadable = ModelDirectory(
        configuration: model.configuration, weights: model.weights, vocabulary: try #require(Vocabulary(ids)))
      do throws(ModelFailure) {
        try ModelDirectoryWriter.write(unreadable, to: path)
        Issue.record("written: \(id.debugDescription)")
      } catch { #expect("\(error)".contains("items.txt, line 2")) }
    }
    #expect(try directory.names.isEmpty)
  }

  @Test("a file that gets shorter while it is read is a failure")
  func truncatedWhileRead() throws {
    let directory = try TemporaryDirectory()
    let (model, path) = try written(in: directory)
    let name = "\(path)/model.safetensors"
    let file = try SafetensorsFile(path: name)
    let handle = try FileHandle(forUpdating: URL(filePath: name))
    try handle.truncate(atOffset: UInt64(directory.read("model/model.safetensors").count - 1))
    try handle.close()
    do throws(ModelFailure) {
      _ = try file.weights(model.configuration.tensors)
      Issue.record("a short file was read")
    } catch { #expect(error == .changed(file: name)) }
  }

  @Test("a value without a key in config.json is not written silently")
  func valueWithoutKey() throws {
    let directory = try TemporaryDirectory()
    var model = RandomModel(seed: 0, family: .sasrec)
    guard case .sasrec(var sasrec) = model.configuration.architecture else { return }
    sasrec.positions = .start
    sasrec.rotaryBase = 500
    var configuration = model.configuration
    configuration.padding = .none
    configuration.architecture = .sasrec(sasrec)
    model = RandomModel(configuration, seed: 1)
    let ids = (0..<configuration.itemCount).map { Array("\($0)".utf8) }
    let written = ModelDirectory(
      configuration: configuration, weights: model.weights, vocabulary: try #require(Vocabulary(ids)))
    #expect(throws: ModelFailure.self) { try ModelDirectoryWriter.write(written, to: "\(directory.path)/model") }
  }

  @Test("a directory with other files is not replaced, a symbolic link stays")
  func replacement() throws {
    let directory = try TemporaryDirectory()
    let (model, path) = try written(in: directory)
    let link = "\(directory.path)/current"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    let other = try Self.model(seed: 8, family: .sasrec)
    try ModelDirectoryWriter.write(other, to: link)
    #expect(try directory.names == ["current", "model"])
    try expectEqual(try ModelDirectory.load(path), other)
    try directory.write("model/notes.txt", "mine")
    #expect(throws: ModelFailure.self) { try ModelDirectoryWriter.write(model, to: path) }
    #expect(try directory.names == ["current", "model"])
    try expectEqual(try ModelDirectory.load(path), other)
    #expect(throws: ModelFailure.self) { try ModelDirectoryWriter.write(model, to: "\(path)/no/where") }
  }

  @Test("a place is refused before writing as it would be after, and looking leaves nothing there")
  func places() throws {
    let directory = try TemporaryDirectory()
    let (_, path) = try written(in: directory)
    try ModelDirectoryWriter.checkPlace(path)
    try ModelDirectoryWriter.checkPlace("\(directory.path)/new")
    #expect(try directory.names == ["model"])
    try directory.write("model/notes.txt", "mine")
    try directory.write("file", "mine")
    do {
      try ModelDirectoryWriter.checkPlace(path)
      Issue.record("a directory with other files is no place")
    } catch ModelFailure.foreignFile(_, let file) { #expect(file == "notes.txt") }
    for place in ["file", "no/where"] {
      #expect(throws: ModelFailure.self) { try ModelDirectoryWriter.checkPlace("\(directory.path)/\(place)") }
    }
    #expect(try directory.names == ["file", "model"])
  }
}
