public import Events

/// A producer of transactions that hold records and the offsets of the records that they were made from: all of it counts, or nothing.
/// Belongs to the worker whose predictions they are.
///
/// A transaction begins with the first record, or the first offsets, after the last one. Whatever goes wrong with it ends in
/// ``commit(_:in:of:goOn:)`` returning false: until then records are taken and thrown away, because everything since the last
/// commit is read again. A producer that was fenced, also by the time-out of its own transaction, is replaced by a new one with the same id.
///
/// No call waits for longer than a second without asking `goOn`.
public final class TransactionalProducer: OffsetTransactions {
  /// What it has done.
  public struct Counts: Sendable, Equatable {
    /// Transactions committed.
    public var commits = 0
    /// Transactions without effect: aborted, or given up with their producer.
    public var aborts = 0
    /// Producers that took the place of one that could do nothing more.
    public var replacements = 0

    /// Nothing done yet.
    public init() {}
  }

  private enum State {
    /// The brokers don't know this producer yet; `isSpent` where its client has to be replaced first.
    case unknown(isSpent: Bool)
    /// Between transactions.
    case ready
    /// In a transaction.
    case open
    /// In a transaction that can only be aborted.
    case doomed(KafkaFailure)
    /// In a transaction that can only be given up, with the client.
    case lost(KafkaFailure)
  }

  /// What it has done.
  public private(set) var counts = Counts()
  /// The producer that carries the transactions, for its topics and figures; records go through ``produce(to:key:hasKey:value:headers:mark:)``.
  public let producer: KafkaProducer
  private let id: String
  private let log: KafkaLog
  private let goOn: () -> Bool
  private var state = State.unknown(isSpent: false)
  /// Milliseconds that one step waits.
  private let patience = 1_000

  /// A producer called `transactionalID`: lasting, and different for each worker of each process, so that a new one fences the
  /// one that it takes the place of, and nobody else. `goOn` is asked several times a second while a call waits; false
  /// ends the wait with ``KafkaFailure/stopped(operation:)``.
  public init(
    _ configuration: KafkaConfiguration, transactionalID: String, compression: KafkaCompression = .lz4,
    queueRecords: Int = 100_000, queueBytes: Int = 64 << 20, log: @escaping KafkaLog,
    goOn: @escaping () -> Bool = { true }
  ) throws(KafkaFailure) {
    producer = try KafkaProducer(
      configuration, transactionalID: transactionalID, compression: compression, queueRecords: queueRecords,
      queueBytes: queueBytes, log: log)
    id = transactionalID
    self.log = log
    self.goOn = goOn
  }

  /// True while the transaction at hand can't be committed any more: what is produced now is thrown away.
  public var isDoomed: Bool {
    switch state {
    case .unknown, .ready, .open: false
    case .doomed, .lost: true
    }
  }

  /// Makes the producer known to the brokers, and ends what an earlier one of the same id left in the middle, which keeps its
  /// records and its group's offsets from readers. To be called before the first record is read; waits for the brokers.
  public func start(goOn: () -> Bool) throws(KafkaFailure) {
    var step = TransactionStep.done
    while case .unknown(let isSpent) = state {
      if isSpent {
        counts.replacements += 1
        try producer.renew()
        state = .unknown(isSpent: false)
      }
      step = try carryOut("beginning to use transactions", goOn) { producer.initTransactions(milliseconds: patience) }
      switch step {
      case .done: state = .ready
      case .retry(let failure), .abort(let failure), .over(let failure):
        state = .unknown(isSpent: true)
        // Fenced at once: another producer of this id began at the same moment.
        guard case .fatal = failure else { throw failure }
        tell(failure)
        pause(200)
        if !goOn() { throw .stopped(operation: "beginning to use transactions") }
      }
    }
  }

  /// Makes sure that there is a transaction for the records to come.
  public func begin() throws(KafkaFailure) { try begin(goOn) }

  /// Queues a record of the transaction at hand: see ``KafkaProducer/produce(to:key:hasKey:value:hasValue:headers:partition:timestamp:mark:)``.
  /// Where the transaction is doomed, the record is thrown away.
  public func produce(
    to topic: KafkaProducer.Topic, key: Span<UInt8>, hasKey: Bool = true, value: Span<UInt8>, headers: RecordHeaders,
    mark: Int = 0
  ) throws(KafkaFailure) -> Bool {
    if isDoomed { return true }
    do throws(KafkaFailure) {
      return try producer.produce(to: topic, key: key, hasKey: hasKey, value: value, headers: headers, mark: mark)
    } catch .refused(_, "_STATE", let detail) {
      // A record before this one failed for good, and took the transaction with it.
      state = .doomed(.refused(operation: "publishing in a transaction", code: "_STATE", detail: detail))
      return true
    } catch {
      try note(error)
      return true
    }
  }

  /// Serves delivery reports for at most `milliseconds`. A client that can't go on is no failure here: its transaction is lost.
  public func poll(milliseconds: Int) throws(KafkaFailure) {
    do throws(KafkaFailure) { try producer.poll(milliseconds: milliseconds) } catch { try note(error) }
  }

  /// Sends without lingering and waits at most `milliseconds` until nothing is pending; false where something still is. Nothing is waited
  /// for in a transaction that is lost.
  public func flush(milliseconds: Int) throws(KafkaFailure) -> Bool {
    do throws(KafkaFailure) {
      return try producer.flush(milliseconds: milliseconds)
    } catch {
      try note(error)
      return true
    }
  }

  /// The records that can't be delivered since the last call, because of themselves or of their topic. What failed with its
  /// transaction is not among them.
  public func takeFailures() -> [DeliveryFailure] { producer.takeFailures().filter { $0.isOfRecord || $0.isOfTopic } }

  /// Ends the transaction at hand with `offsets`: see ``OffsetTransactions/commit(_:in:of:goOn:)``.
  public func commit(
    _ offsets: [PartitionOffset], in partitions: PartitionTable, of member: GroupMetadata, goOn: () -> Bool
  )
    throws(KafkaFailure) -> Bool
  {
    switch state {
    case .unknown, .ready:
      if offsets.isEmpty { return true }
      try begin(goOn)
    case .open: break
    case .doomed(let failure), .lost(let failure):
      try end(for: failure, goOn)
      return false
    }
    if !offsets.isEmpty {
      let step = try carryOut("adding offsets to a transaction", goOn) {
        producer.sendOffsets(offsets, in: partitions, of: member, milliseconds: patience)
      }
      if try !isDone(step, goOn) { return false }
    }
    let step = try carryOut("committing a transaction", goOn) { producer.commitTransaction(milliseconds: patience) }
    if try !isDone(step, goOn) { return false }
    state = .ready
    counts.commits += 1
    return true
  }

  /// Ends the transaction at hand, if there is one, without any effect: see ``OffsetTransactions/abort()``.
  public func abort() throws(KafkaFailure) {
    switch state {
    case .unknown, .ready: break
    case .open: try end(for: nil, goOn)
    case .doomed(let failure), .lost(let failure): try end(for: failure, goOn)
    }
  }

  private func begin(_ goOn: () -> Bool) throws(KafkaFailure) {
    for _ in 0..<3 {
      switch state {
      case .open, .doomed, .lost: return
      case .unknown: try start(goOn: goOn)
      case .ready: break
      }
      if case .done = producer.beginTransaction() { state = .open } else { state = .unknown(isSpent: true) }
    }
    if case .unknown = state { throw .fatal(code: "_STATE", detail: "no transaction of \(id) can be begun") }
  }

  /// True where `step` is done; where it is not, ends the transaction.
  private func isDone(_ step: TransactionStep, _ goOn: () -> Bool) throws(KafkaFailure) -> Bool {
    switch step {
    case .done: return true
    case .retry(let failure), .abort(let failure):
      state = .doomed(failure)
      try end(for: failure, goOn)
    case .over(let failure):
      state = .lost(failure)
      try end(for: failure, goOn)
    }
    return false
  }

  /// Ends the transaction without effect: aborts it, or replaces the producer where that is not possible.
  private func end(for failure: KafkaFailure?, _ goOn: () -> Bool) throws(KafkaFailure) {
    if let failure { tell(failure) }
    counts.aborts += 1
    if case .lost = state {
      state = .unknown(isSpent: true)
      try start(goOn: goOn)
      return
    }
    let step = try carryOut("aborting a transaction", goOn) { producer.abortTransaction(milliseconds: patience) }
    switch step {
    case .done: state = .ready
    case .retry(let failure), .abort(let failure), .over(let failure):
      tell(failure)
      state = .unknown(isSpent: true)
      try start(goOn: goOn)
    }
  }

  /// Asks for a step until it is done or can't be; says so from time to time.
  private func carryOut(_ operation: String, _ goOn: () -> Bool, _ step: () -> TransactionStep) throws(KafkaFailure)
    -> TransactionStep
  {
    var last = ContinuousClock.now
    while true {
      let answer = step()
      guard case .retry(let failure) = answer else { return answer }
      guard goOn() else {
        // Half of a step may be done: nothing but a new client can tell.
        if case .ready = state {} else { state = isDoomedOrOpen ? .lost(failure) : .unknown(isSpent: true) }
        throw .stopped(operation: operation)
      }
      if ContinuousClock.now - last >= .seconds(5) {
        last = ContinuousClock.now
        tell(failure)
      }
      pause(20)
    }
  }

  private var isDoomedOrOpen: Bool {
    switch state {
    case .unknown, .ready: false
    case .open, .doomed, .lost: true
    }
  }

  /// Remembers a failure of the client that concerns its transaction; throws any other.
  private func note(_ failure: KafkaFailure) throws(KafkaFailure) {
    guard case .fatal = failure else { throw failure }
    state = isDoomedOrOpen ? .lost(failure) : .unknown(isSpent: true)
  }

  /// Serves callbacks for a moment.
  private func pause(_ milliseconds: Int) {
    do throws(KafkaFailure) {
      try producer.poll(milliseconds: milliseconds)
    } catch {
      // The step at hand says it again, where it matters.
    }
  }

  private func tell(_ failure: KafkaFailure) {
    let message =
      if case .fatal(let code, let detail) = failure {
        "The producer \(id) was fenced (\(code): \(detail)): another one has its transactional id, or its transaction took longer "
          + "than transaction.timeout.ms. A new one takes its place; each process needs a kafka.instance_id of its own."
      } else {
        "Transaction of \(id): \(failure)"
      }
    log(KafkaLogLine(level: .warning, facility: "TXN", message: message))
  }
}
