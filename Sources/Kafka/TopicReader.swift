public import Events

/// Reads a topic from its beginning, outside of any group: it commits nothing.
public struct TopicReader: ~Copyable {
  /// Which records of transactions are read.
  public enum Isolation: String, Sendable {
    /// Those of committed transactions.
    case committed = "read_committed"
    /// All of them: those of aborted transactions and of open ones too.
    case uncommitted = "read_uncommitted"
  }

  private let consumer: KafkaConsumer

  /// A reader of all partitions of `topic`.
  public init(
    _ configuration: KafkaConfiguration, topic: String, isolation: Isolation = .committed,
    log: @escaping KafkaLog = { _ in }
  ) throws(KafkaFailure) {
    consumer = try KafkaConsumer(configuration, readingAllOf: topic, isolation: isolation, log: log)
  }

  /// The timestamp of the last record in `offsets` of one partition that has a believable one, read outside of any group; nil where none
  /// has. Offsets may hold nothing to read: markers of transactions, records of aborted ones, and what compaction took.
  public static func lastTime(
    _ configuration: KafkaConfiguration, _ place: TopicPartition, in offsets: Range<Int64>, milliseconds: Int,
    log: @escaping KafkaLog = { _ in }
  ) throws(KafkaFailure) -> EventTime? {
    let consumer = try KafkaConsumer(configuration, reading: place, from: offsets.lowerBound, log: log)
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    var last: EventTime?
    while !consumer.isAtEnd {
      let left = Int((deadline - ContinuousClock.now) / .milliseconds(1))
      if left <= 0 {
        throw .timedOut(operation: "reading \(place) from offset \(offsets.lowerBound)", detail: "\(milliseconds) ms")
      }
      guard let record = try consumer.next(milliseconds: left) else { continue }
      if record.offset < offsets.upperBound, let time = record.time, time >= Limits.earliestTime,
        time <= Limits.latestTime
      {
        last = time
      }
      if record.offset >= offsets.upperBound - 1 { break }
    }
    return last
  }

  private init(_ consumer: KafkaConsumer) { self.consumer = consumer }

  /// The next record of any partition, or nil where none comes within `milliseconds`.
  public mutating func next(milliseconds: Int) throws(KafkaFailure) -> KafkaRecord? {
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    while true {
      let left = deadline - ContinuousClock.now
      do throws(KafkaFailure) {
        if let record = try consumer.next(milliseconds: max(0, Int(left / .milliseconds(1)))) { return record }
      } catch {
        // A topic that was just made is not known to all brokers at once.
        if error.disposition != .retry || left <= .zero { throw error }
      }
      if left <= .zero { return nil }
    }
  }

  /// The next `count` records, or those that came within `milliseconds`.
  public mutating func read(_ count: Int, milliseconds: Int) throws(KafkaFailure) -> [KafkaRecord] {
    let deadline = ContinuousClock.now + .milliseconds(milliseconds)
    var records: [KafkaRecord] = []
    while records.count < count {
      let left = Int((deadline - ContinuousClock.now) / .milliseconds(1))
      guard left > 0, let record = try next(milliseconds: left) else { break }
      records.append(record)
    }
    return records
  }
}
