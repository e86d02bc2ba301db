public import Events

/// Sets what a group has committed, as `kafka-consumer-groups --reset-offsets` does: while nobody is a member of it.
public enum GroupOffsets {
  /// A place in a partition.
  public enum Place: Sendable, Equatable {
    /// The oldest record that is still there.
    case earliest
    /// Behind the newest record.
    case latest
    /// The first record of this time or later; behind the newest one where there is none.
    case time(EventTime)
  }

  /// Lets `group` go on from `place` in every partition of `topics`, and returns the offsets. Tries again for at most `seconds` while
  /// brokers are away; refused while the group has members: ``KafkaFailure/groupInUse(group:detail:)``.
  public static func set(
    _ configuration: KafkaConfiguration, group: String, topics: [String], to place: Place, seconds: Double = 30,
    log: @escaping KafkaLog
  ) throws(KafkaFailure) -> [(partition: TopicPartition, offset: Int64)] {
    // Without a subscription it never joins, and a commit is that of no member.
    let client = try GroupClient(configuration, group: group, topics: [], queues: 1, log: log)
    let queue = GroupQueue(client, index: 0, partitions: PartitionTable())
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
      do throws(KafkaFailure) {
        let offsets = try find(place, topics, client, queue)
        try commit(offsets, group, queue, until: deadline)
        return offsets.map { (queue.place($0.partition), $0.next) }
      } catch {
        guard error.disposition == .retry, ContinuousClock.now < deadline else { throw error }
        _ = try? client.poll(milliseconds: 200)
      }
    }
  }

  private static func find(
    _ place: Place, _ topics: [String], _ client: GroupClient, _ queue: GroupQueue
  ) throws(KafkaFailure) -> [PartitionOffset] {
    var offsets: [PartitionOffset] = []
    for topic in topics {
      for partition in try client.partitions(of: topic, milliseconds: 5_000) {
        let slot = try queue.slot(partition)
        let range = try queue.range(of: slot, milliseconds: 5_000)
        let offset =
          switch place {
          case .earliest: range.first
          case .latest: range.end
          case .time(let time): try queue.offset(of: slot, at: time, milliseconds: 5_000) ?? range.end
          }
        offsets.append(PartitionOffset(partition: slot, next: offset))
      }
    }
    return offsets
  }

  private static func commit(
    _ offsets: [PartitionOffset], _ group: String, _ queue: GroupQueue, until deadline: ContinuousClock.Instant
  ) throws(KafkaFailure) {
    do throws(KafkaFailure) {
      try queue.send(offsets)
      while try !queue.answer(milliseconds: 200) {
        if ContinuousClock.now >= deadline {
          throw .timedOut(operation: "setting the offsets of group \(group)", detail: "no answer of its coordinator")
        }
      }
    } catch .groupMoved(_, let code, let detail) {
      throw .groupInUse(group: group, detail: "\(code): \(detail)")
    }
  }
}
