public import Events
public import Sequential

/// Turns batches of events into predictions and keeps the sessions' sequences: the middle of the path of a click, between a source and a sink.
///
/// For each batch: sessions from the cache; misses, one pipelined read and a prefill; waves of steps and exact top-k; one pipelined
/// compare-and-append. Where the store holds something else than what a session was computed from, that session is rebuilt from it and
/// computed again.
public struct BatchProcessor<Store: SessionStore & ~Copyable, Encoder: PredictionEncoder & ~Copyable>: ~Copyable {
  private var engine: Engine
  private var store: Store
  private var encoder: Encoder
  private var readout = SessionReadout()
  private var appends = SessionAppends()
  private var outcomes = AppendOutcomes()
  private var keys: [ByteRange] = []
  private var asked: [Int32] = []
  /// Last offset of each partition that the events at hand apply.
  private var partitions: [Mark] = []

  /// The first session that could not be read.
  private var setAside: String?
  private var isSetAsideSaid = false
  private var isScatteredSaid = false

  private let tries = 8

  /// A processor of `model` over `store`; predictions are encoded by `encoder`.
  public init(
    _ model: SequentialModel, _ options: PipelineOptions, store: consuming Store, encoder: consuming Encoder
  ) throws(PipelineFailure) {
    engine = try Engine(model, options)
    self.store = store
    self.encoder = encoder
  }

  /// What was done so far.
  public var counters: PipelineCounters { engine.counters }

  /// What the ranking has done so far.
  public var rankingCounters: TopKCounters { engine.scratch.counters }

  /// Nanoseconds of compute that events took: a wave's time, shared equally among its events.
  public var computeTimes: Histogram { engine.computeTimes }

  /// Bytes that sessions' encoder memories take now, and the number of sessions in RAM.
  public var memoryInUse: (bytes: Int, sessions: Int) { (engine.encoder.memoryInUse, engine.cache.count) }

  /// Lends the store, to read what it holds.
  public mutating func withStore<Result, Failure: Error>(
    _ body: (inout Store) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(&store)
  }

  /// Says that everything processed so far is committed: sessions may apply records again.
  public mutating func noteCommit() { engine.noteCommit() }

  /// Drops from RAM what belongs to partitions that went to another worker.
  public mutating func forget(partitions: [Int32]) { engine.forget(partitions: partitions) }

  /// Drops all sessions from RAM: what is stored, and what comes again, counts.
  public mutating func forgetAll() {
    engine.counters.rebuilds += 1
    engine.forgetAll()
  }

  /// What the store knows of partitions.
  public mutating func marks(of partitions: [Int32]) throws(PipelineFailure) -> [PartitionMark] {
    do throws(Store.Failure) {
      return try store.marks(of: partitions)
    } catch {
      throw .port(doing: "asking what is known of \(partitions.count) partitions", error)
    }
  }

  /// The next thing that an operator should know of and that was not said yet.
  public mutating func takeNotice() -> PipelineNotice? {
    if let session = engine.scattered, !isScatteredSaid {
      isScatteredSaid = true
      return .severalPartitions(session: session)
    }
    guard let why = setAside, !isSetAsideSaid else { return nil }
    isSetAsideSaid = true
    return .setAside(why)
  }

  /// Works on the events of `batch` from `start` on, as many as may be worked on together, appends their predictions to `output`, in
  /// order, and returns the index behind the last of them: `start` where the first event's session must be committed first.
  /// After a failure nothing of these events is in RAM or in `output`, and the call can be repeated.
  public mutating func process(
    _ batch: borrowing EventBatch, from start: Int, into output: inout PredictionBatch
  ) throws(PipelineFailure) -> Int {
    let before = (output.predictions.count, output.items.count, output.bytes.count)
    engine.admit(batch, from: start, predictionsFrom: before.0)
    guard engine.plan.end > start else { return start }
    for index in start..<engine.plan.end {
      output.predictions.append(Prediction(event: index, firstItem: 0, itemCount: 0, status: .noKnownItems))
    }
    notePartitions(batch)
    do throws(PipelineFailure) {
      try readMissing(batch)
      for _ in 0..<tries {
        try runRound(batch, into: &output)
        if engine.plan.open.isEmpty {
          engine.counters.events += engine.plan.end - start
          return engine.plan.end
        }
      }
      throw .conflicts(sessions: engine.plan.open.count, tries: tries)
    } catch {
      engine.abandon()
      output.predictions.removeLast(output.predictions.count - before.0)
      output.items.removeLast(output.items.count - before.1)
      output.bytes.removeLast(output.bytes.count - before.2)
      throw error
    }
  }

  /// Reads the sessions that are not in RAM.
  private mutating func readMissing(_ batch: borrowing EventBatch) throws(PipelineFailure) {
    keys.removeAll(keepingCapacity: true)
    asked.removeAll(keepingCapacity: true)
    for session in engine.plan.sessions where session.isMissing {
      keys.append(batch.events[Int(session.first)].session)
      asked.append(session.slot)
    }
    try read(batch)
    for (index, slot) in asked.enumerated() { engine.load(slot: Int(slot), index, of: readout) }
  }

  private mutating func read(_ batch: borrowing EventBatch) throws(PipelineFailure) {
    guard !keys.isEmpty else { return }
    readout.removeAll()
    do throws(Store.Failure) {
      try store.read(keys, of: batch.bytes, into: &readout)
      note(readout.setAside)
    } catch {
      throw .port(doing: "reading \(keys.count) sessions", error)
    }
  }

  private mutating func note(_ setAside: [String]) {
    engine.counters.setAside += setAside.count
    if self.setAside == nil { self.setAside = setAside.first }
  }

  /// Notes the last offset that these events apply, by partition. Those with records that rebuild state are left out: there may be more
  /// of those to come, and a mark says that nothing before it is missing.
  private mutating func notePartitions(_ batch: borrowing EventBatch) {
    partitions.removeAll(keepingCapacity: true)
    for index in engine.plan.start..<engine.plan.end {
      let origin = batch.events[index].origin
      if let place = partitions.firstIndex(where: { $0.partition == origin.partition }) {
        partitions[place].offset = max(partitions[place].offset, origin.offset)
      } else {
        partitions.append(Mark(partition: origin.partition, offset: origin.offset))
      }
    }
    for event in batch.events where event.isStateOnly {
      partitions.removeAll { $0.partition == event.origin.partition }
      if partitions.isEmpty { return }
    }
  }

  /// Computes the open sessions and appends to them; those in conflict are rebuilt and stay open.
  private mutating func runRound(
    _ batch: borrowing EventBatch, into output: inout PredictionBatch
  ) throws(PipelineFailure) {
    engine.classify(batch)
    engine.runWaves(batch, into: &output)
    try predictRedelivered(batch, into: &output)
    encode(batch, into: &output)
    makeAppends(batch, output)
    guard !appends.sessions.isEmpty else {
      engine.plan.open.removeAll(keepingCapacity: true)
      return
    }
    outcomes.removeAll()
    do throws(Store.Failure) {
      try store.append(appends, into: &outcomes)
      note(outcomes.readout.setAside)
    } catch {
      throw .port(doing: "appending to \(appends.sessions.count) sessions", error)
    }
    settle()
  }

  /// Records that had been applied before: predicted as of then, from what is stored.
  private mutating func predictRedelivered(
    _ batch: borrowing EventBatch, into output: inout PredictionBatch
  ) throws(PipelineFailure) {
    keys.removeAll(keepingCapacity: true)
    asked.removeAll(keepingCapacity: true)
    for open in engine.plan.open {
      var index = engine.plan.sessions[Int(open)].first
      var isAsked = false
      while index >= 0 {
        let entry = engine.plan[Int(index)]
        // One that only rebuilds state and is there already asks for nothing.
        if entry.isRedelivered && !entry.isStateOnly {
          if !isAsked { keys.append(batch.events[Int(index)].session) }
          isAsked = true
          asked.append(index)
        }
        index = engine.plan[Int(index)].next
      }
    }
    guard !asked.isEmpty else { return }
    try read(batch)
    var session = -1
    var slot: Int32 = -1
    for index in asked {
      if engine.plan[Int(index)].slot != slot {
        session += 1
        slot = engine.plan[Int(index)].slot
      }
      engine.predictAgain(
        batch.events[Int(index)], at: Int(index), session: session, of: readout, into: &output)
    }
  }

  /// Says which of the open sessions' predictions are published, and encodes, in the order of their events, those and the ones that
  /// are stored.
  private mutating func encode(_ batch: borrowing EventBatch, into output: inout PredictionBatch) {
    encoder.begin()
    let latestOnly = engine.options.publishesLatestOnly
    for open in engine.plan.open {
      let session = engine.plan.sessions[Int(open)]
      var index = session.first
      while index >= 0 {
        let entry = engine.plan[Int(index)]
        let place = engine.plan.place(of: Int(index))
        let isPublished = !entry.isStateOnly && (!latestOnly || index == session.lastLive)
        output.predictions[place].isPublished = isPublished
        if isPublished || index == session.lastNew {
          let first = output.bytes.count
          encoder.encode(
            output.predictions[place], items: output.items, of: batch.events[Int(index)], eventBytes: batch.bytes,
            into: &output.bytes)
          output.predictions[place].encoded = ByteRange(start: first, count: output.bytes.count - first)
        }
        index = entry.next
      }
    }
  }

  /// One append a session that has new events.
  private mutating func makeAppends(_ batch: borrowing EventBatch, _ output: borrowing PredictionBatch) {
    appends.removeAll()
    for open in engine.plan.open {
      let session = engine.plan.sessions[Int(open)]
      guard session.lastNew >= 0 else { continue }
      let first = appends.events.count
      var index = session.first
      while index >= 0 {
        let entry = engine.plan[Int(index)]
        if !entry.isRedelivered {
          let event = batch.events[Int(index)]
          let item = appends.bytes.appendBytes(event.item, of: batch.bytes)
          appends.events.append(
            StoredEvent(
              number: entry.number, ordinal: entry.ordinal, origin: event.origin, time: event.time, item: item))
        }
        index = entry.next
      }
      let prediction = output.predictions[engine.plan.place(of: Int(session.lastNew))].encoded
      appends.sessions.append(
        SessionAppend(
          session: appends.bytes.appendBytes(batch.events[Int(session.first)].session, of: batch.bytes),
          expected: session.expected, events: first..<appends.events.count,
          prediction: appends.bytes.appendBytes(prediction, of: output.bytes),
          greatestTime: engine.cache[Int(session.slot)].greatestTime))
    }
    appends.partitions.append(contentsOf: partitions)
  }

  /// Closes the sessions whose append was stored; rebuilds the others from what the store holds.
  private mutating func settle() {
    var place = 0
    var kept = 0
    for position in 0..<engine.plan.open.count {
      let open = engine.plan.open[position]
      let session = engine.plan.sessions[Int(open)]
      guard session.lastNew >= 0 else { continue }
      if case .conflict(let stored) = outcomes.outcomes[place] {
        engine.counters.conflicts += 1
        engine.load(slot: Int(session.slot), stored, of: outcomes.readout)
        engine.plan.open[kept] = open
        kept += 1
      }
      place += 1
    }
    engine.plan.open.removeLast(engine.plan.open.count - kept)
  }
}
