import Events
import Foundation
import Testing

@testable import Sequential

/// A golden model and what PyTorch says of it; `tools/golden` makes them.
struct GoldenFixture: Sendable, CustomTestStringConvertible {
  /// One session: its events, and for each of them the known items in its window and the scores after it.
  struct Session: Sendable {
    /// Rows of the catalogue, ``ItemIndex/unknown`` among them.
    let events: [ItemIndex]
    /// Known items in the window of each event.
    let known: [Int]
    /// The scores of all items after each event; zeros where nothing is known.
    let scores: [[Float]]
  }

  let name: String
  var testDescription: String { name }
  private var path: String { Self.directory.appending(path: name).path }

  private static let directory = Bundle.module.resourceURL!.appending(path: "Fixtures/golden")

  /// Every golden model, sorted by name.
  static let all: [GoldenFixture] = {
    let names = try? FileManager.default.contentsOfDirectory(atPath: directory.path)
    return (names ?? []).sorted().map { GoldenFixture(name: $0) }
  }()

  func model() throws -> ModelDirectory { try ModelDirectory.load(path) }

  func sessions() throws -> [Session] {
    let values = try SafetensorsFile(path: "\(path)/expected.safetensors").values()
    var sessions: [Session] = []
    while case .integers(let events) = values["sequence.\(sessions.count)"],
      case .integers(let known) = values["known.\(sessions.count)"],
      case .floats(let scores) = values["logits.\(sessions.count)"]
    {
      let columns = scores.count / events.count
      let rows = events.indices.map { Array(scores[$0 * columns..<($0 + 1) * columns]) }
      sessions.append(Session(events: events.map { ItemIndex($0) }, known: known, scores: rows))
    }
    precondition(values.count == 3 * sessions.count, "\(name): a tensor that no session has")
    return sessions
  }
}
