import Consumer
import Events
import Formats
import Kafka
import Pipeline
import Publisher
import Sequential

/// What one worker had done and held at a moment: written by the worker once a second, read by any thread.
struct WorkerSnapshot: Sendable {
  /// What its processor has done.
  var pipeline = PipelineCounters()
  /// Predictions handed to the producer.
  var predictions = 0
  /// Predictions that were not asked for.
  var unpublished = 0
  /// Predictions that Kafka refused for good.
  var refusedPredictions = 0
  /// Dead letters handed to the producer.
  var deadLetters = 0
  /// Dead letters that Kafka refused for good.
  var refusedDeadLetters = 0
  /// Times that the producer's full queue made the worker wait.
  var producerWaits = 0
  /// Records that were not events.
  var rejected = 0
  /// The same by reason.
  var rejections: [RejectionReason: Int] = [:]
  /// Records without a value.
  var tombstones = 0
  /// Records of other kinds, and of types that are ignored.
  var ignored = 0
  /// Records of types that are neither accepted nor ignored.
  var otherTypes = 0
  /// Events that named more items than the first, which alone counts.
  var furtherItems = 0
  /// Times that lay too far after the record's own timestamp.
  var clampedTimes = 0
  /// Partitions that were given and taken.
  var rebalances = 0
  /// Commits that the group refused.
  var refusedCommits = 0
  /// Partitions that were read again from before, to rebuild state.
  var partitionRebuilds = 0
  /// Transactions committed.
  var transactionCommits = 0
  /// Transactions without effect.
  var transactionAborts = 0
  /// Rows of the catalogue that were scored again in fp32.
  var rescored = 0
  /// Queries answered by a scan of the whole catalogue in fp32.
  var fallbacks = 0
  /// Bytes that sessions' encoder memories take now.
  var cacheBytes = 0
  /// Sessions in RAM now.
  var cacheSessions = 0

  /// Nothing done yet.
  init() {}

  /// A worker of the daemon.
  typealias Serving<Store: SessionStore & ~Copyable> = Worker<
    KafkaEventSource<JSONEventDecoder>, Store, KafkaPredictionSink, JSONPredictionEncoder
  >

  /// What `worker` has done so far, and its producer of transactions where it has one. To be called on the worker's thread.
  init<Store: SessionStore & ~Copyable>(
    _ worker: borrowing Serving<Store>, _ transactions: TransactionalProducer.Counts?
  ) {
    let (source, decoded, sink) = (worker.source.counts, worker.source.decoded, worker.sink.counts)
    let (ranking, memory) = (worker.processor.rankingCounters, worker.processor.memoryInUse)
    pipeline = worker.processor.counters
    predictions = sink.predictions
    unpublished = sink.unpublished
    refusedPredictions = sink.refusedPredictions
    deadLetters = sink.deadLetters
    refusedDeadLetters = sink.refusedDeadLetters
    producerWaits = sink.waits
    rejected = sink.rejections.values.reduce(0, +)
    rejections = sink.rejections
    tombstones = source.tombstones
    ignored = decoded.ignored
    otherTypes = decoded.otherTypes
    furtherItems = decoded.furtherItems
    clampedTimes = decoded.clampedTimes
    rebalances = source.rebalances
    refusedCommits = source.refusedCommits
    partitionRebuilds = source.rebuilds
    transactionCommits = transactions?.commits ?? 0
    transactionAborts = transactions?.aborts ?? 0
    rescored = ranking.rescored
    fallbacks = ranking.fallbacks
    cacheBytes = memory.bytes
    cacheSessions = memory.sessions
  }

  /// The same of a worker that is gone: what it did counts on, what it held it holds no longer.
  var past: WorkerSnapshot {
    var past = self
    past.cacheBytes = 0
    past.cacheSessions = 0
    return past
  }

  /// Adds what another has done and holds.
  mutating func add(_ other: WorkerSnapshot) {
    pipeline.add(other.pipeline)
    for (_, field) in WorkerSnapshot.names { self[keyPath: field] += other[keyPath: field] }
    rejections.merge(other.rejections, uniquingKeysWith: +)
  }

  /// Every figure with its stable name, in the order of the log. Reasons of rejections stand there only where there are any.
  var figures: [(name: String, count: Int)] {
    let reasons = RejectionReason.allCases.compactMap { reason in
      rejections[reason].map { (name: "rejected_\(reason.rawValue)", count: $0) }
    }
    return PipelineCounters.names.map { (name: $0.name, count: pipeline[keyPath: $0.field]) }
      + WorkerSnapshot.names.map { (name: $0.name, count: self[keyPath: $0.field]) } + reasons
  }

  private static let names: [(name: String, field: any WritableKeyPath<WorkerSnapshot, Int> & Sendable)] = [
    ("predictions", \.predictions), ("unpublished", \.unpublished), ("refused_predictions", \.refusedPredictions),
    ("dead_letters", \.deadLetters), ("refused_dead_letters", \.refusedDeadLetters),
    ("producer_waits", \.producerWaits), ("tombstones", \.tombstones), ("ignored", \.ignored),
    ("other_types", \.otherTypes), ("further_items", \.furtherItems), ("clamped_times", \.clampedTimes),
    ("rebalances", \.rebalances), ("refused_commits", \.refusedCommits), ("partition_rebuilds", \.partitionRebuilds),
    ("transactions", \.transactionCommits), ("transaction_aborts", \.transactionAborts),
    ("ranking_rescored", \.rescored),
    ("ranking_fallbacks", \.fallbacks), ("cache_bytes", \.cacheBytes), ("cache_sessions", \.cacheSessions),
    ("rejected", \.rejected),
  ]
}
