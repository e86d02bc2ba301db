import Foundation
import Testing

@testable import Control

@Suite struct ConfigurationTests {
  private let least = "model: m\nkafka:\n  bootstrap_servers: b:9092\nredis:\n  url: redis://r\n"

  private func parse(_ text: String, environment: [String: String] = [:]) throws(ControlFailure) -> Configuration {
    try Configuration.parse(text, file: "c.yaml", environment: environment)
  }

  private func problems(_ text: String, environment: [String: String] = [:]) throws -> [String] {
    let failure = try #require(throws: ControlFailure.self) { try parse(text, environment: environment) }
    #expect(failure.exitStatus == 1)
    guard case .configuration(let problems) = failure else { return [failure.description] }
    return problems.map(\.description)
  }

  @Test func theLeastConfigurationTakesDefaults() throws {
    let configuration = try parse(least)
    #expect(configuration.model == "m")
    #expect(configuration.kafka == .init(bootstrapServers: "b:9092", groupID: "intentd", properties: [:]))
    #expect(configuration.consumer == .init(topic: "clicks", format: .native, offsetReset: .latest))
    #expect(configuration.publisher == .init(topic: "predictions", deadLetterTopic: nil, commitInterval: 200))
    #expect(configuration.redis == .init(address: .init(endpoint: .tcp(host: "r", port: 6379)), timeout: 2000))
    let day: Int64 = 86_400_000
    #expect(
      configuration.state
        == .init(prefix: "intentd", rewind: 600_000, idleTimeout: day, maxLag: day, cacheBytes: 1 << 30))
    #expect(configuration.predictions == .init(topK: 20, exclude: .none))
  }

  @Test func everyKeyIsRead() throws {
    let configuration = try parse(
      """
      model: /srv/model
      kafka: {bootstrap_servers: "a:1, b:2", group_id: g, properties: {client.id: x, fetch.wait.max.ms: 50}}
      consumer: {topic: t.in, format: native, offset_reset: earliest}
      publisher: {topic: t.out, dead_letter_topic: t.dead}
      redis: {url: "unix:///s", timeout: 250ms}
      state: {prefix: p, idle_timeout: 30m, max_lag: 0s, cache_bytes: 64MiB}
      predictions: {top_k: 100, exclude: seen}
      """)
    #expect(configuration.kafka.properties == ["client.id": "x", "fetch.wait.max.ms": "50"])
    #expect(configuration.kafka.bootstrapServers == "a:1, b:2")
    #expect(configuration.consumer.offsetReset == .earliest)
    #expect(configuration.publisher.deadLetterTopic == "t.dead")
    #expect(configuration.redis == .init(address: .init(endpoint: .unix(path: "/s")), timeout: 250))
    #expect(
      configuration.state
        == .init(prefix: "p", rewind: 600_000, idleTimeout: 1_800_000, maxLag: 0, cacheBytes: 64 << 20))
    #expect(configuration.predictions == .init(topK: 100, exclude: .seen))
  }

  @Test func whatMustBeGivenIsAskedForAllAtOnce() throws {
    #expect(
      try problems("") == [
        "c.yaml: model: must be given, here or as INTENTD_MODEL",
        "c.yaml: kafka.bootstrap_servers: must be given, here or as INTENTD_KAFKA_BOOTSTRAP_SERVERS",
        "c.yaml: redis.url: must be given, here or as INTENTD_REDIS_URL",
      ])
    let embedded = try Configuration.parse("", file: "", environment: [:], model: "m", embedded: true)
    #expect(embedded.redis.address == nil && embedded.kafka.bootstrapServers.isEmpty)
    #expect(throws: ControlFailure.self) {
      try Configuration.parse("", file: "", environment: [:], embedded: true)
    }
  }

  @Test(arguments: [
    ("modle: m", "c.yaml:6: modle: there is no such key; did you mean model?"),
    ("consumr:\n  topic: t", "c.yaml:6: consumr: there is no such key; did you mean consumer?"),
    ("topic: t", "c.yaml:6: topic: there is no such key; did you mean consumer.topic or publisher.topic?"),
    ("state:\n  idle_timout: 1h", "c.yaml:7: state.idle_timout: there is no such key; did you mean idle_timeout?"),
    ("state:\n  idle_timeout: 1", "c.yaml:7: state.idle_timeout: \"1\" is no duration; write 250ms, 2s, 5m, 24h or 7d"),
    ("state:\n  idle_timeout: 1ms", "c.yaml:7: state.idle_timeout: must be from 1s to 365d, not 1ms"),
    ("state:\n  cache_bytes: 5B", "c.yaml:7: state.cache_bytes: must be from 1MiB to 16TiB, not 5B"),
    (
      "state:\n  prefix: 'a{b}'",
      "c.yaml:7: state.prefix: must have 1 to 64 bytes, without braces, percent signs or blanks"
    ),
    (
      "predictions:\n  top_k: 1001",
      "c.yaml:7: predictions.top_k: must be a whole number from 1 to 1000, not \"1001\""
    ),
    (
      "predictions:\n  exclude: sen",
      "c.yaml:7: predictions.exclude: must be none or seen or last, not \"sen\"; did you mean seen?"
    ),
    ("consumer:\n  topic: [a]", "c.yaml:7: consumer.topic: must be a single value, not a list"),
    ("consumer:\n  topic:", "c.yaml:7: consumer.topic: has no value; give one or remove the key"),
    ("consumer: clicks", "c.yaml:6: consumer: must be a section, not a single value"),
    (
      "consumer:\n  topic: 'a b'",
      "c.yaml:7: consumer.topic: \"a b\" is no name of a topic: 1 to 249 letters, digits, dots, hyphens, underscores"
    ),
    (
      "publisher:\n  topic: clicks",
      "c.yaml:7: publisher.topic: is clicks, as consumer.topic is; they must differ"
    ),
  ])
  func problemsNameLineAndKey(addition: String, expected: String) throws {
    #expect(try problems(least + addition + "\n") == [expected])
  }

  @Test func serversArePairsOfHostAndPort() throws {
    for servers in ["b", "b:", ":1", "b:0", "b:1,,c:2", "b:1,c"] {
      let text = "model: m\nkafka: {bootstrap_servers: '\(servers)'}\nredis: {url: redis://r}\n"
      #expect(try problems(text).count == 1, "\(servers)")
    }
  }

  @Test func anEmptySectionIsAllowed() throws {
    #expect(try parse(least + "state:\n").state.prefix == "intentd")
  }

  @Test func theEnvironmentOverridesTheFileAndTheModelOptionBoth() throws {
    let environment = [
      "INTENTD_KAFKA_BOOTSTRAP_SERVERS": "e:1", "INTENTD_MODEL": "from-environment",
      "INTENTD_KAFKA_PROPERTIES_SASL_PASSWORD": "pw", "INTENTD_REDIS_URL": "redis://:secret@e",
    ]
    let configuration = try parse(least, environment: environment)
    #expect(configuration.kafka.bootstrapServers == "e:1")
    #expect(configuration.model == "from-environment")
    #expect(configuration.kafka.properties == ["sasl.password": "pw"])
    let chosen = try Configuration.parse(least, file: "c.yaml", environment: environment, model: "from-option")
    #expect(chosen.model == "from-option")
    #expect(
      try problems(least, environment: ["INTENTD_STATE_MAX_LAG": "soon"])
        == ["INTENTD_STATE_MAX_LAG: state.max_lag: \"soon\" is no duration; write 250ms, 2s, 5m, 24h or 7d"])
  }

  @Test func misspeltVariablesAreSuspected() {
    let environment = [
      "INTENTD_KAFKA_BOOTSTRAP_SERVER": "x", "INTENTD_SERVICE_HOST": "10.0.0.1", "PATH": "/bin", "INTENTD_MODEL": "m",
      "INTENTD_KAFKA_PROPERTIES_CLIENT_ID": "x",
    ]
    #expect(
      Configuration.suspects(in: environment) == [
        "INTENTD_KAFKA_BOOTSTRAP_SERVER is no setting; did you mean INTENTD_KAFKA_BOOTSTRAP_SERVERS?"
      ])
  }

  @Test func printingMasksSecretsAndReadsBack() throws {
    let text =
      "model: m\nkafka: {bootstrap_servers: 'b:1', properties: {sasl.password: hidden, client.id: 'a: b'}}\n"
      + "redis: {url: 'redis://u:hidden@r'}\n"
    let printed = try parse(text).description
    #expect(!printed.contains("hidden"))
    #expect(printed.contains("sasl.password: \"***\""))
    #expect(printed.contains("url: \"redis://u:***@r:6379/0\""))
    let again = try parse(printed)
    #expect(again.description == printed)
    #expect(again.kafka.properties["client.id"] == "a: b")
  }

  @Test func theExampleIsRead() throws {
    let file = root.appending(path: "deploy/intentd.yaml").path
    let configuration = try Configuration.load(file: file, environment: [:])
    #expect(configuration.publisher.deadLetterTopic == "clicks-rejected")
  }

  @Test func aMissingFileIsNamed() throws {
    let failure = try #require(throws: ControlFailure.self) {
      try Configuration.load(file: "/nowhere/c.yaml", environment: [:])
    }
    #expect(failure == .unreadable(path: "/nowhere/c.yaml", reason: "there is no such file"))
    #expect(failure.exitStatus == 1)
    #expect(throws: ControlFailure.self) { try Configuration.load(file: "/", environment: [:]) }
  }

  /// With INTENTD_UPDATE_DOCS=1 it writes the page in place of comparing it.
  @Test func theDocumentedKeysAreTheKeys() throws {
    let page = root.appending(path: "docs/configuration.md")
    if ProcessInfo.processInfo.environment["INTENTD_UPDATE_DOCS"] == "1" {
      try Configuration.reference.write(to: page, atomically: true, encoding: .utf8)
    }
    let written = try String(contentsOf: page, encoding: .utf8)
    #expect(written == Configuration.reference, "INTENTD_UPDATE_DOCS=1 swift test writes docs/configuration.md anew")
  }

  private var root: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  }
}
