private import Platform
public import Testing

/// A redis-server of the tests: on a port of its own, with a Unix socket, in a temporary folder, without persistence. It ends with the
/// test process, however that ends.
public final class RedisServer {
  /// TCP port on 127.0.0.1.
  public let port: Int
  /// Path of the Unix socket.
  public let socket: String
  private let program: String
  private let folder: TemporaryFolder
  private let arguments: [String]
  fileprivate var process: ChildProcess?

  /// Runs a test only where redis-server is installed.
  public static var needed: ConditionTrait {
    TestServer.needed(
      TestServer.find("redis-server") != nil, howTo: "needs redis-server in PATH (apt-get install redis-server)")
  }

  /// Starts a server with more `arguments`, such as `["--requirepass", "secret"]`.
  public init(_ arguments: [String] = []) throws {
    guard let program = TestServer.find("redis-server") else {
      throw TestServer.StartFailure(description: "redis-server is not in PATH")
    }
    self.program = program
    folder = try TemporaryFolder(prefix: "intentd-redis")
    port = freePort()
    socket = folder.file("socket")
    self.arguments = arguments
    try start()
  }

  deinit { kill() }

  /// Starts it (again), empty: nothing is persisted.
  public func start() throws {
    let log = folder.file("log")
    let process = try ChildProcess(
      program,
      [
        "--port", String(port), "--bind", "127.0.0.1", "--unixsocket", socket, "--save", "", "--appendonly", "no",
        "--dir", folder.path,
      ] + arguments, output: .file(log), error: .null, endsWithParent: true)
    self.process = process
    let isReady = TestServer.wait(for: "Ready to accept connections", in: log, seconds: 20) {
      (try? process.exit()) == .some(nil)
    }
    if !isReady {
      throw TestServer.StartFailure(description: "redis-server did not start:\n\(TestServer.tail(of: log))")
    }
  }

  /// Stops it as an operator would.
  public func stop() {
    _ = try? process?.end()
    process = nil
  }

  /// Kills it.
  public func kill() {
    process?.signal(9)
    _ = try? process?.wait()
    process = nil
  }
}

extension RedisServer {
  /// Lets it hang: it takes connections and answers nothing.
  public func pause() { process?.signal(19) }

  /// Lets it go on.
  public func resume() { process?.signal(18) }

  /// What redis-cli prints for a command.
  public func command(_ arguments: [String]) throws -> String {
    let cli = try ChildProcess(
      "redis-cli", ["-s", socket] + arguments, output: .pipe, error: .null, endsWithParent: true)
    let output = cli.readAllOutput()
    try cli.wait()
    let text = String(decoding: output, as: UTF8.self)
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }
}
