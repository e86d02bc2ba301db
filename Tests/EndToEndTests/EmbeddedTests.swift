import Foundation
import Kafka
import Platform
import TestSupport
import Testing

/// The daemon with its own broker, and sessions in memory.
extension ServerTests {
  @Suite struct EmbeddedTests {
    @Test func clicksOfAnotherProcessComeOutAsPredictions() throws {
      let model = try TestModel.shop.path()
      let clicks = Clicks(600, visitors: 30, longSession: 80)
      let daemon = try IntentdProcess(["--embedded", "--model", model])
      let fields = try daemon.log(
        "a broker inside this process, sessions in memory: for trying out, not for production")
      let kafka = KafkaConfiguration(bootstrapServers: try #require(fields["bootstrap_servers"]))
      // At once: nobody waits for the daemon to have its partitions.
      let producer = try ClickProducer(kafka, topic: try #require(fields["clicks"]))
      for click in clicks.all { try producer.produce(click) }
      try producer.flush()
      var reader = try TopicReader(kafka, topic: try #require(fields["predictions"]))
      let records = try reader.read(clicks.events.count, milliseconds: 60_000)
      let comparison = Comparison(
        live: try records.map { try WrittenPrediction($0) }, replayed: try LiveSetup.replay(clicks, model: model))
      #expect(comparison.isEqual, "\(comparison)")
      let outcome = try daemon.terminate()
      #expect(outcome.exit == .status(0), "\(outcome.error)")
    }

    @Test func anEmbeddedDaemonNeedsAModel() throws {
      let outcome = try IntentdProcess.run(["--embedded"])
      #expect(outcome.exit == .status(1))
      #expect(outcome.error.contains("INTENTD_MODEL"))
    }
  }
}

/// `intentd demo`.
extension ServerTests {
  @Suite struct DemoCommandTests {
    @Test func theDemoEndsWithItsClicks() throws {
      let outcome = try IntentdProcess.run(["demo", "--clicks", "300"])
      #expect(outcome.isSuccess, "\(outcome.error)")
      #expect(outcome.output.contains("popularity"), "\(outcome.output.suffix(1000))")
    }

    @Test func theDemoEndsWhenItIsAskedTo() throws {
      let demo = try IntentdProcess(["demo", "--clicks", "1000000"])
      let deadline = Deadline(seconds: 30)
      while !demo.output.contains("topics"), demo.isRunning, !deadline.isOver { usleep(50_000) }
      let outcome = try demo.terminate()
      #expect(outcome.isSuccess, "\(outcome.error)")
    }
  }
}
