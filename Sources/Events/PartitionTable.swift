/// The topics and partitions (or files) that a worker has seen, each with a small number, its slot.
///
/// Append-only and bounded by ``Limits/partitions``. Belongs to one worker; its ports share it.
public final class PartitionTable {
  /// A topic and partition, or a file (partition 0).
  public struct Name: Sendable, Hashable {
    /// Name of the topic or path of the file.
    public let topic: String
    /// Number of the partition.
    public let partition: Int32
    /// `topic:partition` as bytes.
    public let utf8: [UInt8]
  }

  /// Names in the order of their slots.
  public private(set) var names: [Name] = []
  private var slots: [String: [Int32: Int32]] = [:]

  /// An empty table.
  public init() {}

  /// The slot of a topic and partition, new or known. Allocates only for a new one; nil where the table is full.
  public func slot(topic: String, partition: Int32) -> Int32? {
    if let known = slots[topic]?[partition] { return known }
    guard names.count < Limits.partitions else { return nil }
    let slot = Int32(names.count)
    names.append(Name(topic: topic, partition: partition, utf8: Array("\(topic):\(partition)".utf8)))
    slots[topic, default: [:]][partition] = slot
    return slot
  }
}
