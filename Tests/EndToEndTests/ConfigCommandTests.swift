import Foundation
import Platform
import TestSupport
import Testing

/// `intentd config check`.
@Suite struct ConfigCommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder(prefix: "intentd-config") }

  private func check(_ text: String, environment: [String: String] = [:], _ more: [String] = []) throws
    -> IntentdProcess.Outcome
  {
    let path = folder.file("intentd.yaml")
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try IntentdProcess.run(["config", "check", "--config", path] + more, environment: environment)
  }

  private let least = "model: m\nkafka:\n  bootstrap_servers: b:9092\nredis:\n  url: redis://r\n"

  @Test func theEffectiveConfigurationIsShown() throws {
    let secret = folder.file("secret")
    try "hunter2\n".write(toFile: secret, atomically: true, encoding: .utf8)
    let outcome = try check(
      least, environment: ["INTENTD_REDIS_PASSWORD_FILE": secret, "INTENTD_STATE_PREFIX": "shop"], ["--workers", "3"])
    #expect(outcome.isSuccess, "\(outcome.error)")
    #expect(outcome.error.isEmpty)
    #expect(outcome.lines.contains("workers: 3  # --workers"))
    #expect(outcome.lines.contains("  prefix: shop  # INTENTD_STATE_PREFIX"))
    #expect(outcome.lines.contains("  max_lag: 1d  # default"))
    #expect(outcome.lines.contains { $0.hasPrefix("  bootstrap_servers: ") && $0.hasSuffix("intentd.yaml:3") })
    #expect(!outcome.output.contains("hunter2"))
  }

  @Test func everyExampleOfTheRepositoryIsValid() throws {
    let example = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("deploy/intentd.yaml").path
    let outcome = try IntentdProcess.run(["config", "check", "--config", example])
    #expect(outcome.isSuccess, "\(outcome.error)")
  }

  @Test(arguments: [
    (
      "  properties:\n    enable.auto.commit: true\n",
      "intentd.yaml:5: kafka.properties.enable.auto.commit: can't be set: an offset is committed only"
    ),
    ("  properties:\n    group.id: x\n", "intentd.yaml:5: kafka.properties.group.id: can't be set"),
    ("consumer:\n  fields:\n    session: $..a\n", "intentd.yaml:7: consumer.fields.session: \"$..a\": a key is empty"),
    ("consumer:\n  fields:\n    session: ce:subject\n", "only CloudEvents have attributes"),
    ("consumer:\n  fields:\n    time_unit: iso\n", "a unit is ms, s, us or auto"),
    ("consumer:\n  formatt: native\n", "did you mean format?"),
  ])
  func whatIsWrongIsSaidWithItsPlace(addition: String, expected: String) throws {
    let text =
      "model: m\nredis: {url: redis://r}\nkafka:\n" + (addition.hasPrefix(" ") ? "" : "  bootstrap_servers: b:1\n")
      + addition
    let outcome = try check(
      text, environment: addition.hasPrefix(" ") ? ["INTENTD_KAFKA_BOOTSTRAP_SERVERS": "b:1"] : [:])
    #expect(outcome.exit == .status(1))
    #expect(outcome.error.contains(expected), "\(outcome.error)")
    #expect(outcome.output.isEmpty)
  }

  @Test func aReservedPropertyOfTheEnvironmentIsNamedByItsVariable() throws {
    let name = "INTENTD_KAFKA_PROPERTIES_ISOLATION_LEVEL"
    let outcome = try check(least, environment: [name: "read_uncommitted"])
    #expect(outcome.exit == .status(1))
    #expect(outcome.error.hasPrefix("\(name): kafka.properties.isolation.level: can't be set"), "\(outcome.error)")
  }

  @Test func suspiciousVariablesAreTold() throws {
    let outcome = try check(least, environment: ["INTENTD_REDIS_URLL": "x"])
    #expect(outcome.isSuccess)
    #expect(outcome.error == "INTENTD_REDIS_URLL is no setting; did you mean INTENTD_REDIS_URL?\n")
  }

  @Test func wrongUsageIsUsage() throws {
    for arguments in [["config"], ["config", "check", "--nope"], ["config", "check", "more"]] {
      #expect(try IntentdProcess.run(arguments).exit == .status(64))
    }
    #expect(try IntentdProcess.run(["config", "--help"]).output.contains("config check"))
  }
}
