import Events
import Kafka
import Publisher
import Synchronization
import TestSupport

/// A batch of events with one prediction each, as a worker has them.
struct Batches: ~Copyable {
  let table = PartitionTable()
  var events = EventBatch(capacity: 10_000)
  var predictions = PredictionBatch()

  init() { _ = table.slot(topic: "clicks", partition: 3) }

  /// Adds events of sessions `s0`… at offsets from `offset` on, with predictions `p<offset>`.
  mutating func add(_ count: Int, offset: Int64 = 0, padding: Int = 0) {
    for index in 0..<count {
      let number = offset + Int64(index)
      let session = events.bytes.appendBytes(Array("s\(index % 100)".utf8).span)
      let item = events.bytes.appendBytes(Array("item".utf8).span)
      events.append(Event(session: session, item: item, time: 0, origin: Origin(partition: 0, offset: number)))
      var prediction = Prediction(event: events.events.count - 1, firstItem: 0, itemCount: 0, status: .predicted)
      let text = "p\(number)" + String(repeating: "x", count: padding)
      prediction.encoded = predictions.bytes.appendBytes(Array(text.utf8).span)
      predictions.predictions.append(prediction)
    }
  }

  /// Adds a record that is not an event.
  mutating func reject(_ text: String, key: String, offset: Int64, reason: RejectionReason, original: Int) {
    let key = events.bytes.appendBytes(Array(key.utf8).span)
    let payload = events.bytes.appendBytes(Array(text.utf8).span)
    events.append(
      Rejection(
        reason: reason, origin: Origin(partition: 0, offset: offset), key: key, payload: payload, payloadBytes: original
      ))
  }

  mutating func removeAll() {
    events.removeAll()
    predictions.removeAll()
  }
}

/// Collects log lines from librdkafka's threads.
final class LogLines: Sendable {
  private let lines = Mutex<[KafkaLogLine]>([])

  var log: KafkaLog { { line in self.lines.withLock { $0.append(line) } } }

  var messages: [String] { lines.withLock { $0.map(\.message) } }

  func contains(_ text: String) -> Bool { lines.withLock { $0.contains { $0.message.contains(text) } } }
}
