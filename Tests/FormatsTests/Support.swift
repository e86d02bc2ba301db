import Events
import Formats
import Foundation
import Testing

/// A directory that is removed with its owner.
final class TemporaryDirectory {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "intentd-formats-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file; its path.
  func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    let path = "\(self.path)/\(name)"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  func file(_ name: String, _ text: String) throws -> String { try file(name, Array(text.utf8)) }

  /// What `gzip` makes of `text`.
  func gzip(_ text: String) throws -> [UInt8] {
    let plain = try file("plain-\(UUID().uuidString)", text)
    // Foundation's Process leaks a few bytes, which the address sanitizer counts.
    let status = unsafe system("gzip '\(plain)'")
    guard status == 0 else { throw CocoaError(.fileWriteUnknown) }
    return Array(try Data(contentsOf: URL(fileURLWithPath: plain + ".gz")))
  }
}

/// An event as a test sees it.
struct Seen: Equatable, CustomStringConvertible {
  var session: String
  var item: String
  var time: EventTime
  var user = ""
  var type = ""
  var offset: Int64 = 0

  var description: String { "\(session)/\(item)@\(time) \(user) \(type) #\(offset)" }
}

extension EventBatch {
  /// Its events, as a test sees them.
  func seen() -> [Seen] {
    events.map {
      Seen(
        session: bytes.text($0.session), item: bytes.text($0.item), time: $0.time, user: bytes.text($0.user),
        type: bytes.text($0.type), offset: $0.origin.offset)
    }
  }

  var reasons: [RejectionReason] { rejections.map(\.reason) }
}

/// Everything that a source hands over.
func drain<Source: EventSource & ~Copyable>(_ source: inout Source) throws -> (
  events: [Seen], reasons: [RejectionReason]
) {
  var batch = EventBatch(capacity: 7)
  var events: [Seen] = []
  var reasons: [RejectionReason] = []
  while true {
    batch.removeAll()
    let state = try source.take(into: &batch, milliseconds: 0)
    events += batch.seen()
    reasons += batch.reasons
    if state == .ended { return (events, reasons) }
  }
}

/// Decodes one record.
func decode(
  _ json: String, _ mapping: JSONMapping = .native, recordTime: EventTime? = nil, types: [String] = []
) throws -> (outcome: RecordOutcome, events: [Seen]) {
  var decoder = try JSONEventDecoder(mapping, types: types)
  var batch = EventBatch()
  let record = Array(json.utf8)
  let outcome = decoder.decode(
    record.span, key: [1, 2].span, origin: Origin(partition: 0, offset: 5), recordTime: recordTime, into: &batch)
  return (outcome, batch.seen())
}
