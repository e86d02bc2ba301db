import Consumer
import Events
import Formats
import Kafka
import TestSupport
import Testing

/// How many records a second one source takes from Apache Kafka. On request: `INTENTD_MEASURE=consumer`.
@Suite(.enabled(if: TestServer.environment("INTENTD_MEASURE") == "consumer"), .serialized, KafkaBroker.needed)
struct KafkaEventSourceMeasurement {
  @Test func recordsPerSecond() throws {
    let topic = try Topic.onApacheKafka(partitions: 4)
    let count = 1_000_000
    for start in stride(from: 0, to: count, by: 50_000) {
      let values = (start..<start + 50_000).map {
        #"{"session_id":"session-\#($0 % 5_000)","item_id":"item-\#($0 % 9_999)","timestamp":\#(1_700_000_000_000 + $0)}"#
      }
      try topic.write(values, partitions: 4)
    }
    let table = PartitionTable()
    var source = try KafkaEventSource(
      KafkaSourceConfiguration(kafka: topic.configuration, group: topic.group, topics: [topic.name]),
      decoder: try JSONEventDecoder(), partitions: table, log: { _ in })
    var batch = EventBatch()
    var events = 0
    var first: ContinuousClock.Instant?
    let deadline = Deadline(seconds: 60)
    while source.counts.records < count && !deadline.isOver {
      batch.removeAll()
      _ = try source.take(into: &batch, milliseconds: 100)
      if first == nil && !batch.isEmpty { first = .now }
      events += batch.events.count
    }
    let seconds = (ContinuousClock.now - (first ?? .now)) / .seconds(1)
    print("source: \(events) events, \(Int(Double(source.counts.records) / seconds)) records/s, decoded from JSON")
    #expect(events == count)
    let commits = 200
    let start = ContinuousClock.now
    for number in 0..<commits {
      try topic.write(["x"], partitions: 1)
      _ = number
      batch.removeAll()
      _ = try source.take(into: &batch, milliseconds: 1_000)
      try source.commit(except: [])
    }
    print("write, take, commit of one record: \(Int((ContinuousClock.now - start) / .microseconds(1)) / commits) us")
    source.close()
  }
}
