import Events
import Testing

@testable import Kafka

@Suite struct KafkaFailureTests {
  @Test(arguments: [
    ("_TRANSPORT", Disposition.retry), ("_ALL_BROKERS_DOWN", .retry), ("REQUEST_TIMED_OUT", .retry),
    ("UNKNOWN_TOPIC_OR_PART", .retry), ("_MAX_POLL_EXCEEDED", .retry), ("ILLEGAL_GENERATION", .retry),
    ("TOPIC_AUTHORIZATION_FAILED", .halt), ("_AUTO_OFFSET_RESET", .halt), ("_FATAL", .halt), ("BAD_COMPRESSION", .halt),
  ])
  func eachOfLibrdkafkasErrorsAsksForSomething(code: String, disposition: Disposition) {
    let failure = KafkaFailure(code: code, operation: "reading", detail: "because")
    #expect(failure.disposition == disposition)
    #expect(failure.description.contains("because"))
  }

  @Test func adviceNamesWhatCanBeSet() {
    for code in ["_AUTO_OFFSET_RESET", "OFFSET_OUT_OF_RANGE", "_NO_OFFSET"] {
      let text = KafkaFailure(code: code, operation: "reading", detail: "because").description
      #expect(text.contains("--from") && text.contains("consumer.offset_reset"), "\(text)")
      for name in KafkaConfiguration.reservedProperties.keys { #expect(!text.contains(name), "\(name) is reserved") }
    }
  }

  @Test func whatWaitingCanMendIsRetriedTheRestHalts() {
    #expect(KafkaFailure.unacknowledged(records: 3, milliseconds: 5_000).disposition == .retry)
    #expect(KafkaFailure.stopped(operation: "waiting").disposition == .halt)
    #expect(KafkaFailure.predictionRefused(topic: "t", origin: "c:0 offset 1", code: "X").disposition == .halt)
  }
}
