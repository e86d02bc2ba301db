import Events
import Kafka
import Publisher
import TestSupport
import Testing

@Suite(.serialized) struct KafkaPredictionSinkTests {
  private func configuration(_ broker: EmbeddedBroker, deadLetters: String? = nil) throws -> KafkaSinkConfiguration {
    try broker.createTopic("predictions", partitions: 3)
    if let deadLetters { try broker.createTopic(deadLetters, partitions: 1) }
    let kafka = KafkaConfiguration(bootstrapServers: broker.bootstrapServers)
    return KafkaSinkConfiguration(
      kafka: kafka, topic: "predictions", deadLetterTopic: deadLetters, model: "sasrec", modelVersion: "7")
  }

  @Test func predictionsArriveWithKeyBytesAndHeaders() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker)
    var batch = Batches()
    batch.add(300, offset: 1_000)
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    try sink.publish(batch.predictions, of: batch.events)
    try sink.flush()
    #expect(sink.acknowledged == 300)
    #expect(sink.counts.predictions == 300)

    var reader = try TopicReader(configuration.kafka, topic: "predictions")
    let records = try reader.read(300, milliseconds: 20_000)
    #expect(records.count == 300)
    var partitionOfSession: [[UInt8]: Int32] = [:]
    for record in records {
      let offset = try #require(record.header("source_offset").flatMap { Int($0) })
      #expect(record.value == Array("p\(offset)".utf8))
      #expect(record.key == Array("s\((offset - 1_000) % 100)".utf8))
      #expect(
        record.headers.map(\.name) == ["model", "model_version", "source_topic", "source_partition", "source_offset"])
      #expect(record.header("model") == "sasrec")
      #expect(record.header("model_version") == "7")
      #expect(record.header("source_topic") == "clicks")
      #expect(record.header("source_partition") == "3")
      let key = try #require(record.key)
      #expect(partitionOfSession.updateValue(record.partition, forKey: key).map { $0 == record.partition } ?? true)
    }
    sink.setModel("gru", version: "8")
    try sink.publish(batch.predictions, of: batch.events)
    try sink.flush()
    #expect(try reader.next(milliseconds: 20_000)?.header("model") == "gru")
  }

  @Test func passingFaultsOfTheBrokerLoseNothing() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker)
    var batch = Batches()
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    let deadline = Deadline(seconds: 60)
    for round in 0..<20 {
      batch.removeAll()
      batch.add(50, offset: Int64(round * 50))
      broker.fail(.produce, [[.notLeader], [.timedOut], [.disconnect], [.notEnoughReplicas]][round % 4])
      var isPublished = false
      while !isPublished && !deadline.isOver {
        do throws(KafkaFailure) {
          try sink.publish(batch.predictions, of: batch.events)
          isPublished = true
        } catch {
          #expect(error.disposition == .retry, "\(error)")
        }
      }
    }
    var isFlushed = false
    while !isFlushed && !deadline.isOver {
      do throws(KafkaFailure) {
        try sink.flush()
        isFlushed = true
      } catch {
        #expect(error.disposition == .retry, "\(error)")
      }
    }
    #expect(sink.acknowledged == 1_000)
    var reader = try TopicReader(configuration.kafka, topic: "predictions")
    let offsets = try reader.read(1_000, milliseconds: 20_000).compactMap { $0.header("source_offset") }
    #expect(Set(offsets).count == 1_000)
  }

  @Test func brokersThatAreAwayAreToldAndTheBatchGoesOnWhereItStopped() throws {
    let broker = try EmbeddedBroker()
    var configuration = try configuration(broker)
    configuration.patience = 300
    configuration.queueRecords = 100
    var batch = Batches()
    var beats = 0
    let heartbeat = {
      beats += 1
      return true
    }
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in }, goOn: heartbeat)
    batch.add(10)
    try sink.publish(batch.predictions, of: batch.events)
    try sink.flush()
    broker.setDown(true)
    batch.removeAll()
    batch.add(250, offset: 10)
    var told = 0
    var isPublished = false
    let deadline = Deadline(seconds: 60)
    while !isPublished && !deadline.isOver {
      do throws(KafkaFailure) {
        try sink.publish(batch.predictions, of: batch.events)
        isPublished = true
      } catch {
        #expect(error.disposition == .retry, "\(error)")
        told += 1
        if told == 3 { broker.setDown(false) }
      }
    }
    #expect(told >= 3)
    #expect(beats > 0)
    #expect(sink.counts.waits > 0)
    while sink.acknowledged < 260 && !deadline.isOver {
      do throws(KafkaFailure) { try sink.flush() } catch { #expect(error.disposition == .retry, "\(error)") }
    }
    var reader = try TopicReader(configuration.kafka, topic: "predictions")
    let offsets = try reader.read(260, milliseconds: 20_000).compactMap {
      $0.header("source_offset").flatMap { Int($0) }
    }
    #expect(offsets.sorted() == Array(0..<260))
    #expect(try reader.next(milliseconds: 300) == nil)
  }

  @Test func aStopEndsTheWait() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker)
    var batch = Batches()
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in }, goOn: { false })
    broker.setRoundTrip(milliseconds: 2_000)
    batch.add(1)
    try sink.publish(batch.predictions, of: batch.events)
    do throws(KafkaFailure) {
      try sink.flush()
      Issue.record("flushed")
    } catch {
      guard case .stopped = error else {
        Issue.record("\(error)")
        return
      }
    }
    broker.setRoundTrip(milliseconds: 0)
  }

  @Test func aTopicThatMayNotBeWrittenHaltsWithTheOrigin() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker)
    var batch = Batches()
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    broker.fail(.produce, [.denied])
    batch.add(1, offset: 77)
    do throws(KafkaFailure) {
      try sink.publish(batch.predictions, of: batch.events)
      try sink.flush()
      Issue.record("delivered")
    } catch {
      #expect(
        error
          == .predictionRefused(
            topic: "predictions", origin: "clicks:3 offset 77", code: "TOPIC_AUTHORIZATION_FAILED"))
      #expect(error.disposition == .halt)
    }
  }

  @Test func deadLettersCarryTheRecordAndWhy() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker, deadLetters: "dead")
    var batch = Batches()
    batch.reject("{oops", key: "k", offset: 12, reason: .malformed, original: 5)
    batch.reject("", key: "", offset: 13, reason: .recordTooLong, original: 2_000_000)
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    try sink.reject(batch.events.rejections, of: batch.events)
    try sink.flush()
    #expect(sink.counts.deadLetters == 2)
    #expect(sink.counts.rejections == [.malformed: 1, .recordTooLong: 1])
    var reader = try TopicReader(configuration.kafka, topic: "dead")
    let records = try reader.read(2, milliseconds: 20_000)
    try #require(records.count == 2)
    #expect(records[0].key == Array("k".utf8))
    #expect(records[0].value == Array("{oops".utf8))
    #expect(records[0].header("reason") == "malformed")
    #expect(records[0].header("error")?.isEmpty == false)
    #expect(records[0].header("original_length") == "5")
    #expect(records[0].header("source_topic") == "clicks")
    #expect(records[0].header("source_partition") == "3")
    #expect(records[0].header("source_offset") == "12")
    #expect(records[1].key == nil)
    #expect(records[1].value == [])
    #expect(records[1].header("original_length") == "2000000")
  }

  @Test func aDeadLetterThatIsRefusedIsLoggedAndPassedOver() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker, deadLetters: "dead")
    let lines = LogLines()
    var batch = Batches()
    batch.reject("x", key: "k", offset: 12, reason: .malformed, original: 1)
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: lines.log)
    broker.fail(.produce, [.denied])
    try sink.reject(batch.events.rejections, of: batch.events)
    try sink.flush()
    #expect(sink.counts.refusedDeadLetters == 1)
    #expect(lines.contains("clicks:3 offset 12"))
  }

  @Test func withoutATopicRejectionsAreOnlyCounted() throws {
    let broker = try EmbeddedBroker()
    let configuration = try configuration(broker)
    var batch = Batches()
    batch.reject("x", key: "k", offset: 12, reason: .missingItem, original: 1)
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    try sink.reject(batch.events.rejections, of: batch.events)
    try sink.flush()
    #expect(sink.counts.rejections == [.missingItem: 1])
    #expect(sink.counts.deadLetters == 0)
    #expect(sink.acknowledged == 0)
  }
}

@Suite(.serialized, KafkaBroker.needed) struct KafkaPredictionSinkOnApacheKafkaTests {
  @Test func tenThousandPredictionsAreAcknowledgedAndRead() throws {
    let kafka = KafkaConfiguration(bootstrapServers: try KafkaBroker.shared().bootstrapServers)
    let topic = KafkaBroker.uniqueName("predictions")
    try KafkaAdmin(kafka).createTopic(topic, partitions: 4)
    var batch = Batches()
    let configuration = KafkaSinkConfiguration(kafka: kafka, topic: topic, model: "m", modelVersion: "1")
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    for round in 0..<10 {
      batch.removeAll()
      batch.add(1_000, offset: Int64(round * 1_000), padding: 200)
      try sink.publish(batch.predictions, of: batch.events)
    }
    try sink.flush()
    #expect(sink.acknowledged == 10_000)
    var reader = try TopicReader(kafka, topic: topic)
    let records = try reader.read(10_000, milliseconds: 30_000)
    #expect(Set(records.compactMap { $0.header("source_offset") }).count == 10_000)
  }

  @Test func aTopicThatIsMissingHaltsWithItsName() throws {
    let properties = ["topic.metadata.propagation.max.ms": "100", "topic.metadata.refresh.interval.ms": "500"]
    let kafka = KafkaConfiguration(
      bootstrapServers: try KafkaBroker.shared().bootstrapServers, properties: properties)
    var batch = Batches()
    batch.add(1)
    let configuration = KafkaSinkConfiguration(kafka: kafka, topic: "no-such-topic", model: "m", modelVersion: "1")
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    var told: KafkaFailure?
    let deadline = Deadline(seconds: 20)
    while told == nil && !deadline.isOver {
      do throws(KafkaFailure) {
        try sink.publish(batch.predictions, of: batch.events)
        try sink.flush()
      } catch {
        if error.disposition == .halt || error.description.contains("no-such-topic") { told = error }
      }
    }
    #expect(told?.description.contains("no-such-topic") == true)
  }
}
