import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// A client in another language, with other libraries: `tools/client/client.py`, with confluent-kafka and redis-py from PyPI.
  @Suite(KafkaBroker.needed, RedisServer.needed, PythonClient.needed) struct ClientTests {
    @Test(arguments: Delivery.allCases) func clicksAndPredictionsInPython(_ delivery: Delivery) throws {
      let model = try TestModel.shop.path()
      let setup = try LiveSetup(
        servers: try KafkaBroker.shared().bootstrapServers, redis: try RedisServer(), model: model,
        delivery: delivery, settings: "workers: 2")
      let daemon = try setup.start()
      _ = try daemon.log("serving")
      let output = try PythonClient.run([
        "--bootstrap-servers", setup.kafka.bootstrapServers, "--clicks", setup.clicks,
        "--predictions", setup.predictions, "--redis", "redis://127.0.0.1:\(setup.redis.port)", "--prefix",
        LiveSetup.prefix, "--items", "\(model)/items.txt",
        "--count", "2000",
      ])
      try #require(!output.isEmpty, "\(daemon.error.suffix(3000))")
      let figures = try #require(
        JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any],
        "\(output)\n\(daemon.error.suffix(3000))")
      #expect(figures["clicks"] as? Int == 2000)
      #expect(figures["predictions"] as? Int == 2000)
      #expect(figures["sessions"] as? Int == 20)
      #expect(try setup.waitUntilCommitted(2000))
      #expect(try daemon.terminate().exit == .status(0), "\(daemon.error)")
      print("Python, \(delivery): \(figures["predictions"] ?? "?") predictions in \(figures["seconds"] ?? "?") s")
    }
  }
}

/// The interpreter and the script.
enum PythonClient {
  private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// `.build-venv`, which `make setup-client` makes, or what is installed; nil where neither has the libraries.
  static let interpreter: String? = ["\(package)/.build-venv/bin/python3", "python3"].first { program in
    let check = try? ChildProcess(
      program, ["-c", "import confluent_kafka, redis"], output: .null, error: .null, endsWithParent: true)
    return (try? check?.wait(milliseconds: 30_000)) == .status(0)
  }

  /// Runs a test only where there is one.
  static var needed: ConditionTrait {
    TestServer.needed(
      interpreter != nil, howTo: "needs Python's confluent-kafka and redis: make setup-client, or pip install them")
  }

  /// What the script writes to standard output; what it complains of is written to the test's own.
  static func run(_ arguments: [String], seconds: Int = 90) throws -> String {
    let folder = try TemporaryFolder(prefix: "intentd-client")
    let process = try ChildProcess(
      try #require(interpreter, "no Python with confluent-kafka and redis"),
      ["\(package)/tools/client/client.py"] + arguments, output: .file(folder.file("output")),
      error: .file(folder.file("error")), endsWithParent: true)
    let exit = try process.wait(milliseconds: seconds * 1000)
    process.signal(9)
    let text = { (name: String) in (try? String(contentsOfFile: folder.file(name), encoding: .utf8)) ?? "" }
    #expect(exit == .status(0), "\(text("error"))")
    return text("output")
  }
}
