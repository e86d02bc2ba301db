import Foundation
import Kafka
import Platform
import TestSupport
import Testing

extension ServerTests {
  /// How the daemon ends, and how it logs.
  @Suite struct OperatingTests {
    /// A server that takes connections and never answers.
    private final class SilentServer {
      let port: Int
      private let socket: Int32

      init() throws {
        port = freePort()
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let descriptor = socket
        let isListening = unsafe withUnsafePointer(to: &address) { pointer in
          unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
            unsafe bind(descriptor, general, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
              && listen(descriptor, 16) == 0
          }
        }
        try #require(isListening)
      }

      deinit { _ = close(socket) }
    }

    /// A daemon on an in-process broker whose Redis never answers, for a minute each time.
    private func stuck(_ broker: EmbeddedBroker, _ redis: SilentServer, _ folder: TemporaryFolder) throws
      -> IntentdProcess
    {
      let path = folder.file("intentd.yaml")
      try "".write(toFile: path, atomically: true, encoding: .utf8)
      return try IntentdProcess(
        ["--config", path],
        environment: [
          "INTENTD_MODEL": try TestModel.shop.path(), "INTENTD_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers,
          "INTENTD_REDIS_URL": "redis://127.0.0.1:\(redis.port)", "INTENTD_REDIS_TIMEOUT": "60s",
          "INTENTD_DRAIN_TIMEOUT": "50s",
        ])
    }

    @Test(arguments: [ProcessSignal.terminate, .interrupt])
    func aSecondSignalEndsTheDaemonAtOnce(second: ProcessSignal) throws {
      let broker = try EmbeddedBroker(log: { _ in })
      for topic in ["clicks", "predictions"] { try broker.createTopic(topic, partitions: 1) }
      let redis = try SilentServer()
      let folder = try TemporaryFolder(prefix: "intentd-stuck")
      let daemon = try stuck(broker, redis, folder)
      _ = try daemon.log("model loaded")
      usleep(500_000)
      daemon.process.signal(.terminate)
      let fields = try daemon.log("ending: the batch at hand is finished first")
      #expect(fields["signal"] == "15" && fields["within_ms"] == "50000")
      usleep(500_000)
      #expect(daemon.isRunning, "it waits for Redis, as it may")
      daemon.process.signal(second)
      let outcome = try daemon.wait(seconds: 5)
      #expect(outcome.exit == .status(second.exitStatus))
      withExtendedLifetime((broker, redis)) {}
    }

    @Test func theDrainHasItsDeadline() throws {
      let daemon = try IntentdProcess(
        ["--embedded", "--model", try TestModel.shop.path()], environment: ["INTENTD_DRAIN_TIMEOUT": "3s"])
      _ = try daemon.log("serving")
      let outcome = try daemon.terminate(seconds: 15)
      #expect(outcome.exit == .status(0), "\(outcome.error)")
      let line = IntentdProcess.logLines(outcome.error).first { $0["within_ms"] != nil }
      #expect(line?["within_ms"] == "3000")
    }

    @Test func linesAreTextOrJSONAsAskedFor() throws {
      let model = try TestModel.shop.path()
      let json = try IntentdProcess(["--embedded", "--model", model])
      _ = try json.log("serving")
      let written = try json.terminate().error.split(separator: "\n")
      #expect(written.count >= 3)
      for line in written {
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(["time", "level", "label", "message"].allSatisfy { object?[$0] is String }, "\(line)")
      }
      let text = try IntentdProcess(["--embedded", "--model", model, "--log-format", "text", "--log-level", "debug"])
      let deadline = Deadline(seconds: 30)
      while !text.error.contains(" info intentd: serving"), text.isRunning, !deadline.isOver { usleep(20_000) }
      let said = try text.terminate().error
      #expect(said.contains(" info intentd: serving"), "\(said)")
      #expect(said.contains(" debug kafka: ") && !said.contains("{\""), "\(said)")
      let variable = try IntentdProcess.run(
        ["--embedded", "--model", model], environment: ["INTENTD_LOG_FORMAT": "xml"])
      #expect(variable.exit == .status(1))
    }

    /// What a person does who tries it out: kcat in, kcat out.
    @Test(.enabled(if: OperatingTests.kcat != nil, "needs kcat: apt-get install kcat"))
    func kcatJoinsTheEmbeddedBroker() throws {
      let kcat = try #require(OperatingTests.kcat)
      let folder = try TemporaryFolder(prefix: "intentd-kcat")
      let daemon = try IntentdProcess(["--embedded", "--model", try TestModel.shop.path()])
      let fields = try daemon.log(
        "a broker inside this process, sessions in memory: for trying out, not for production")
      let servers = try #require(fields["bootstrap_servers"])
      let click = Clicks.click("s-1", "tent", 1_700_000_000_000)
      try (click.value ?? "").write(toFile: folder.file("click"), atomically: true, encoding: .utf8)
      let produce = try ChildProcess(
        kcat, ["-P", "-b", servers, "-t", try #require(fields["clicks"]), "-k", click.key, folder.file("click")],
        output: .null, error: .null, endsWithParent: true)
      #expect(try produce.wait(milliseconds: 30_000) == .status(0))
      let consume = try ChildProcess(
        kcat,
        [
          "-C", "-b", servers, "-t", try #require(fields["predictions"]), "-o", "beginning", "-c", "1", "-f", "%k %s\n",
        ],
        output: .file(folder.file("out")), error: .null, endsWithParent: true)
      #expect(try consume.wait(milliseconds: 30_000) == .status(0))
      let line = try String(contentsOfFile: folder.file("out"), encoding: .utf8)
      #expect(line.hasPrefix("\(click.key) {\"session\":\"\(click.key)\""), "\(line)")
      #expect(try daemon.terminate().isSuccess)
    }

    private static var kcat: String? {
      (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/kcat" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
  }
}
