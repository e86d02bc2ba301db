public import Events
private import Glibc
public import Kafka

/// How far partitions are read again where the store may lack records.
public struct RebuildOptions: Sendable {
  /// From which moment on.
  public enum Start: Sendable, Equatable {
    /// The oldest record that the broker has.
    case earliest
    /// Records of this time or later.
    case time(EventTime)
  }

  /// Where the store has lost some writes: so long before the last committed record. Milliseconds.
  public var rewind: Int64 = 600_000
  /// Where the store has lost some writes: at least so many records before the last committed one, however close their times are (a backlog
  /// that is worked off, files that are replayed into the topic).
  public var rewindRecords: Int64 = 100_000
  /// Where it knows nothing: so long before the last committed record. Milliseconds.
  public var horizon: Int64 = 86_400_000
  /// What somebody asked for: each partition is read again from there at its first assignment; nil for nothing.
  public var asked: Start?
  /// Longest wait for one of the broker's answers. Milliseconds.
  public var patience = 5_000

  /// The defaults.
  public init() {}
}

/// Comparing what the store knows of partitions with what the broker has.
extension KafkaEventSource where Decoder: ~Copyable {
  /// Takes back what was handed over and is not committed, and lets partitions be read again from before where the store may lack
  /// records: see ``EventSource/reconcile(_:)``. May be called again after a failure that asks for a retry.
  public mutating func reconcile(_ marks: [PartitionMark]) throws(KafkaFailure) {
    group.beat(worker, .reconciling)
    if let transactions { try abort(transactions) }
    places.takeBackAll()
    let patience = group.configuration.rebuild.patience
    let unlearnt = places.unlearnt(marks.map(\.partition))
    if !unlearnt.isEmpty {
      for (slot, committed) in zip(unlearnt, try queue.committed(unlearnt, milliseconds: patience)) {
        places.learn(slot, committed: committed)
      }
    }
    for mark in marks {
      group.beat(worker, .reconciling)
      if places.isAssigned(mark.partition) { try compare(mark, patience) }
      awaiting.remove(mark.partition)
    }
  }

  private mutating func compare(_ mark: PartitionMark, _ patience: Int) throws(KafkaFailure) {
    let place = queue.place(mark.partition)
    let isDue = group.isRebuildDue(place)
    let committed = places.committed(of: mark.partition)
    if mark.offset < 0 && (committed == nil || (mark.isTrusted && !isDue)) { return }
    let range = try queue.range(of: mark.partition, milliseconds: patience)
    if mark.offset >= range.end { throw .recreated(place, known: mark.offset, end: range.end) }
    guard let committed else { return }
    if committed > range.end { throw .recreated(place, known: committed - 1, end: range.end) }
    guard committed > range.first, isDue || !mark.isTrusted else { return }
    let start = try start(of: mark, place, committed: committed, range, patience, isDue: isDue)
    if start < committed {
      places.rebuild(mark.partition, from: start, isAskedFor: isDue)
      counts.rebuilds += 1
      let why =
        isDue ? "as asked for" : mark.offset < 0 ? "the store knows nothing of it" : "the store may have lost writes"
      group.log(
        KafkaLogLine(
          level: .notice, facility: "REBUILD",
          message: "\(place) is read again from offset \(start) to \(committed), for the sessions alone: \(why)"))
    }
    // Otherwise it is done when it has come to its end.
    if isDue && start >= committed { group.noteRebuild(place) }
  }

  /// The offset to read again from; the committed one where nothing is to be read again.
  private func start(
    of mark: PartitionMark, _ place: TopicPartition, committed: Int64, _ range: OffsetRange, _ patience: Int,
    isDue: Bool
  ) throws(KafkaFailure) -> Int64 {
    let options = group.configuration.rebuild
    var start = committed
    if !mark.isTrusted {
      if let time = try lastTime(place, before: committed, range, patience) {
        start = try offset(
          of: mark.partition, place, at: time - (mark.offset < 0 ? options.horizon : options.rewind), range)
        if mark.offset >= 0 { start = min(start, committed - options.rewindRecords) }
      } else {
        start = oldest(place, range, why: "no record before its committed offset \(committed) has a time")
      }
    }
    if isDue {
      switch options.asked {
      case .earliest: start = range.first
      case .time(let time): start = min(start, try offset(of: mark.partition, place, at: time, range))
      case nil: break
      }
    }
    return min(max(start, range.first), committed)
  }

  /// The time of the last record before the committed offset, as far back as is looked; nil where none is found there. Never one of the
  /// future: what was lost lies before now.
  private func lastTime(
    _ place: TopicPartition, before committed: Int64, _ range: OffsetRange, _ patience: Int
  ) throws(KafkaFailure) -> EventTime? {
    var end = committed
    for distance: Int64 in [1, 2, 10, 100, 1_000] where end > range.first {
      group.beat(worker, .reconciling)
      let start = max(range.first, committed - distance)
      let time = try TopicReader.lastTime(
        group.configuration.kafka, place, in: start..<end, milliseconds: patience, log: group.log)
      if let time { return min(time, EventTime(Glibc.time(nil)) * 1000) }
      end = start
    }
    return nil
  }

  /// The offset at `time`, or the oldest one where the broker does not know.
  private func offset(
    of slot: Int32, _ place: TopicPartition, at time: EventTime, _ range: OffsetRange
  ) throws(KafkaFailure) -> Int64 {
    var detail = "the broker names no offset"
    do throws(KafkaFailure) {
      if let found = try queue.offset(of: slot, at: time, milliseconds: group.configuration.rebuild.patience) {
        return found
      }
      // Nothing so late: what is behind the newest record needs no reading.
      let newest = try queue.offset(of: slot, at: 0, milliseconds: group.configuration.rebuild.patience)
      if newest != nil { return range.end }
    } catch {
      if error.disposition == .retry { throw error }
      detail = "\(error)"
    }
    return oldest(place, range, why: "times can't be looked up: \(detail)")
  }

  /// The oldest offset, where nothing better is known, and a line that says why.
  private func oldest(_ place: TopicPartition, _ range: OffsetRange, why: String) -> Int64 {
    group.log(
      KafkaLogLine(
        level: .warning, facility: "REBUILD", message: "\(place) is read again from its oldest record (\(why))"))
    return range.first
  }
}
