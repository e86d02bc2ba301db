private import CRdkafka
import Events

/// A partition, by its slot, with the offset to go on from.
public struct PartitionOffset: Sendable, BitwiseCopyable, Hashable {
  /// Slot in the worker's ``PartitionTable``.
  public var partition: Int32
  /// The next offset: one after the last record that is done.
  public var next: Int64

  /// The place `next` of a partition.
  public init(partition: Int32, next: Int64) {
    self.partition = partition
    self.next = next
  }
}

/// Owns a list of topics and partitions in librdkafka's form (`rd_kafka_topic_partition_list_t`).
///
/// `pointer` is for the owners of clients in this module only; it is valid as long as the list.
@safe struct PartitionList: ~Copyable {
  let pointer: UnsafeMutableRawPointer

  private var list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t> {
    unsafe pointer.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self)
  }

  /// An empty list.
  init() { unsafe pointer = UnsafeMutableRawPointer(rd_kafka_topic_partition_list_new(4)) }

  /// A copy of a list that librdkafka owns.
  init(copying other: UnsafeRawPointer) {
    unsafe pointer = UnsafeMutableRawPointer(
      rd_kafka_topic_partition_list_copy(other.assumingMemoryBound(to: rd_kafka_topic_partition_list_t.self)))
  }

  deinit { unsafe rd_kafka_topic_partition_list_destroy(list) }

  /// Number of entries.
  var count: Int { unsafe Int(list.pointee.cnt) }

  /// Adds a partition (-1 for all of a topic's, in a subscription).
  mutating func add(topic: String, partition: Int32 = -1, offset: Int64? = nil) {
    let entry = unsafe rd_kafka_topic_partition_list_add(list, topic, partition)
    if let offset { unsafe entry?.pointee.offset = offset }
  }

  /// Topic, partition, offset (below 0 where there is none) and error code (0 where there is none) of an entry.
  func entry(_ index: Int) -> (topic: String, partition: Int32, offset: Int64, error: Int32) {
    precondition(index >= 0 && index < count)
    let entry = unsafe list.pointee.elems[index]
    return unsafe (String(cString: entry.topic), entry.partition, entry.offset, entry.err.rawValue)
  }

  /// The slots of all entries in `table`.
  func slots(in table: PartitionTable) throws(KafkaFailure) -> [Int32] {
    var slots: [Int32] = []
    for index in 0..<count {
      let (topic, partition, _, _) = entry(index)
      guard let slot = table.slot(topic: topic, partition: partition) else {
        throw .tooManyPartitions(topic: topic, partition: partition)
      }
      slots.append(slot)
    }
    return slots
  }
}
