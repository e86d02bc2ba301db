internal import Events
internal import Kafka

/// What Kafka refused for good, until it is dealt with.
///
/// A broker refuses a batch of records as a whole, so that a refusal does not yet say whose fault it is. Outside of transactions the
/// refused records are sent again, each alone. In a transaction nothing can be sent any more: it is aborted, its records are read
/// again, and until something is committed each is sent alone; the one that is refused alone is known then, and set aside the next time.
struct RefusedRecords {
  /// Marks of produced records.
  static let prediction = 0
  static let deadLetter = 1
  /// The header `reason` of a prediction that was set aside.
  static let reason = "prediction_refused"

  /// Records to be sent again, each alone.
  var toSendAgain: [DeliveryFailure] = []
  /// Predictions that are to be set aside, when their records come again.
  private(set) var predictions: Set<Origin> = []
  /// Those among them that were counted and logged: they may come several times before something is committed.
  var told: Set<Origin> = []
  /// Dead letters that are to be passed over, when their records come again.
  var deadLetters: Set<Origin> = []
  /// Why the last of them was refused.
  private(set) var code = ""
  /// True while records are sent one by one.
  private(set) var sendsAlone = false
  private var commits = 0

  /// Notes a prediction that was refused in a transaction, alone or with others.
  mutating func note(_ origin: Origin, _ code: String, isAlone: Bool) {
    if isAlone { predictions.insert(origin) }
    self.code = code
    sendsAlone = true
  }

  /// Forgets what was for a transaction that is committed now: its records don't come again.
  mutating func note(commits: Int) {
    guard commits != self.commits else { return }
    self.commits = commits
    predictions.removeAll()
    told.removeAll()
    deadLetters.removeAll()
    sendsAlone = false
  }

  /// The record that the failed one was made from, as its headers say.
  static func origin(of failure: DeliveryFailure, in partitions: PartitionTable) -> Origin? {
    func text(_ name: String) -> String? { failure.header(name).map { String(decoding: $0, as: UTF8.self) } }
    guard let topic = text("source_topic"), let partition = text("source_partition").flatMap({ Int32($0) }),
      let offset = text("source_offset").flatMap({ Int64($0) }),
      let slot = partitions.slot(topic: topic, partition: partition)
    else { return nil }
    return Origin(partition: slot, offset: offset)
  }
}
