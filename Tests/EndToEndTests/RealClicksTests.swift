import Events
import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// Real clicks live: the file `INTENTD_TEST_CLICKS` (columns SessionId, ItemId, Time in seconds, separated by tabs) goes through Apache
  /// Kafka, the daemon and Redis with the model `INTENTD_TEST_MODEL`, and every prediction is held against the replay of the file.
  @Suite(
    KafkaBroker.needed, RedisServer.needed,
    .enabled(
      if: TestServer.environment("INTENTD_TEST_CLICKS") != nil && TestServer.environment("INTENTD_TEST_MODEL") != nil,
      "needs INTENTD_TEST_CLICKS=FILE and INTENTD_TEST_MODEL=DIR"))
  struct RealClicksTests {
    @Test func predictionsAreThoseOfAReplay() throws {
      let file = try #require(TestServer.environment("INTENTD_TEST_CLICKS"))
      let model = try #require(TestServer.environment("INTENTD_TEST_MODEL"))
      let clicks = try RealClicksTests.read(file)
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: model)
      try setup.produce(clicks, with: try setup.producer())
      let began = ContinuousClock.now
      let daemon = try setup.start()
      let isCommitted = try setup.waitUntilCommitted(clicks.count, seconds: 600)
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      #expect(isCommitted)
      let outcome = try daemon.terminate()
      #expect(outcome.exit == .status(0), "\(outcome.error)")

      let folder = try TemporaryFolder(prefix: "intentd-replay")
      let written = folder.file("predictions.jsonl")
      let replay = try IntentdProcess.run(
        ["--replay", file, "--format", "gru4rec", "--model", model, "--output", written], seconds: 600)
      try #require(replay.isSuccess, "\(replay.error)")
      let replayed = try String(contentsOfFile: written, encoding: .utf8).split(separator: "\n")
        .map { try WrittenPrediction(String($0)) }
      let records = try setup.records(of: setup.predictions, atLeast: replayed.count)
      let comparison = Comparison(live: try records.map { try WrittenPrediction($0) }, replayed: replayed)
      #expect(comparison.isEqual, "\(comparison)")
      #expect(replayed.count == clicks.count)
      let configuration = try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: "\(model)/config.json")))
      let maxLength = try #require((configuration as? [String: Any])?["max_length"] as? Int)
      try setup.expectStored(
        try setup.records(of: setup.clicks, atLeast: clicks.count), latest: records,
        keep: maxLength + Limits.uncommittedPerSession)
      let times = records.compactMap(\.time)
      let serving = Double((times.max() ?? 0) - (times.min() ?? 0)) / 1000
      let all = String(format: "%.2f s from the daemon's start to its last commit", seconds)
      let rate = String(format: "%.2f s from the first prediction to the last: ", serving)
      print(
        """
        \(comparison.compared) predictions compared, \(comparison.differing) differ, \(comparison.missing) missing, \
        \(comparison.surplus) too many; \(all), \(rate)\(Int(Double(clicks.count) / max(serving, 0.001))) clicks/s
        """)
    }

    /// The clicks of a table, with their times in milliseconds.
    static func read(_ file: String) throws -> [Click] {
      let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
      let names = lines[0].split(separator: "\t")
      let session = try #require(names.firstIndex(of: "SessionId"))
      let item = try #require(names.firstIndex(of: "ItemId"))
      let time = try #require(names.firstIndex(of: "Time"))
      return try lines.dropFirst().map { line in
        let cells = line.split(separator: "\t")
        let seconds = try #require(Decimal(string: String(cells[time])))
        let milliseconds = NSDecimalNumber(decimal: seconds * 1000).int64Value
        return Clicks.click(String(cells[session]), String(cells[item]), milliseconds)
      }
    }
  }
}
