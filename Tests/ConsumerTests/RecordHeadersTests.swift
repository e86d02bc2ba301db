import Consumer
import Events
import Formats
import Kafka
import TestSupport
import Testing

/// Headers on their way from the broker to a decoder that asks for them.
@Suite struct RecordHeadersTests {
  private let time: EventTime = 1_396_860_669_000

  private func selection(_ envelope: RecordEnvelope) -> EventSelection {
    var selection = EventSelection()
    selection.envelope = envelope
    return selection
  }

  private func write(_ topic: Topic) throws {
    let producer = try KafkaProducer(topic.configuration, log: { _ in })
    let opened = try producer.topic(topic.name)
    var structured = RecordHeaders()
    structured.add("content-type", "application/cloudevents+json; charset=UTF-8")
    var binary = RecordHeaders()
    binary.add("ce_specversion", "1.0")
    binary.add("ce_type", "viewed")
    binary.add("ce_time", "2014-04-07T08:51:09Z")
    binary.add("empty", "")
    let records: [(String, RecordHeaders)] = [
      (
        #"{"specversion":"1.0","type":"bought","time":"2014-04-07T08:51:09Z","data":{"session":"s","item":"a"}}"#,
        structured
      ),
      (#"{"session":"s","item":"b"}"#, binary),
      // What the one before brought is gone.
      (#"{"session":"s","item":"c","time":1396860669000}"#, RecordHeaders()),
    ]
    for (text, headers) in records {
      let isQueued = try producer.produce(
        to: opened, key: [115].span, value: Array(text.utf8).span, headers: headers, partition: 0)
      #expect(isQueued)
    }
    let isFlushed = try producer.flush(milliseconds: 30_000)
    #expect(isFlushed)
  }

  private func read(_ topic: Topic, _ selection: EventSelection) throws -> (
    types: [String], reasons: [RejectionReason], items: [String], times: Set<EventTime>
  ) {
    let member = try Member(topic.source(), workers: 1)
    var source = KafkaEventSource(
      member.group, worker: 0, decoder: try JSONEventDecoder(.native, selection), partitions: PartitionTable())
    var batch = EventBatch()
    var types: [String] = []
    var items: [String] = []
    var times = Set<EventTime>()
    var reasons: [RejectionReason] = []
    let deadline = Deadline(seconds: 30)
    while items.count + reasons.count < 3, !deadline.isOver {
      batch.removeAll()
      _ = try source.take(into: &batch, milliseconds: 100)
      types += batch.events.map { batch.bytes.text($0.type) }
      items += batch.events.map { batch.bytes.text($0.item) }
      times.formUnion(batch.events.map(\.time))
      reasons += batch.rejections.map(\.reason)
    }
    let counts = source.decoded
    #expect(counts.events == items.count && counts.rejections == reasons.count)
    _ = consume source
    member.leave()
    return (types, reasons, items, times)
  }

  @Test func bothModesOfCloudEventsComeThrough() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 1)
    try write(topic)
    let found = try read(topic, selection(.cloudEvents))
    #expect(found.items == ["a", "b", "c"])
    #expect(found.types == ["bought", "viewed", ""])
    #expect(found.times == [time] && found.reasons.isEmpty)
  }

  @Test func whoDoesNotAskForHeadersGetsNone() throws {
    let broker = try EmbeddedBroker()
    let topic = try Topic.on(broker, partitions: 1)
    try write(topic)
    let found = try read(topic, selection(.none))
    #expect(found.reasons == [.missingSession])
    #expect(found.items == ["b", "c"] && found.types == ["", ""])
    // The record's own timestamp, not the header's.
    #expect(found.times.contains(time) && found.times.count == 2)
  }
}
