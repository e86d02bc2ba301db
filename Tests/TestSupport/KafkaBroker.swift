private import Foundation
private import Platform
private import Synchronization
public import Testing

/// Apache Kafka for the tests: the broker named by `INTENTD_TEST_KAFKA=host:port`, or one that is started from `KAFKA_HOME`, or
/// from `../shared/kafka` beside the package. Started brokers have ports of their own and a temporary folder, and end with
/// the test process, however that ends.
public final class KafkaBroker: Sendable {
  /// Where clients begin.
  public let bootstrapServers: String
  private let process: Mutex<ChildProcess?>
  private let folder: TemporaryFolder?

  /// The one broker of a test run, started at its first use. Tests on it use topics of their own (``uniqueName(_:)``).
  public static func shared() throws -> KafkaBroker { try sharedResult.get() }

  /// Runs a test only where there is a broker, or a distribution to start one from.
  public static var needed: ConditionTrait {
    TestServer.needed(
      TestServer.environment("INTENTD_TEST_KAFKA") != nil || (home != nil && TestServer.find("java") != nil),
      howTo: "needs Apache Kafka: set INTENTD_TEST_KAFKA=host:port, or KAFKA_HOME to an unpacked distribution (Java 17)"
    )
  }

  /// Runs a test only where the brokers are started by the tests, so that it may stop one.
  public static var isStarted: ConditionTrait {
    .enabled(
      if: TestServer.environment("INTENTD_TEST_KAFKA") == nil,
      "stops a broker of its own, not the one of INTENTD_TEST_KAFKA")
  }

  /// A name that no other test and no earlier run uses.
  public static func uniqueName(_ stem: String) -> String {
    "\(stem)-\(String(UInt64.random(in: .min ... .max), radix: 36))"
  }

  private static let sharedResult = Result { try KafkaBroker() }

  private static var home: String? {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let beside = package.deletingLastPathComponent().appendingPathComponent("shared/kafka").path
    return [TestServer.environment("KAFKA_HOME"), beside].compactMap { $0 }
      .first { FileManager.default.isExecutableFile(atPath: "\($0)/bin/kafka-server-start.sh") }
  }

  /// Starts a broker that is not shared, for a test that ends it; or takes the one that the environment names.
  public init() throws {
    if let named = TestServer.environment("INTENTD_TEST_KAFKA") {
      bootstrapServers = named
      process = Mutex(nil)
      folder = nil
      return
    }
    guard let home = Self.home else { throw TestServer.StartFailure(description: "no Apache Kafka: see KAFKA_HOME") }
    let folder = try TemporaryFolder(prefix: "intentd-kafka")
    let port = freePort()
    let controller = freePort()
    let configuration = folder.file("server.properties")
    try Self.properties(port: port, controller: controller, logs: folder.file("logs"))
      .write(toFile: configuration, atomically: true, encoding: .utf8)
    let environment = Self.environment(folder)
    let log = folder.file("log")
    let format = try ChildProcess(
      "\(home)/bin/kafka-storage.sh", ["format", "-t", "AAAAAAAAQACAAAAAAAAAAQ", "-c", configuration, "--standalone"],
      environment: environment, output: .file(log), error: .null, endsWithParent: true)
    guard try format.wait(milliseconds: 60_000) == .status(0) else {
      throw TestServer.StartFailure(description: "Kafka's storage could not be formatted:\n\(TestServer.tail(of: log))")
    }
    bootstrapServers = "127.0.0.1:\(port)"
    process = Mutex(try Self.start(home, folder))
    self.folder = folder
  }

  deinit { kill() }

  /// Kills a broker that was started.
  public func kill() {
    let process = process.withLock { $0 }
    process?.signal(9)
    _ = try? process?.wait()
  }

  /// Starts a killed broker again, on its port, with all that it had on its disk.
  public func restart() throws {
    guard let home = Self.home, let folder else { return }
    let started = try Self.start(home, folder)
    process.withLock { $0 = started }
  }

  /// Lets it hang: connections stay, nothing is answered.
  public func pause() { process.withLock { $0?.signal(19) } }

  /// Lets it go on.
  public func resume() { process.withLock { $0?.signal(18) } }

  private static func environment(_ folder: TemporaryFolder) -> [String: String] {
    ProcessInfo.processInfo.environment.merging(["LOG_DIR": folder.path]) { $1 }
  }

  private static func start(_ home: String, _ folder: TemporaryFolder) throws -> ChildProcess {
    let log = folder.file("log")
    let process = try ChildProcess(
      "\(home)/bin/kafka-server-start.sh", [folder.file("server.properties")], environment: environment(folder),
      output: .file(log), error: .null, endsWithParent: true)
    let isReady = TestServer.wait(for: "Kafka Server started", in: log, seconds: 90) {
      (try? process.exit()) == .some(nil)
    }
    if !isReady { throw TestServer.StartFailure(description: "Kafka did not start:\n\(TestServer.tail(of: log))") }
    return process
  }

  private static func properties(port: Int, controller: Int, logs: String) -> String {
    """
    process.roles=broker,controller
    node.id=1
    listeners=PLAINTEXT://127.0.0.1:\(port),CONTROLLER://127.0.0.1:\(controller)
    advertised.listeners=PLAINTEXT://127.0.0.1:\(port)
    controller.listener.names=CONTROLLER
    controller.quorum.bootstrap.servers=127.0.0.1:\(controller)
    log.dirs=\(logs)
    num.partitions=1
    auto.create.topics.enable=false
    offsets.topic.replication.factor=1
    offsets.topic.num.partitions=1
    transaction.state.log.replication.factor=1
    transaction.state.log.min.isr=1
    transaction.state.log.num.partitions=1
    transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
    share.coordinator.state.topic.replication.factor=1
    share.coordinator.state.topic.min.isr=1
    group.initial.rebalance.delay.ms=0
    broker.session.timeout.ms=3000
    broker.heartbeat.interval.ms=500

    """
  }
}
