public import Events

/// A member of a consumer group as it was at one moment: group, generation, member and instance, in librdkafka's own bytes
/// (`rd_kafka_consumer_group_metadata_write`). What is committed with it is refused once the group has moved on.
public struct GroupMetadata: Sendable, Equatable {
  /// librdkafka's bytes; not for other processes.
  public var bytes: [UInt8]

  /// The metadata in `bytes`.
  public init(bytes: [UInt8]) { self.bytes = bytes }
}

/// Who commits a group's offsets in place of the consumer: a producer, in the transaction that also holds the predictions made from
/// the records before these offsets. Belongs to the worker whose records they are.
public protocol OffsetTransactions: AnyObject {
  /// Ends the transaction at hand with `offsets`, each one after the last record that is done; `member` is the member as it was
  /// when the first of those records was taken. True where everything is committed. False where it was aborted (the group moved
  /// on, the transaction took too long, the producer was replaced): then nothing of it counts, and all records since the last
  /// commit have to be read again. `goOn` is asked several times a second while it waits.
  func commit(_ offsets: [PartitionOffset], in partitions: PartitionTable, of member: GroupMetadata, goOn: () -> Bool)
    throws(KafkaFailure) -> Bool

  /// Ends the transaction at hand, if there is one, without any effect: the records since the last commit have to be read again.
  func abort() throws(KafkaFailure)
}
