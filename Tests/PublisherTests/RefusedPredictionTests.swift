import Events
import Kafka
import Publisher
import TestSupport
import Testing

/// Predictions that a broker refuses because of themselves: nobody else's are lost, and the worker goes on.
@Suite(.serialized) struct RefusedPredictionTests {
  private func configuration(_ broker: EmbeddedBroker, _ properties: [String: String] = [:]) throws
    -> KafkaSinkConfiguration
  {
    try broker.createTopic("predictions", partitions: 1)
    try broker.createTopic("dead", partitions: 1)
    let kafka = KafkaConfiguration(bootstrapServers: broker.bootstrapServers, properties: properties)
    return KafkaSinkConfiguration(
      kafka: kafka, topic: "predictions", deadLetterTopic: "dead", model: "sasrec", modelVersion: "7")
  }

  private func letters(_ configuration: KafkaSinkConfiguration, _ count: Int) throws -> [KafkaRecord] {
    let kafka = KafkaConfiguration(bootstrapServers: configuration.kafka.bootstrapServers)
    var reader = try TopicReader(kafka, topic: "dead")
    return try reader.read(count, milliseconds: 20_000)
  }

  @Test func oneThatIsRefusedAloneTooIsSetAsideAsADeadLetter() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker)
    let lines = LogLines()
    var batch = Batches()
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: lines.log)
    broker.fail(.produce, [.tooLarge, .tooLarge])
    batch.add(1, offset: 77)
    try sink.publish(batch.predictions, of: batch.events)
    try sink.flush()
    #expect(sink.counts.refusedPredictions == 1)
    #expect(sink.counts.deadLetters == 1)
    #expect(lines.contains("clicks:3 offset 77"))
    let letter = try #require(try letters(configuration, 1).first)
    #expect(letter.header("reason") == "prediction_refused")
    #expect(letter.header("error")?.contains("MSG_SIZE_TOO_LARGE") == true)
    #expect(letter.header("original_length") == "3")
    #expect(letter.header("source_offset") == "77")
    #expect(letter.key == Array("s0".utf8))
    #expect(letter.value == Array("p77".utf8))
  }

  @Test func theOthersOfItsBatchArrive() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker, ["linger.ms": "100"])
    var batch = Batches()
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    broker.fail(.produce, [.tooLarge])
    batch.add(50)
    try sink.publish(batch.predictions, of: batch.events)
    try sink.flush()
    #expect(sink.counts.refusedPredictions == 0)
    #expect(sink.acknowledged == 50)
    var reader = try TopicReader(configuration.kafka, topic: "predictions")
    let records = try reader.read(50, milliseconds: 20_000)
    #expect(Set(records.compactMap { $0.header("source_offset") }).count == 50)
    #expect(
      records.allSatisfy { $0.header("model") == "sasrec" && $0.value == Array("p\($0.header("source_offset")!)".utf8) }
    )
  }

  @Test func oneThatTheClientRefusesIsSetAsideAtOnceAndCutToTheLimit() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker, ["message.max.bytes": "80000"])
    var batch = Batches()
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    batch.add(1, offset: 5, padding: 100_000)
    batch.add(1, offset: 6)
    try sink.publish(batch.predictions, of: batch.events)
    try sink.flush()
    #expect(sink.counts.refusedPredictions == 1)
    #expect(sink.counts.predictions == 1)
    let letter = try #require(try letters(configuration, 1).first)
    #expect(letter.value?.count == Limits.deadLetterBytes)
    #expect(letter.header("original_length") == "100002")
    #expect(letter.header("source_offset") == "5")
  }

  @Test func whatIsNotToBePublishedIsNot() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker)
    var batch = Batches()
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    batch.add(10)
    for index in 0..<10 where index % 3 != 0 { batch.predictions.predictions[index].isPublished = false }
    try sink.publish(batch.predictions, of: batch.events)
    try sink.flush()
    #expect(sink.counts.predictions == 4)
    #expect(sink.counts.unpublished == 6)
    var reader = try TopicReader(configuration.kafka, topic: "predictions")
    let offsets = try reader.read(10, milliseconds: 2_000).compactMap { $0.header("source_offset") }
    #expect(offsets == ["0", "3", "6", "9"])
  }

  /// What leaves through librdkafka's calls costs its own allocations, eight: the list of headers and its places, five headers, the message.
  @Test func aPredictionCostsLibrdkafkasAllocationsAlone() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker, ["linger.ms": "500"])
    var batch = Batches()
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    batch.add(1_000, padding: 800)
    try sink.publish(batch.predictions, of: batch.events)
    try sink.flush()
    let count = try allocations { try sink.publish(batch.predictions, of: batch.events) }
    print("sink: \(Double(count ?? 0) / 1_000) allocations a prediction, all of librdkafka")
    if let count { #expect(count == 8_000) }
    try sink.flush()
  }
}
