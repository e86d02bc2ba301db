import Foundation
import Testing

@testable import Control

/// What stands in `deploy/` against what the program reads and what the Makefile installs.
@Suite struct DeploymentTests {
  private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  private func yaml(_ path: String) throws -> YAMLNode { try YAMLReader.read(try text(path), file: path) }

  @Test func theConfigurationOfThePodsIsValid() throws {
    let map = try yaml("deploy/kubernetes/configmap.yaml")
    let file = try #require(map["data"]?["intentd.yaml"]?.text)
    let container = try #require(
      try yaml("deploy/kubernetes/statefulset.yaml")["spec"]?["template"]?["spec"]?["containers"]?.items.first)
    var environment: [String: String] = [:]
    for variable in try #require(container["env"]).items {
      environment[try #require(variable["name"]?.text)] = variable["value"]?.text ?? "intentd-0"
    }
    #expect(Configuration.suspects(in: environment).isEmpty)
    let secret = FileManager.default.temporaryDirectory.appending(path: "intentd-secret-\(UUID().uuidString)")
    try "pw\n".write(to: secret, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: secret) }
    let mounted = environment.mapValues { $0.hasPrefix("/run/secrets/intentd/") ? secret.path : $0 }
    #expect(mounted != environment)
    let found = try Configuration.parse(file, file: "configmap.yaml", environment: mounted)
    #expect(found.kafka.instanceID == "intentd-0" && found.kafka.properties["sasl.password"] == "pw")
    #expect(found.redis.address?.user == "intentd" && found.redis.address?.password == "pw")
  }

  @Test func whoeverEndsTheDaemonWaitsLongerThanItsDrain() throws {
    let drain = try Configuration.load(file: root.appending(path: "deploy/intentd.yaml").path, environment: [:])
      .drainTimeout
    let pods = try #require(try yaml("deploy/kubernetes/statefulset.yaml")["spec"]?["template"]?["spec"])
    let grace = try #require(Int64(pods["terminationGracePeriodSeconds"]?.text ?? ""))
    #expect(grace * 1000 >= drain + 5000)
    let service = try #require(try yaml("deploy/docker-compose.yml")["services"]?["intentd"])
    #expect(try Quantity.milliseconds(try #require(service["stop_grace_period"]?.text)) >= drain + 5000)
    let unit = try text("deploy/intentd.service").split(separator: "\n")
    let stop = try #require(unit.first { $0.hasPrefix("TimeoutStopSec=") }).dropFirst(15)
    #expect((Int64(stop) ?? 0) * 1000 >= drain + 5000)
  }

  @Test func theCompositionIsWhole() throws {
    let services = try #require(try yaml("deploy/docker-compose.yml")["services"])
    for name in ["kafka", "redis", "intentd"] {
      #expect(services[name]?["healthcheck"]?["test"] != nil, "\(name)")
    }
    let intentd = try #require(services["intentd"])
    var environment: [String: String] = [:]
    guard case .mapping(let entries) = try #require(intentd["environment"]).content else { return }
    for entry in entries { environment[entry.key] = entry.value.text }
    #expect(environment.count == 3 && Configuration.suspects(in: environment).isEmpty)
    let found = try Configuration.load(
      file: root.appending(path: "deploy/intentd.yaml").path, environment: environment)
    #expect(found.kafka.bootstrapServers == "kafka:9092")
    // Its topics are those that are made.
    let script = try #require(services["topics"]?["command"]?.items.first?.text)
    for topic in [found.consumer.topic, found.publisher.topic, found.publisher.deadLetterTopic ?? "?"] {
      #expect(script.contains("create \(topic) "), "\(topic)")
    }
    // Where the image looks for the configuration is where it is mounted, as is the model.
    let mounts = try #require(intentd["volumes"]).items.compactMap(\.text)
    #expect(mounts.contains { $0.contains(":/etc/intentd/intentd.yaml:") })
    #expect(mounts.contains { $0.contains(":\(found.model):") })
    #expect(try text("deploy/Dockerfile").contains("/etc/intentd/intentd.yaml"))
  }

  @Test func theImageIsBuiltFromTheMakefilesPackages() throws {
    let makefile = try text("Makefile").split(separator: "\n")
    let line = try #require(makefile.first { $0.hasPrefix("BUILD_PACKAGES :=") })
    let packages = Set(line.dropFirst("BUILD_PACKAGES :=".count).split(separator: " ").map(String.init))
    let stages = try text("deploy/Dockerfile").replacing("\\\n", with: " ").components(separatedBy: "\nFROM ")
    // What builds, what the daemon needs, the same with training, and the daemon, which is built where nothing else is asked for.
    try #require(stages.count == 5)
    #expect(stages[3].hasPrefix("daemon AS train") && stages[4].hasPrefix("daemon\n"))
    #expect(try installed(in: stages[3]) == ["libopenblas0"])
    #expect(!stages[2].contains("/out/intentd-train") && stages[3].contains("/out/intentd-train"))
    #expect(try installed(in: stages[1]) == packages.union(["g++"]))
    // What runs needs no headers and no compiler.
    let runtime = try installed(in: stages[2])
    #expect(runtime.allSatisfy { !$0.hasSuffix("-dev") && !$0.hasPrefix("g++") })
    for library in ["librdkafka", "libhiredis", "libsimdjson", "libyaml", "zlib1g"] {
      #expect(runtime.contains { $0.hasPrefix(library) }, "\(library)")
    }
    #expect(stages[2].contains("\nUSER 10001:10001\n"))
  }

  @Test func thePodsRunAsTheImagesUser() throws {
    let pods = try #require(try yaml("deploy/kubernetes/statefulset.yaml")["spec"]?["template"]?["spec"])
    #expect(pods["securityContext"]?["runAsUser"]?.text == "10001")
    #expect(pods["securityContext"]?["runAsNonRoot"]?.text == "true")
    let budget = try yaml("deploy/kubernetes/poddisruptionbudget.yaml")
    let labels = try yaml("deploy/kubernetes/statefulset.yaml")["spec"]?["selector"]?["matchLabels"]
    #expect(
      budget["spec"]?["selector"]?["matchLabels"]?["app.kubernetes.io/name"]?.text
        == labels?["app.kubernetes.io/name"]?.text)
    for resource in try #require(try yaml("deploy/kubernetes/kustomization.yaml")["resources"]).items {
      let manifest = try yaml("deploy/kubernetes/\(try #require(resource.text))")
      #expect(
        manifest["apiVersion"] != nil && manifest["kind"] != nil && manifest["metadata"]?["name"]?.text == "intentd")
    }
  }

  /// Packages that the one `apt-get install` of a stage names.
  private func installed(in stage: String) throws -> Set<String> {
    let command = try #require(stage.firstRange(of: "--no-install-recommends"))
    let rest = stage[command.upperBound...]
    let names = rest[..<(rest.firstRange(of: "&&")?.lowerBound ?? rest.endIndex)]
    return Set(names.split { $0 == " " || $0 == "\n" }.map(String.init))
  }
}

extension YAMLNode {
  fileprivate subscript(key: String) -> YAMLNode? {
    guard case .mapping(let entries) = content else { return nil }
    return entries.first { $0.key == key }?.value
  }

  fileprivate var text: String? {
    guard case .scalar(let text, _) = content else { return nil }
    return text
  }

  fileprivate var items: [YAMLNode] {
    guard case .sequence(let items) = content else { return [] }
    return items
  }
}
