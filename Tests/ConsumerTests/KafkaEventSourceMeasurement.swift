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
        #"{"session":"session-\#($0 % 5_000)","item":"item-\#($0 % 9_999)","time":\#(1_700_000_000_000 + $0)}"#
      }
      try topic.write(values, partitions: 4)
    }
    let table = PartitionTable()
    let member = try Member(topic.source(), workers: 1)
    var source = KafkaEventSource(
      member.group, worker: 0, decoder: try JSONEventDecoder(), partitions: table)
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
    // Rejections are quicker than events: their rate would say nothing.
    try #require(events == count)
    print("source: \(events) events, \(Int(Double(source.counts.records) / seconds)) records/s, decoded from JSON")
    // One commit for each of the records that come now.
    let commits = 200
    try topic.write([String?](repeating: "x", count: commits), partitions: 4)
    var one = EventBatch(capacity: 1)
    var committing = Duration.zero
    for _ in 0..<commits {
      one.removeAll()
      _ = try source.take(into: &one, milliseconds: 1_000)
      let start = ContinuousClock.now
      _ = try source.commit(except: [])
      committing += ContinuousClock.now - start
    }
    #expect(source.counts.records == count + commits)
    print("commit: \(Int(committing / .microseconds(1)) / commits) us each")
    member.leave()
  }
}
