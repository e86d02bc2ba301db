import Events
import Sequential

/// A worker's sessions and its arithmetic: applies events to sessions, encodes them in waves, ranks the catalogue. Knows no server.
struct Engine: ~Copyable {
  let model: SequentialModel
  let options: PipelineOptions
  let encoder: any SequenceEncoder
  var cache: SessionCache
  var plan = BatchPlan()
  var counters = PipelineCounters()
  /// Nanoseconds of compute (encode and rank) for each event: its wave's time, shared equally among the wave's events.
  var computeTimes = Histogram()

  /// Sessions that one batch may hold, so that all their memories fit the budget together.
  let sessionsPerBatch: Int
  /// The first session that was seen to have clicks on several partitions.
  var scattered: String?
  /// Number of the commit that ``SessionCache/Slot/uncommitted`` counts from.
  private var commitNumber: Int64 = 0
  /// Most uncommitted records that a session forgotten since that commit had.
  private var forgottenUncommitted: Int32 = 0
  private var batchNumber: Int64 = 0
  var wave = Wave()
  /// Event of each sequence of the wave.
  var waveEvents: [Int32] = []
  var hidden: AlignedBuffer<Float>
  var scratch: TopKScratch
  var exclusions: Exclusions
  var results: [TopKResult] = []
  var excludedItems: [ItemIndex] = []
  /// The slot of the encoder for windows that are encoded once and forgotten.
  let spareSlot: Int

  init(_ model: SequentialModel, _ options: PipelineOptions) throws(PipelineFailure) {
    self.model = model
    self.options = options
    let maxLength = model.configuration.maxLength
    // The encoder's own numbers come from a small one; pages are what a session costs at least.
    let layout = model.makeEncoder(slots: 1, budget: 0, keysValues: options.keysValues).layout
    let items = options.exclude == .seen ? max(maxLength, min(options.seenEvents, Limits.exclusions)) : maxLength
    let slotBytes = SessionCache.slotBytes(itemsPerSession: items) + layout.pagesPerSession * 4
    let longest = layout.bytes(for: maxLength)
    let capacity = (options.cacheBytes - longest) / (slotBytes + layout.bytes(for: 1))
    guard capacity > 0 else {
      throw .cacheTooSmall(bytes: options.cacheBytes, needed: 2 * longest + slotBytes)
    }
    let pageBudget = options.cacheBytes - capacity * slotBytes
    let fitting = longest == 0 ? Limits.batchEvents : pageBudget / longest - 1
    guard fitting > 0 else { throw .cacheTooSmall(bytes: options.cacheBytes, needed: 2 * longest + slotBytes) }
    sessionsPerBatch = min(Limits.batchEvents, fitting, capacity)
    cache = SessionCache(capacity: capacity, itemsPerSession: items)
    spareSlot = capacity
    encoder = model.makeEncoder(slots: capacity + 1, budget: pageBudget, keysValues: options.keysValues)
    hidden = AlignedBuffer(count: Limits.batchEvents * encoder.hiddenSize, repeating: 0)
    scratch = model.catalogue.makeScratch(maximumBatch: Limits.batchEvents, maximumK: options.topK)
    exclusions = Exclusions(blocked: options.blocked)
  }

  // MARK: Sessions

  /// Takes events of `batch` from `start` on, as many as may be worked on together, and finds their sessions. The plan says which must be read
  /// from the store. Takes none where the first event's session has as many uncommitted records as it may have.
  mutating func admit(_ batch: borrowing EventBatch, from start: Int, predictionsFrom base: Int) {
    plan.begin(at: start)
    plan.base = base
    batchNumber += 1
    for index in start..<batch.events.count {
      guard admit(batch.events[index], at: index, bytes: batch.bytes) else { return }
      plan.end = index + 1
    }
  }

  private mutating func admit(_ event: Event, at index: Int, bytes: [UInt8]) -> Bool {
    if let slot = cache.find(event.session, of: bytes) {
      let isNew = cache[slot].batch != batchNumber
      if isNew, plan.sessions.count == sessionsPerBatch { return false }
      guard event.isStateOnly || countUncommitted(slot) else { return false }
      if isNew {
        counters.cacheHits += 1
        cache[slot].batch = batchNumber
        addSession(slot, at: index, isMissing: false)
      } else {
        let session = Int(cache[slot].session)
        plan[Int(plan.sessions[session].last)].next = Int32(index)
        plan.sessions[session].last = Int32(index)
      }
      plan.entries.append(BatchPlan.Entry(slot: Int32(slot), isStateOnly: event.isStateOnly))
      return true
    }
    guard plan.sessions.count < sessionsPerBatch else { return false }
    var victim: (slot: Int, state: SessionCache.Slot)?
    guard let slot = cache.insert(event.session, of: bytes, batch: batchNumber, forget: { victim = ($0, $1) }) else {
      return false
    }
    if let victim { forget(victim.slot, victim.state) }
    counters.cacheMisses += 1
    // It may be one of those forgotten since the last commit, with as many uncommitted records as any of them had.
    cache[slot].commitNumber = commitNumber
    cache[slot].uncommitted = forgottenUncommitted
    guard event.isStateOnly || countUncommitted(slot) else {
      cache.remove(slot)
      return false
    }
    addSession(slot, at: index, isMissing: true)
    plan.entries.append(BatchPlan.Entry(slot: Int32(slot), isStateOnly: event.isStateOnly))
    return true
  }

  private mutating func addSession(_ slot: Int, at index: Int, isMissing: Bool) {
    cache[slot].session = Int32(plan.sessions.count)
    plan.open.append(Int32(plan.sessions.count))
    plan.sessions.append(
      BatchPlan.Session(slot: Int32(slot), first: Int32(index), last: Int32(index), isMissing: isMissing))
  }

  /// Gives back what the encoder holds of a session that the cache forgot to make room.
  mutating func forget(_ slot: Int, _ state: SessionCache.Slot) {
    counters.evictions += 1
    release(slot, state)
  }

  /// Gives back what the encoder holds, and keeps in mind how many uncommitted records the session has.
  private mutating func release(_ slot: Int, _ state: SessionCache.Slot) {
    encoder.release(slot: slot)
    if state.commitNumber == commitNumber { forgottenUncommitted = max(forgottenUncommitted, state.uncommitted) }
  }

  /// Everything so far is committed: sessions may apply records again.
  mutating func noteCommit() {
    commitNumber += 1
    forgottenUncommitted = 0
  }

  /// False where the session's records must be committed before another is applied.
  private mutating func countUncommitted(_ slot: Int) -> Bool {
    if cache[slot].commitNumber != commitNumber {
      cache[slot].commitNumber = commitNumber
      cache[slot].uncommitted = 0
    }
    guard cache[slot].uncommitted < Int32(Limits.uncommittedPerSession) else { return false }
    cache[slot].uncommitted += 1
    return true
  }

  /// Makes `slot` what the store holds of its session; the encoder's memory is void.
  mutating func load(slot: Int, _ index: Int, of readout: borrowing SessionReadout) {
    encoder.release(slot: slot)
    cache.clear(slot)
    let stored = readout.sessions[index]
    for mark in readout.marks[stored.marks] { cache.raiseMark(slot: slot, mark) }
    guard let last = readout.events[stored.events].last else { return }
    cache[slot].number = last.number
    cache[slot].ordinal = last.ordinal
    cache[slot].greatestTime = stored.greatestTime
    let oldest = max(1, last.ordinal - Int64(cache.itemsPerSession) + 1)
    for ordinal in oldest...last.ordinal { cache.setItem(.unknown, slot: slot, ordinal: ordinal) }
    for event in readout.events[stored.events].reversed() {
      // The stored list goes on behind the visit's beginning; the visit's events count down to 1.
      let expected = last.ordinal - (last.number - event.number)
      guard event.ordinal == expected, event.ordinal >= oldest else { break }
      let bytes = readout.bytes.span
      cache.setItem(
        model.vocabulary.index(of: bytes.extracting(event.item.indices)), slot: slot, ordinal: event.ordinal)
    }
  }

  /// Forgets every session of the plan: what RAM holds of them may not be what is stored.
  mutating func abandon() {
    for session in plan.sessions {
      release(Int(session.slot), cache[Int(session.slot)])
      cache.remove(Int(session.slot))
    }
    plan.begin(at: plan.start)
  }

  /// Forgets every session that has clicks on one of `partitions`: another worker may go on with it. Looks at all sessions.
  mutating func forget(partitions: [Int32]) {
    for slot in cache.slots.indices where cache.slots[slot].idCount > 0 {
      guard partitions.contains(where: { cache.mark(slot: slot, partition: $0) >= 0 }) else { continue }
      release(slot, cache[slot])
      cache.remove(slot)
    }
  }

  /// Forgets every session. What was not committed comes again, and is counted as uncommitted then.
  mutating func forgetAll() {
    for slot in cache.slots.indices where cache.slots[slot].idCount > 0 {
      encoder.release(slot: slot)
      cache.remove(slot)
    }
    plan.begin(at: plan.start)
    noteCommit()
  }
}
