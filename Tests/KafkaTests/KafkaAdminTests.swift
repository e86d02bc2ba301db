import Events
import Kafka
import TestSupport
import Testing

@Suite(.serialized, KafkaBroker.needed) struct KafkaAdminTests {
  @Test func aTopicIsMadeOnceAndRemoved() throws {
    let configuration = KafkaConfiguration(bootstrapServers: try KafkaBroker.shared().bootstrapServers)
    let admin = try KafkaAdmin(configuration)
    let name = KafkaBroker.uniqueName("admin")
    try admin.createTopic(name, partitions: 3, properties: ["retention.ms": "3600000"])
    #expect(throws: KafkaFailure.self) { try admin.createTopic(name, partitions: 3) }
    do throws(KafkaFailure) {
      try admin.createTopic(name, partitions: 3)
    } catch {
      #expect(error.description.contains(name) && error.description.contains("TOPIC_ALREADY_EXISTS"))
      #expect(error.disposition == .halt)
    }
    try admin.deleteTopic(name)
  }
}
