import Events
import Sequential

extension Engine {
  /// Says of each event of the open sessions whether it was applied before, and in which wave it goes. Nothing is applied yet.
  mutating func classify(_ batch: borrowing EventBatch) {
    plan.depths = 0
    for open in plan.open {
      let session = Int(open)
      let slot = Int(plan.sessions[session].slot)
      plan.sessions[session].expected = cache[slot].number
      plan.sessions[session].lastNew = -1
      var depth: Int32 = 0
      var index = plan.sessions[session].first
      while index >= 0 {
        let origin = batch.events[Int(index)].origin
        if options.detectsRedelivery, origin.offset <= cache.mark(slot: slot, partition: origin.partition) {
          plan[Int(index)].isRedelivered = true
          plan[Int(index)].depth = -1
        } else {
          plan[Int(index)].isRedelivered = false
          plan[Int(index)].depth = depth
          plan.sessions[session].lastNew = index
          depth += 1
          if options.detectsRedelivery { raiseMark(slot: slot, origin, batch) }
        }
        if !plan[Int(index)].isStateOnly { plan.sessions[session].lastLive = index }
        index = plan[Int(index)].next
      }
      plan.depths = max(plan.depths, Int(depth))
    }
  }

  private mutating func raiseMark(slot: Int, _ origin: Origin, _ batch: borrowing EventBatch) {
    let isFurther = cache[slot].markCount == 1 && cache.mark(slot: slot, partition: origin.partition) < 0
    cache.raiseMark(slot: slot, Mark(partition: origin.partition, offset: origin.offset))
    guard isFurther else { return }
    counters.severalPartitions += 1
    if scattered == nil {
      let session = plan.sessions[Int(cache[slot].session)].first
      scattered = batch.bytes.text(batch.events[Int(session)].session)
    }
  }

  /// Applies the open sessions' events and predicts after each: wave by wave, one event a session in each.
  mutating func runWaves(_ batch: borrowing EventBatch, into output: inout PredictionBatch) {
    for depth in 0..<plan.depths {
      wave.removeAll()
      waveEvents.removeAll(keepingCapacity: true)
      exclusions.removeAll()
      for open in plan.open {
        var index = plan.sessions[Int(open)].first
        while index >= 0, plan[Int(index)].depth != Int32(depth) { index = plan[Int(index)].next }
        if index >= 0 { apply(batch.events[Int(index)], at: Int(index), bytes: batch.bytes, into: &output) }
      }
      predict(into: &output)
    }
  }

  /// Applies one event to its session and puts what must be encoded into the wave.
  private mutating func apply(_ event: Event, at index: Int, bytes: [UInt8], into output: inout PredictionBatch) {
    let slot = Int(plan[index].slot)
    let ordinal = options.rules.ordinal(of: event.time, after: cache[slot].ordinal, greatest: cache[slot].greatestTime)
    let span = bytes.span
    let item = model.vocabulary.index(of: span.extracting(event.item.indices))
    cache.setItem(item, slot: slot, ordinal: ordinal)
    cache[slot].number += 1
    cache[slot].ordinal = ordinal
    cache[slot].greatestTime = max(cache[slot].greatestTime, event.time)
    plan[index].number = cache[slot].number
    plan[index].ordinal = ordinal
    if ordinal == 1 { counters.visits += 1 }
    if item == .unknown { counters.unknownItems += 1 }
    if event.isStateOnly { counters.rebuilt += 1 }
    let known = beginSequence(slot: slot, ordinal: ordinal, item: item)
    cache[slot].known = Int32(known)
    guard known > 0 else {
      counters.noKnownItems += 1
      output.predictions[plan.place(of: index)] = Prediction(
        event: index, firstItem: 0, itemCount: 0, status: .noKnownItems)
      return
    }
    waveEvents.append(Int32(index))
    exclude(slot: slot, ordinal: ordinal, item: item)
  }

  /// Adds to the wave what the window after the event needs: a step where it grew by a known item, else the whole window. Returns
  /// the known items of the window.
  private mutating func beginSequence(slot: Int, ordinal: Int64, item: ItemIndex) -> Int {
    if ordinal == 1 { cache[slot].known = 0 }
    if let held = cache[slot].known, item != .unknown, model.windowRule.grows(at: ordinal) {
      let known = Int(held) + 1
      reserve(slot: slot, positions: known)
      wave.begin(slot: slot, at: known - 1)
      wave.append(item)
      counters.steps += 1
      return known
    }
    let length = Int64(model.windowRule.length(at: ordinal))
    let window = ordinal - length + 1...ordinal
    var known = 0
    for ordinal in window where cache.item(slot: slot, ordinal: ordinal) != .unknown { known += 1 }
    encoder.release(slot: slot)
    guard known > 0 else { return 0 }
    reserve(slot: slot, positions: known)
    wave.begin(slot: slot, at: 0)
    for ordinal in window {
      let item = cache.item(slot: slot, ordinal: ordinal)
      if item != .unknown { wave.append(item) }
    }
    counters.prefills += 1
    return known
  }

  /// Makes room for a window, at the cost of the sessions that were used the longest time ago.
  mutating func reserve(slot: Int, positions: Int) {
    while !encoder.reserve(slot: slot, positions: positions) {
      guard let victim = cache.evict(exceptBatchOf: slot == spareSlot ? Int(plan.sessions[0].slot) : slot) else {
        preconditionFailure("a batch's sessions fit the budget together: sessionsPerBatch sees to it")
      }
      forget(victim, cache[victim])
    }
  }

  /// The next query's exclusion list.
  private mutating func exclude(slot: Int, ordinal: Int64, item: ItemIndex) {
    excludedItems.removeAll(keepingCapacity: true)
    switch options.exclude {
    case .none: break
    case .last: excludedItems.append(item)
    case .seen:
      for ordinal in max(1, ordinal - Int64(cache.itemsPerSession) + 1)...ordinal {
        excludedItems.append(cache.item(slot: slot, ordinal: ordinal))
      }
    }
    let excluded = excludedItems
    exclusions.append(excluded.span)
  }

  /// Encodes the wave, ranks the catalogue for each sequence, and writes the predictions of its events.
  mutating func predict(into output: inout PredictionBatch, isRedelivered: Bool = false) {
    guard wave.count > 0 else { return }
    let began = ContinuousClock.now
    encoder.encode(wave, into: &hidden)
    results.removeAll(keepingCapacity: true)
    model.catalogue.topK(
      hidden, count: wave.count, k: options.topK, exclusions: exclusions, scratch: &scratch, items: &output.items,
      results: &results)
    let (seconds, attoseconds) = (ContinuousClock.now - began).components
    let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    computeTimes.record(nanoseconds / wave.count, times: wave.count)
    for (row, event) in waveEvents.enumerated() {
      let isFinite = results[row].status == .ranked
      if !isFinite { counters.notFinite += 1 }
      output.predictions[plan.place(of: Int(event))] = Prediction(
        event: Int(event), firstItem: Int(results[row].firstItem), itemCount: Int(results[row].itemCount),
        status: isFinite ? .predicted : .notFinite, isRedelivered: isRedelivered)
    }
  }
}
