/// Every bound of the path of a click, in one place. Hitting one is counted where it is hit.
public enum Limits {
  /// Longest session id, user id or event type, in bytes.
  public static let sessionBytes = 256
  /// Longest external item id, in bytes.
  public static let itemBytes = 512
  /// Longest record (a Kafka value or a line of a file) that is decoded, in bytes.
  public static let recordBytes = 1 << 20
  /// Most headers of a record that a decoder sees.
  public static let headers = 64
  /// Most bytes of a record's headers, names and values together, that a decoder sees.
  public static let headerBytes = 16 << 10
  /// Bytes of a bad record that a dead letter carries.
  public static let deadLetterBytes = 64 << 10
  /// Most events in one batch.
  public static let batchEvents = 256
  /// Most bytes that the events and rejections of one batch point to.
  public static let batchBytes = 4 << 20
  /// Longest list of items in a prediction.
  public static let topK = 1000
  /// Most items of one session in one exclusion list (its newest ones).
  public static let exclusions = 8192
  /// Records of one session that may be applied before their offsets are committed, so that a redelivery never
  /// reaches beyond the stored list.
  public static let uncommittedPerSession = 64
  /// Different topic:partition pairs that one process may see.
  public static let partitions = 1 << 16
  /// A time more than this after the record's own timestamp is clamped to it, in milliseconds.
  public static let futureMilliseconds: Int64 = 5 * 60 * 1000
  /// Earliest event time that is believed: 2000-01-01.
  public static let earliestTime: EventTime = 946_684_800_000
  /// Latest event time that is believed: 2200-01-01.
  public static let latestTime: EventTime = 7_258_118_400_000
}
