import Events
import Kafka
import Synchronization
import TestSupport

/// A member of a group that has its partitions.
final class Member {
  let metadata: GroupMetadata
  private let client: GroupClient

  /// Joins and waits for the partitions.
  init(_ kafka: KafkaConfiguration, group: String, topic: String, table: PartitionTable) throws {
    // A producer's properties are none of a consumer's.
    let plain = KafkaConfiguration(bootstrapServers: kafka.bootstrapServers)
    let client = try GroupClient(plain, group: group, topics: [topic], queues: 1, log: { _ in })
    let deadline = Deadline(seconds: 30)
    var isAssigned = false
    while !isAssigned {
      if deadline.isOver { throw LateFailure(description: "the group gave its member no partitions") }
      do throws(KafkaFailure) {
        for case .assigned(let partitions) in try client.poll(milliseconds: 100) {
          client.assign(partitions)
          isAssigned = true
        }
      } catch {
        if error.disposition != .retry { throw error }
      }
    }
    guard let metadata = GroupQueue(client, index: 0, partitions: table).metadata() else {
      throw LateFailure(description: "a member without metadata")
    }
    self.client = client
    self.metadata = metadata
  }

  /// Leaves the group.
  func leave() { client.close() }

  struct LateFailure: Error, CustomStringConvertible {
    let description: String
  }
}

/// Collects log lines from librdkafka's threads.
final class LogLines: Sendable {
  private let lines = Mutex<[KafkaLogLine]>([])

  var log: KafkaLog { { line in self.lines.withLock { $0.append(line) } } }

  func contains(_ text: String) -> Bool { lines.withLock { $0.contains { $0.message.contains(text) } } }
}
