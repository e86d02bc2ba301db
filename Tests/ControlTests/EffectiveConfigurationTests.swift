import Foundation
import Testing

@testable import Control

/// Where values come from: the file, the environment, files that the environment names, options.
@Suite struct EffectiveConfigurationTests {
  private let least = "model: m\nkafka:\n  bootstrap_servers: b:9092\nredis:\n  url: redis://r\n"

  private func effective(
    _ text: String, _ environment: [String: String] = [:], _ overrides: [Configuration.Override] = []
  ) throws(ControlFailure) -> EffectiveConfiguration {
    try Configuration.effective(text, file: "c.yaml", environment: environment, overrides: overrides, embedded: false)
  }

  private func problems(_ text: String, _ environment: [String: String] = [:]) throws -> [String] {
    let failure = try #require(throws: ControlFailure.self) { try effective(text, environment) }
    guard case .configuration(let problems) = failure else { return [failure.description] }
    return problems.map(\.description)
  }

  @Test func optionsOverrideTheEnvironmentAndThatTheFile() throws {
    let text = least + "workers: 2\nstate:\n  max_lag: 1h\nlog:\n  level: debug\n"
    var options = ServeOptions()
    options.workers = 4
    options.logFormat = .json
    let environment = ["INTENTD_WORKERS": "3", "INTENTD_STATE_MAX_LAG": "2h", "INTENTD_LOG_FORMAT": "text"]
    let found = try effective(text, environment, options.overrides)
    #expect(found.configuration.workers == 4 && found.place(of: "workers") == "--workers")
    #expect(
      found.configuration.state.maxLag == 7_200_000 && found.place(of: "state.max_lag") == "INTENTD_STATE_MAX_LAG")
    #expect(found.configuration.log == .init(level: .debug, format: .json))
    #expect(found.place(of: "log.level") == "c.yaml:10" && found.place(of: "log.format") == "--log-format")
    #expect(found.place(of: "state.prefix") == "default" && found.place(of: "kafka.instance_id") == nil)
  }

  @Test func everyKeyIsShownWithItsPlace() throws {
    let text =
      least + "consumer:\n  event_types: [click, 'a, b']\n  fields:\n    session: $.sid\n"
      + "publisher:\n  dead_letter_topic: dead\n"
    let environment = ["INTENTD_KAFKA_PROPERTIES_SASL_PASSWORD": "hidden", "INTENTD_REDIS_PASSWORD": "hidden"]
    let shown = try effective(text, environment).description
    for setting in Setting.all {
      let key = setting.name.split(separator: ".").last ?? ""
      #expect(shown.contains("\(key):"), "\(setting.name)")
    }
    #expect(!shown.contains("hidden"))
    for line in [
      "model: m  # c.yaml:1", "  # instance_id: not set",
      "    sasl.password: \"***\"  # INTENTD_KAFKA_PROPERTIES_SASL_PASSWORD",
      "  event_types: [click, \"a, b\"]  # c.yaml:7", "    session: \"$.sid\"  # c.yaml:9",
      "  prefix: intentd  # default",
      "  url: \"redis://:***@r:6379/0\"  # c.yaml:5", "  password: \"***\"  # INTENTD_REDIS_PASSWORD",
      "drain_timeout: 20s  # default",
    ] {
      #expect(shown.split(separator: "\n").contains(Substring(line)), "\(line) in\n\(shown)")
    }
  }

  /// What is printed is YAML that says the same.
  @Test func whatIsShownReadsBack() throws {
    let first = try effective(least + "consumer:\n  ignored_types:\n    - scroll\n    - '#1: \"x\"'\n")
    let again = try effective(first.description)
    #expect(again.configuration == first.configuration)
    #expect(again.configuration.consumer.ignoredTypes == ["scroll", "#1: \"x\""])
  }

  @Test func listsStandInBracketsOrWithCommas() throws {
    let block = try effective(least + "consumer:\n  event_types:\n    - view item\n    - buy\n").configuration
    #expect(block.consumer.eventTypes == ["view item", "buy"])
    let commas = try effective(least + "consumer:\n  event_types: view item, buy,\n").configuration
    #expect(commas.consumer.eventTypes == ["view item", "buy"])
    let variable = try effective(least, ["INTENTD_CONSUMER_EVENT_TYPES": "view item,buy"]).configuration
    #expect(variable.consumer.eventTypes == ["view item", "buy"])
    let servers = try effective("model: m\nkafka:\n  bootstrap_servers: [a:1, 'b:2']\nredis: {url: redis://r}\n")
    #expect(servers.configuration.kafka.bootstrapServers == "a:1,b:2")
    #expect(
      try problems(least + "consumer:\n  event_types:\n    - [a]\n")
        == ["c.yaml:8: consumer.event_types: an item of the list must be a single value, not a list"])
    #expect(
      try problems(least + "consumer:\n  event_types:\n    -\n")
        == ["c.yaml:8: consumer.event_types: an item of the list must be a single value, not nothing"])
    #expect(
      try problems("model: m\nkafka:\n  bootstrap_servers: [a]\nredis: {url: redis://r}\n").first?
        .hasPrefix("c.yaml:3: kafka.bootstrap_servers: \"a\" is no server") == true)
  }

  @Test func typesAreAcceptedOrIgnoredNotBoth() throws {
    #expect(
      try problems(least + "consumer:\n  event_types: [a, b]\n  ignored_types: [c, b]\n")
        == ["c.yaml:8: consumer.ignored_types: names b, as consumer.event_types does"])
  }

  @Test func theIdleTimeoutDependsOnWhatASessionIs() throws {
    let (hours, minutes) = (Int64(86_400_000), Int64(1_800_000))
    #expect(try effective(least).configuration.state.idleTimeout == hours)
    #expect(try effective(least + "consumer: {session_key: user}\n").configuration.state.idleTimeout == minutes)
    #expect(try effective(least + "consumer: {format: segment}\n").configuration.state.idleTimeout == minutes)
    #expect(try effective(least + "consumer: {format: ga4}\n").configuration.state.idleTimeout == hours)
    let given = try effective(least + "consumer: {session_key: user}\nstate: {idle_timeout: 2h}\n")
    #expect(given.configuration.state.idleTimeout == 7_200_000)
  }

  @Test func aLoginOfItsOwnJoinsTheURL() throws {
    let found = try effective(least + "  user: me\n  password: pw\n").configuration
    #expect(found.redis.address == RedisAddress(endpoint: .tcp(host: "r", port: 6379), user: "me", password: "pw"))
    #expect(
      try problems("model: m\nkafka: {bootstrap_servers: 'b:1'}\nredis:\n  url: redis://:a@r\n  password: b\n")
        == ["c.yaml:5: redis.password: stands in redis.url too; one of them must go"])
  }

  @Test func messagesShowNoPassword() throws {
    for url in [
      "redis://:hun/ter2@r", "redis://me:hunter2", "redis://me:hunter2/3", "redis://a:hunter%zz@r", "hunter2",
    ] {
      let text = "model: m\nkafka: {bootstrap_servers: 'b:1'}\nredis: {url: '\(url)'}\n"
      let said = try problems(text).joined()
      #expect(!said.contains("hun") && !said.contains("ter2"), "\(said)")
    }
  }
}

/// `INTENTD_…_FILE`.
@Suite struct SecretFileTests {
  private let least = "model: m\nkafka:\n  bootstrap_servers: b:9092\nredis:\n  url: redis://r\n"
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "intentd-secrets-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    let path = folder.appending(path: name).path
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func parse(_ environment: [String: String]) throws(ControlFailure) -> EffectiveConfiguration {
    try Configuration.effective(least, file: "c.yaml", environment: environment, overrides: [], embedded: false)
  }

  private func problems(_ environment: [String: String]) throws -> [String] {
    let failure = try #require(throws: ControlFailure.self) { try parse(environment) }
    guard case .configuration(let problems) = failure else { return [failure.description] }
    return problems.map(\.description)
  }

  @Test func everyKeyCanComeFromAFile() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let password = try file("password", Array("two words\n".utf8))
    let found = try parse([
      "INTENTD_REDIS_PASSWORD_FILE": password,
      "INTENTD_KAFKA_PROPERTIES_SASL_PASSWORD_FILE": try file("sasl", Array("s3cret\r\n".utf8)),
      "INTENTD_MODEL_FILE": try file("model", Array("/srv/model".utf8)),
      "INTENTD_CONSUMER_EVENT_TYPES_FILE": try file("types", Array("a,b\n".utf8)),
      "INTENTD_CONSUMER_FIELDS_TIME_UNIT_FILE": try file("unit", Array("us".utf8)),
    ])
    #expect(found.configuration.redis.address?.password == "two words")
    #expect(found.configuration.kafka.properties == ["sasl.password": "s3cret"])
    #expect(found.configuration.model == "/srv/model")
    #expect(found.configuration.consumer.eventTypes == ["a", "b"])
    #expect(found.configuration.consumer.fields == ["time_unit": "us"])
    #expect(found.place(of: "redis.password") == "INTENTD_REDIS_PASSWORD_FILE")
    #expect(found.place(of: "kafka.properties.sasl.password") == "INTENTD_KAFKA_PROPERTIES_SASL_PASSWORD_FILE")
    #expect(!found.description.contains("two words") && !found.description.contains("s3cret"))
  }

  @Test func oneLineEndAtTheEndDoesNotCount() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for (content, expected) in [("a\n\n", "a\n"), ("a", "a"), (" a \r\n", " a "), ("a\nb\n", "a\nb")] {
      let found = try parse(["INTENTD_REDIS_PASSWORD_FILE": try file("p", Array(content.utf8))])
      #expect(found.configuration.redis.address?.password == expected)
    }
    let empty = try file("p", Array("\n".utf8))
    #expect(
      try problems(["INTENTD_REDIS_PASSWORD_FILE": empty])
        == ["INTENTD_REDIS_PASSWORD_FILE: redis.password: must not be empty"])
  }

  /// Kubernetes mounts secrets as links to links.
  @Test func linksAreFollowed() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let target = try file("..data", Array("pw\n".utf8))
    let link = folder.appending(path: "link").path
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    #expect(try parse(["INTENTD_REDIS_PASSWORD_FILE": link]).configuration.redis.address?.password == "pw")
  }

  @Test func bothWaysAtOnceAreAnError() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = try file("p", Array("hidden".utf8))
    #expect(
      try problems(["INTENTD_REDIS_PASSWORD_FILE": path, "INTENTD_REDIS_PASSWORD": "hidden"])
        == ["INTENTD_REDIS_PASSWORD_FILE: redis.password: is given by INTENTD_REDIS_PASSWORD too; one of them must go"])
    let name = "INTENTD_KAFKA_PROPERTIES_SASL_PASSWORD"
    #expect(
      try problems([name: "x", name + "_FILE": path])
        == ["\(name)_FILE: kafka.properties.sasl.password: is given by \(name) too; one of them must go"])
  }

  @Test func whatCannotBeReadIsNamed() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(
      try problems(["INTENTD_REDIS_PASSWORD_FILE": "/nowhere/pw"])
        == ["INTENTD_REDIS_PASSWORD_FILE: redis.password: cannot read /nowhere/pw: there is no such file"])
    let bytes = try file("b", [0xFF, 0xFE, 0x00])
    #expect(try problems(["INTENTD_REDIS_PASSWORD_FILE": bytes]).first?.contains("cannot read") == true)
    let large = try file("l", [UInt8](repeating: 65, count: TextFile.secretBytes + 1))
    #expect(try problems(["INTENTD_REDIS_PASSWORD_FILE": large]).first?.contains("larger than") == true)
  }

  @Test func misspeltVariablesOfFilesAreSuspected() {
    #expect(
      Configuration.suspects(in: ["INTENTD_REDIS_PASWORD_FILE": "x", "INTENTD_REDIS_URL_FILE": "y"])
        == ["INTENTD_REDIS_PASWORD_FILE is no setting; did you mean INTENTD_REDIS_PASSWORD_FILE?"])
  }
}
