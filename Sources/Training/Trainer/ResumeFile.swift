import Foundation
import Glibc

/// A training that can go on: everything that decides how, in one file.
///
/// Layout, little-endian: eight bytes `intendtr`; format version and length of the header, 8 bytes each; the header, JSON; the tensors' values
/// in the header's order; a hash of all that, 8 bytes. The file is written beside its place and renamed, so that a reader finds the whole of
/// it or the one before.
enum ResumeFile {
  /// What the header says.
  struct Header: Codable, Sendable, Equatable {
    /// What decides the training: another one is refused.
    var identity: Identity
    /// Which phase it was in.
    var phase: TrainingPhase
    /// Where in it.
    var state: TrainerState
    /// The search's records, where the refit goes on.
    var search: SearchResult?
    /// The tensors that follow.
    var tensors: [Entry]
  }

  /// See ``Header/identity``.
  struct Identity: Codable, Sendable, Equatable {
    var settings: TrainingSettings
    /// Hash of sessions and catalogue.
    var data: UInt64
    /// What is held out, and whether the model is trained again on everything.
    var validation: String
    var refits: Bool
    /// Hash of the weights that it began from, where it continues a model; and the share that is replayed.
    var start: UInt64?
    var replayShare: Double

    /// What differs from `other`, in words; empty where nothing does.
    func differences(from other: Identity) -> [String] {
      var differences: [String] = []
      if data != other.data { differences.append("the data is another") }
      if validation != other.validation {
        differences.append("validation was \(validation), and is \(other.validation)")
      }
      if refits != other.refits { differences.append("the refit was \(refits ? "on" : "off")") }
      if start != other.start { differences.append("the model that it began from is another") }
      if replayShare != other.replayShare {
        differences.append("the share of older sessions was \(replayShare), and is \(other.replayShare)")
      }
      let (mine, theirs) = (Identity.fields(settings), Identity.fields(other.settings))
      for name in Set(mine.keys).union(theirs.keys).sorted() where mine[name] != theirs[name] {
        differences.append("\(name) was \(mine[name] ?? "absent"), and is \(theirs[name] ?? "absent")")
      }
      return differences
    }

    private static func fields(_ settings: TrainingSettings) -> [String: String] {
      Dictionary(
        uniqueKeysWithValues: Mirror(reflecting: settings).children.map { ($0.label ?? "", "\($0.value)") })
    }
  }

  /// A tensor: its name and number of values.
  struct Entry: Codable, Sendable, Equatable {
    var name: String
    var count: Int
  }

  private static let magic = Array("intendtr".utf8)
  private static let version = 1
  /// Longest header that is read.
  private static let longestHeader = 64 << 20

  /// Writes `header`, with its tensors filled in, and `tensors` to `path`.
  static func write(
    _ header: Header, _ tensors: [(name: String, tensor: Tensor<Float>)], to path: String
  ) throws(TrainingFailure) {
    var header = header
    header.tensors = tensors.map { Entry(name: $0.name, count: $0.tensor.count) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let json: [UInt8]
    do { json = Array(try encoder.encode(header)) } catch {
      throw .file(path: path, operation: "encoding the state", reason: "\(error)")
    }
    let temporary = "\(path).writing-\(getpid())"
    do throws(TrainingFailure) {
      let file = try StateFile(creating: temporary)
      try file.write(magic)
      try file.write(number: UInt64(version))
      try file.write(number: UInt64(json.count))
      try file.write(json)
      for (_, tensor) in tensors { try file.write(tensor) }
      try file.write(number: file.hash.value)
      try file.synchronize()
    } catch {
      _ = unsafe unlink(temporary)
      throw error
    }
    guard unsafe rename(temporary, path) == 0 else {
      let reason = lastReason()
      _ = unsafe unlink(temporary)
      throw .file(path: path, operation: "renaming", reason: reason)
    }
    let slash = path.lastIndex(of: "/")
    try StateFile(opening: slash.map { String(path[...$0]) } ?? ".").synchronize()
  }

  /// Renames the file at `path`, where there is one, to the same with `.old` behind it; returns that.
  static func setAside(_ path: String) throws(TrainingFailure) -> String? {
    guard unsafe access(path, F_OK) == 0 else { return nil }
    guard unsafe rename(path, "\(path).old") == 0 else {
      throw .file(path: path, operation: "renaming", reason: lastReason())
    }
    return "\(path).old"
  }

  /// Removes what processes that were killed while they wrote have left beside `path`; what a running one writes stays.
  static func removeStale(_ path: String) {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { String(path[...$0]) } ?? "."
    let beginning = "\(slash.map { String(path[path.index(after: $0)...]) } ?? path).writing-"
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where name.hasPrefix(beginning) {
      guard let process = Int32(name.dropFirst(beginning.count)), process > 0 else { continue }
      if kill(process, 0) != 0, errno == ESRCH { try? FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
    }
  }

  /// Reads the header of the file at `path`, and checks the whole of it; nil where there is none.
  static func header(at path: String) throws(TrainingFailure) -> Header? {
    guard unsafe access(path, F_OK) == 0 else { return nil }
    let (header, file) = try open(path)
    for entry in header.tensors {
      guard entry.count >= 0, entry.count <= file.remaining / 4 else {
        throw .damaged(path: path, why: "it is cut short")
      }
      try file.skip(entry.count * 4)
    }
    try finish(file, path)
    return header
  }

  /// Reads the values of `tensors`, which must be those of the file.
  static func read(
    _ path: String, into tensors: [(name: String, tensor: Tensor<Float>)]
  ) throws(TrainingFailure) {
    let (header, file) = try open(path)
    guard header.tensors == tensors.map({ Entry(name: $0.name, count: $0.tensor.count) }) else {
      throw .damaged(path: path, why: "its tensors are not those of this training")
    }
    for (_, tensor) in tensors { try file.read(into: tensor) }
    try finish(file, path)
  }

  private static func open(_ path: String) throws(TrainingFailure) -> (Header, StateFile) {
    let file = try StateFile(opening: path)
    guard try file.read(magic.count) == magic else { throw .damaged(path: path, why: "it is no resume file") }
    let found = try file.readNumber()
    guard found == UInt64(version) else {
      throw .damaged(path: path, why: "it has format version \(found), and \(version) is read")
    }
    let length = try file.readNumber()
    guard length <= UInt64(longestHeader), Int(length) <= file.remaining else {
      throw .damaged(path: path, why: "its header is \(length) bytes long")
    }
    let json = try file.read(Int(length))
    do { return (try JSONDecoder().decode(Header.self, from: Data(json)), file) } catch {
      throw .damaged(path: path, why: "its header can't be read: \(error)")
    }
  }

  private static func finish(_ file: StateFile, _ path: String) throws(TrainingFailure) {
    let hash = file.hash.value
    guard try file.readNumber() == hash else { throw .damaged(path: path, why: "its bytes were changed") }
    guard file.remaining == 0 else { throw .damaged(path: path, why: "it is longer than it should be") }
  }
}

/// The system's words for the latest error.
func lastReason() -> String { unsafe String(cString: strerror(errno)) }
