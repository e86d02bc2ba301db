import Events
import Pipeline

/// What can go wrong with a ``PartitionedSource``: nothing.
enum PartitionedFailure: PortFailure {
  case never
  var disposition: Disposition { .halt }
  var description: String { "never" }
}

/// Partitions of clicks with committed offsets, as a broker keeps them, and what a group does with them, to order.
final class PartitionedLog {
  struct Partition {
    var clicks: [Click] = []
    var committed = 0
    /// Offset of the next record that is handed over.
    var position = 0
    /// One behind the last offset that was handed over.
    var handedOver = 0
    /// Nil until reconciled.
    var isReady = false
    var isAssigned = false
  }

  var partitions: [Partition]
  /// How far a partition is read again where the store may have lost writes.
  var rewind = 300
  var changes = PartitionChanges()
  /// Called before each take.
  var beforeTake: (PartitionedLog) -> Void = { _ in }
  var takes = 0
  var reconciled: [[PartitionMark]] = []
  /// Published lines by origin.
  var published: [Origin: [String]] = [:]
  /// What happened, in order, for tests of the order.
  var journal: [String] = []

  init(_ clicks: [Click]) {
    partitions = Array(repeating: Partition(), count: Int(clicks.map(\.partition).max() ?? 0) + 1)
    for click in clicks { partitions[Int(click.partition)].clicks.append(click) }
  }

  func assign(_ partition: Int) {
    guard !partitions[partition].isAssigned else { return }
    partitions[partition].isAssigned = true
    partitions[partition].isReady = false
    changes.assigned.append(Int32(partition))
  }

  func revoke(_ partition: Int) {
    guard partitions[partition].isAssigned else { return }
    partitions[partition].isAssigned = false
    partitions[partition].isReady = false
    changes.assigned.removeAll { $0 == Int32(partition) }
    changes.gone.append(Int32(partition))
  }

  var isDone: Bool { partitions.allSatisfy { $0.isAssigned && $0.isReady && $0.position == $0.clicks.count } }
}

/// Hands over a log's records, up to `size` a take, the partitions in turns.
struct PartitionedSource: EventSource, ~Copyable {
  let log: PartitionedLog
  let size: Int

  mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(PartitionedFailure) -> SourceState {
    log.takes += 1
    log.beforeTake(log)
    var isMore = true
    while isMore && batch.events.count < size {
      isMore = false
      for partition in log.partitions.indices {
        for _ in 0..<5 {
          guard log.partitions[partition].isReady, batch.events.count < size else { break }
          let position = log.partitions[partition].position
          guard position < log.partitions[partition].clicks.count else { break }
          let click = log.partitions[partition].clicks[position]
          var event = Event(
            session: batch.bytes.appendBytes(Array(click.session.utf8).span),
            item: batch.bytes.appendBytes(Array(click.item.utf8).span), time: click.time,
            origin: Origin(partition: click.partition, offset: click.offset))
          event.isStateOnly = position < log.partitions[partition].committed
          batch.append(event)
          log.partitions[partition].position += 1
          log.partitions[partition].handedOver = max(log.partitions[partition].handedOver, position + 1)
          isMore = true
        }
      }
    }
    return log.isDone && log.changes.isEmpty ? .ended : .open
  }

  mutating func commit(except pending: ArraySlice<Event>) throws(PartitionedFailure) -> Bool {
    var ends = log.partitions.map(\.position)
    for event in pending {
      ends[Int(event.origin.partition)] = min(ends[Int(event.origin.partition)], Int(event.origin.offset))
    }
    for partition in log.partitions.indices where log.partitions[partition].isReady {
      log.partitions[partition].committed = max(log.partitions[partition].committed, ends[partition])
    }
    log.journal.append("commit")
    return true
  }

  mutating func takeChanges() -> PartitionChanges {
    defer { log.changes = PartitionChanges() }
    return log.changes
  }

  var assigned: [Int32] { log.partitions.indices.filter { log.partitions[$0].isAssigned }.map { Int32($0) } }

  mutating func reconcile(_ marks: [PartitionMark]) throws(PartitionedFailure) {
    log.reconciled.append(marks)
    log.journal.append("reconcile \(marks.map(\.partition))")
    for mark in marks {
      let committed = log.partitions[Int(mark.partition)].committed
      let back = mark.offset < 0 ? committed : mark.isTrusted ? 0 : log.rewind
      log.partitions[Int(mark.partition)].position = max(0, committed - back)
      log.partitions[Int(mark.partition)].isReady = true
    }
  }
}

/// Notes what is published, by origin.
struct OriginSink: PredictionSink, ~Copyable {
  let log: PartitionedLog

  mutating func publish(_ predictions: borrowing PredictionBatch, of events: borrowing EventBatch)
    throws(PartitionedFailure)
  {
    for prediction in predictions.predictions where prediction.isPublished {
      let origin = events.events[Int(prediction.event)].origin
      log.published[origin, default: []].append(predictions.bytes.text(prediction.encoded))
    }
    log.journal.append("publish")
  }

  mutating func reject(_ rejections: [Rejection], of events: borrowing EventBatch) throws(PartitionedFailure) {}
  mutating func flush() throws(PartitionedFailure) {}
}
