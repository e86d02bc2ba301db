import Events
import Sequential

extension Engine {
  /// Predicts for a record that had been applied before what it got, or would have got, the first time: from the stored sequence as it
  /// was then. `session` is the session's place in `readout`.
  mutating func predictAgain(
    _ event: Event, at index: Int, session: Int, of readout: borrowing SessionReadout,
    into output: inout PredictionBatch
  ) {
    counters.redelivered += 1
    let stored = readout.events[readout.sessions[session].events]
    guard let place = stored.lastIndex(where: { $0.origin == event.origin }),
      let known = encodeWindow(endingAt: place, of: stored, bytes: readout.bytes)
    else {
      counters.beyondHistory += 1
      output.predictions[plan.place(of: index)] = Prediction(
        event: index, firstItem: 0, itemCount: 0, status: .beyondHistory, isRedelivered: true)
      return
    }
    guard known > 0 else {
      output.predictions[plan.place(of: index)] = Prediction(
        event: index, firstItem: 0, itemCount: 0, status: .noKnownItems, isRedelivered: true)
      return
    }
    waveEvents.removeAll(keepingCapacity: true)
    waveEvents.append(Int32(index))
    predict(into: &output, isRedelivered: true)
    encoder.release(slot: spareSlot)
  }

  /// Puts the window of the stored event at `place` into the wave, in the spare slot, and its exclusions beside it. Returns its known items; nil
  /// where the list no longer holds all of it.
  private mutating func encodeWindow(endingAt place: Int, of stored: ArraySlice<StoredEvent>, bytes: [UInt8]) -> Int? {
    let ordinal = stored[place].ordinal
    let span = bytes.span
    func item(_ index: Int) -> ItemIndex { model.vocabulary.index(of: span.extracting(stored[index].item.indices)) }
    let first = place - model.windowRule.length(at: ordinal) + 1
    guard first >= stored.startIndex else { return nil }
    var known: [ItemIndex] = []
    for index in first...place where item(index) != .unknown { known.append(item(index)) }
    exclusions.removeAll()
    excludedItems.removeAll(keepingCapacity: true)
    switch options.exclude {
    case .none: break
    case .last: excludedItems.append(item(place))
    case .seen:
      let seen = place - Int(min(ordinal, Int64(cache.itemsPerSession))) + 1
      guard seen >= stored.startIndex else { return nil }
      for index in seen...place { excludedItems.append(item(index)) }
    }
    let excluded = excludedItems
    exclusions.append(excluded.span)
    wave.removeAll()
    guard !known.isEmpty else { return 0 }
    reserve(slot: spareSlot, positions: known.count)
    wave.begin(slot: spareSlot, at: 0)
    for item in known { wave.append(item) }
    return known.count
  }
}
