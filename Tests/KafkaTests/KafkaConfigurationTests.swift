import Events
import Kafka
import Testing

@Suite struct KafkaConfigurationTests {
  private func failure(_ properties: [String: String]) -> KafkaFailure? {
    let configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:1", properties: properties)
    do throws(KafkaFailure) {
      _ = try KafkaProducer(configuration, log: { _ in })
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [
    "enable.auto.commit", "enable.auto.offset.store", "acks", "isolation.level", "transactional.id",
    "message.timeout.ms", "enable.idempotence", "partition.assignment.strategy", "group.id", "retries",
    "group.instance.id",
  ])
  func aPropertyThatAGuaranteeRestsOnIsRefusedAndToldWhy(name: String) {
    guard case .reservedProperty(name, let why)? = failure([name: "1"]) else {
      Issue.record("\(name) was taken")
      return
    }
    #expect(!why.isEmpty)
  }

  @Test func anUnknownPropertyAndAWrongValueAreNamed() {
    guard case .invalidProperty("no.such.property", _)? = failure(["no.such.property": "1"]) else {
      Issue.record("taken")
      return
    }
    guard case .invalidProperty("socket.timeout.ms", let detail)? = failure(["socket.timeout.ms": "soon"]) else {
      Issue.record("taken")
      return
    }
    #expect(detail.contains("socket.timeout.ms"))
  }

  @Test func otherPropertiesPass() {
    #expect(failure(["socket.timeout.ms": "5000", "security.protocol": "plaintext"]) == nil)
  }

  @Test func propertiesThatContradictEachOtherMakeNoClient() {
    guard
      case .clientNotCreated? = failure([
        "queue.buffering.max.messages": "1", "linger.ms": "1", "security.protocol": "sasl_ssl",
        "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.config": "", "ssl.ca.location": "/nowhere",
      ])
    else {
      Issue.record("taken")
      return
    }
  }
}
