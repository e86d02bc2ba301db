import Events
import Kafka
import Publisher
import TestSupport
import Testing

/// How many predictions a second one sink publishes to Apache Kafka. On request: `INTENTD_MEASURE=publisher`.
@Suite(.enabled(if: TestServer.environment("INTENTD_MEASURE") == "publisher"), .serialized, KafkaBroker.needed)
struct KafkaPredictionSinkMeasurement {
  @Test(arguments: [32, 256]) func predictionsPerSecond(batchSize: Int) throws {
    let kafka = KafkaConfiguration(bootstrapServers: try KafkaBroker.shared().bootstrapServers)
    let topic = KafkaBroker.uniqueName("predictions")
    try KafkaAdmin(kafka).createTopic(topic, partitions: 4)
    var batch = Batches()
    let configuration = KafkaSinkConfiguration(kafka: kafka, topic: topic, model: "sasrec", modelVersion: "1")
    var sink = try KafkaPredictionSink(configuration, partitions: batch.table, log: { _ in })
    batch.add(batchSize, padding: 800)
    try sink.publish(batch.predictions, of: batch.events)
    try sink.flush()
    for flushesEach in [false, true] {
      let rounds = flushesEach ? 500 : 200_000 / batchSize
      let start = ContinuousClock.now
      for _ in 0..<rounds {
        try sink.publish(batch.predictions, of: batch.events)
        if flushesEach { try sink.flush() }
      }
      try sink.flush()
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      let rate = Int(Double(rounds * batchSize) / seconds)
      let each = Int(seconds * 1e6) / rounds
      print(
        "sink: batches of \(batchSize), 800 bytes, flush each \(flushesEach): \(rate) predictions/s, \(each) us a batch"
      )
    }
  }
}
