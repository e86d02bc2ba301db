public import Events
private import Synchronization

/// What the control plane asks of a worker, read once a batch.
public final class Mailbox: Sendable {
  private let deadline = Mutex<ContinuousClock.Instant?>(nil)
  private let stopping = Atomic(false)

  /// An empty mailbox.
  public init() {}

  /// Asks the worker to finish its batch, flush, commit and return; after `seconds` it gives up what it waits for. The first
  /// call counts.
  public func stop(within seconds: Double) {
    deadline.withLock { if $0 == nil { $0 = ContinuousClock.now + .seconds(seconds) } }
    stopping.store(true, ordering: .releasing)
  }

  /// True once ``stop(within:)`` was called.
  public var isStopping: Bool { stopping.load(ordering: .acquiring) }

  /// True once the time to finish is over.
  public var isOverdue: Bool { isStopping && deadline.withLock { $0.map { ContinuousClock.now >= $0 } ?? false } }
}

/// What a worker tells whoever watches it; called between batches, on the worker's thread.
public enum WorkerNews {
  /// A batch was worked on and handed to the sink.
  case worked
  /// A server is away or busy: the same is tried again after this many milliseconds.
  case waiting(PipelineFailure, milliseconds: Int)
  /// Something may be lost: the batch and all sessions in RAM are dropped, these many partitions compared and rebuilt.
  case rebuilding(PipelineFailure, partitions: Int)
  /// Something that an operator should know of; each is told once a worker.
  case noticed(PipelineNotice)
}

/// The worker's loop: source → processor → sink → commit, on one thread, one batch after the other.
///
/// At least once: a record's offset is committed after its event stands in the store and its prediction is acknowledged, never earlier.
/// A failure that asks for a retry is retried with back-off for ever; everything up to it stands, so nothing is lost and nothing doubled.
///
/// Rejections go to the sink when their batch is done, or before a commit in its middle that covers their records, never earlier: what is
/// published in a transaction counts with the next commit, and a record behind that comes again.
public struct Worker<
  Source: EventSource & ~Copyable, Store: SessionStore & ~Copyable, Sink: PredictionSink & ~Copyable,
  Encoder: PredictionEncoder & ~Copyable
>: ~Copyable {
  /// Where events come from.
  public var source: Source
  /// Where predictions go.
  public var sink: Sink
  /// What is between.
  public var processor: BatchProcessor<Store, Encoder>
  private let mailbox: Mailbox
  private let commitMilliseconds: Int64
  private let wait: (Int) -> Void
  private let news: (WorkerNews) -> Void
  private let watch: (borrowing Worker) -> Void
  private var batch = EventBatch()
  private var output = PredictionBatch()
  /// Rejections of the batch that the sink was not given yet, and those that it is given now.
  private var unsent: [Rejection] = []
  private var due: [Rejection] = []
  private var lastCommit = ContinuousClock.now
  private var isDirty = false
  /// Reads that failed, one after the other.
  private var failedReads = 0

  /// A worker over three ports. Commits at least every `commitMilliseconds` while there is work. `wait` sleeps for so many milliseconds;
  /// `news` is told what happens; `watch` may look at the worker after each batch, and several times a second where there is none.
  public init(
    source: consuming Source, sink: consuming Sink, processor: consuming BatchProcessor<Store, Encoder>,
    mailbox: Mailbox,
    commitMilliseconds: Int = 200, wait: @escaping (Int) -> Void, news: @escaping (WorkerNews) -> Void,
    watch: @escaping (borrowing Worker) -> Void = { _ in }
  ) {
    self.source = source
    self.sink = sink
    self.processor = processor
    self.mailbox = mailbox
    self.commitMilliseconds = Int64(commitMilliseconds)
    self.wait = wait
    self.news = news
    self.watch = watch
  }

  /// Works until the source ends or the mailbox says stop; then everything handed over is stored, acknowledged and committed.
  public mutating func run() throws(PipelineFailure) {
    var isEnded = false
    while !isEnded {
      do throws(PipelineFailure) {
        isEnded = try turn()
      } catch {
        guard error.disposition == .rebuild else { throw error }
        // What is not committed comes again, here or wherever its partitions go.
        if mailbox.isStopping { return }
        try rebuild(error)
      }
      watch(self)
    }
  }

  /// One batch, and what became of the partitions; true at the end.
  private mutating func turn() throws(PipelineFailure) -> Bool {
    let state = try take()
    let changes = source.takeChanges()
    if !changes.gone.isEmpty { processor.forget(partitions: changes.gone) }
    let isWhole = batch.hasNothing ? true : try work()
    let isYielding = state == .yielding || !changes.assigned.isEmpty
    if isDirty && (isYielding || batch.hasNothing || isCommitDue) || state == .yielding { try commit(except: []) }
    let isEnding = (state == .ended && isWhole) || mailbox.isStopping
    // After the commit: comparing takes back what is not committed.
    if !changes.assigned.isEmpty && !isEnding { try reconcile(changes.assigned) }
    if isEnding && isDirty { try commit(except: []) }
    return isEnding
  }

  /// Drops the batch and all that RAM holds, and goes back to what is committed and stored.
  private mutating func rebuild(_ failure: PipelineFailure) throws(PipelineFailure) {
    var reason = failure
    while true {
      processor.forgetAll()
      batch.removeAll()
      isDirty = false
      // These are among all that are read now.
      _ = source.takeChanges()
      let partitions = source.assigned
      news(.rebuilding(reason, partitions: partitions.count))
      do throws(PipelineFailure) {
        return try reconcile(partitions)
      } catch {
        guard error.disposition == .rebuild else { throw error }
        if mailbox.isStopping { return }
        // Servers that take turns: no faster than one can read.
        wait(50)
        reason = error
      }
    }
  }

  /// Compares what the store knows of `partitions` with the source.
  private mutating func reconcile(_ partitions: [Int32]) throws(PipelineFailure) {
    var attempt = 0
    while true {
      do throws(PipelineFailure) {
        let marks = try processor.marks(of: partitions)
        do throws(Source.Failure) {
          return try source.reconcile(marks)
        } catch {
          throw .port(doing: "comparing \(partitions.count) partitions with what is stored", error)
        }
      } catch {
        // Nothing of these partitions was handed over, so that nothing is to be finished.
        if error.disposition == .retry && mailbox.isStopping { return }
        try retry(error, attempt: attempt)
        attempt += 1
      }
    }
  }

  private var isCommitDue: Bool { ContinuousClock.now - lastCommit >= .milliseconds(commitMilliseconds) }

  private mutating func take() throws(PipelineFailure) -> SourceState {
    batch.removeAll()
    do throws(Source.Failure) {
      let state = try source.take(into: &batch, milliseconds: Int(commitMilliseconds))
      failedReads = 0
      return state
    } catch {
      try retry(.port(doing: "reading events", error), attempt: failedReads)
      failedReads += 1
      return .open
    }
  }

  /// One batch: predicted, stored, published; false where the source took the rest of it back.
  private mutating func work() throws(PipelineFailure) -> Bool {
    // Records that rebuild state are committed already.
    if batch.tombstones + batch.ignored > 0 || !batch.rejections.isEmpty
      || batch.events.contains(where: { !$0.isStateOnly })
    {
      isDirty = true
    }
    unsent.removeAll(keepingCapacity: true)
    unsent.append(contentsOf: batch.rejections)
    var next = 0
    while next < batch.events.count {
      let end = try process(from: next)
      if end == next {
        // A session has as many uncommitted records as its stored list can answer for.
        try sendRejections(except: batch.events[next...])
        guard try commit(except: batch.events[next...]) else {
          // The source takes the rest back and hands over again what is still its own.
          news(.worked)
          wait(50)
          return false
        }
        isDirty = true
      } else {
        try publish(rejections: false)
        next = end
      }
    }
    try sendRejections(except: [])
    news(.worked)
    while let notice = processor.takeNotice() { news(.noticed(notice)) }
    return true
  }

  private mutating func process(from next: Int) throws(PipelineFailure) -> Int {
    var attempt = 0
    output.removeAll()
    while true {
      do throws(PipelineFailure) {
        return try processor.process(batch, from: next, into: &output)
      } catch {
        try retry(error, attempt: attempt)
        attempt += 1
      }
    }
  }

  /// Sends the rejections whose records a commit of all but `pending` covers, and that were not sent yet.
  private mutating func sendRejections(except pending: ArraySlice<Event>) throws(PipelineFailure) {
    guard !unsent.isEmpty else { return }
    due.removeAll(keepingCapacity: true)
    var kept = 0
    for index in unsent.indices {
      let origin = unsent[index].origin
      let isBehind = pending.contains { $0.origin.partition == origin.partition && $0.origin.offset < origin.offset }
      if isBehind {
        unsent[kept] = unsent[index]
        kept += 1
      } else {
        due.append(unsent[index])
      }
    }
    unsent.removeLast(unsent.count - kept)
    if !due.isEmpty { try publish(rejections: true) }
  }

  private mutating func publish(rejections: Bool) throws(PipelineFailure) {
    var attempt = 0
    while true {
      do throws(Sink.Failure) {
        if rejections { try sink.reject(due, of: batch) } else { try sink.publish(output, of: batch) }
        return
      } catch {
        try retry(.port(doing: "publishing predictions", error), attempt: attempt)
        attempt += 1
      }
    }
  }

  /// Waits until everything published is acknowledged, then commits all but `pending`; false where the source refused it: sessions'
  /// records still count as uncommitted then.
  @discardableResult private mutating func commit(except pending: ArraySlice<Event>) throws(PipelineFailure) -> Bool {
    var attempt = 0
    while true {
      do throws(Sink.Failure) {
        try sink.flush()
        break
      } catch {
        try retry(.port(doing: "waiting for acknowledgements", error), attempt: attempt)
        attempt += 1
      }
    }
    attempt = 0
    while true {
      do throws(Source.Failure) {
        isDirty = try !source.commit(except: pending)
        break
      } catch {
        try retry(.port(doing: "committing offsets", error), attempt: attempt)
        attempt += 1
      }
    }
    lastCommit = ContinuousClock.now
    if isDirty { return false }
    processor.noteCommit()
    return true
  }

  /// Waits before the next try, longer each time up to 5 s, or gives up where a retry can't help.
  private func retry(_ failure: PipelineFailure, attempt: Int) throws(PipelineFailure) {
    guard failure.disposition == .retry, !mailbox.isOverdue else { throw failure }
    let milliseconds = min(mailbox.isStopping ? 200 : 5000, 50 << min(attempt, 7))
    news(.waiting(failure, milliseconds: milliseconds))
    wait(milliseconds)
  }
}
