public import Events

/// Prequential evaluation: each click is held against the prediction that was published before it in the same visit.
///
/// Memory is bounded: the latest twenty items of each open session (where only last clicks count the twenty before them, too), the least recently seen of
/// which makes room.
public struct Evaluator: Sendable {
  /// Longest list that is looked at.
  public static let depth = EvaluationTally.depth

  private let name: String
  private let targets: EvaluationTargets
  private var sessions: OpenSessions
  private var tally: EvaluationTally
  /// By slot: the latest list, `depth` items, filled up with unknown ones.
  private var lists: [ItemIndex] = []
  /// By slot, where only the last click counts: the latest click, nil for the first of its visit, and the list that it is held against.
  private var pending: [ItemIndex?] = []
  private var held: [ItemIndex] = []

  /// An evaluation of what is called `name`, with a catalogue of `catalogue` items.
  public init(name: String, catalogue: Int, options: EvaluationOptions = EvaluationOptions()) {
    self.name = name
    targets = options.targets
    sessions = OpenSessions(capacity: options.openSessions, idleTimeout: options.idleTimeout)
    tally = EvaluationTally(catalogue: catalogue)
  }

  /// Takes a batch with the predictions that were made for it. Redelivered ones are passed over: they were seen before.
  public mutating func observe(
    _ batch: borrowing EventBatch, _ predictions: borrowing PredictionBatch, vocabulary: Vocabulary
  ) {
    var list: [ItemIndex] = []
    list.reserveCapacity(Self.depth)
    for prediction in predictions.predictions where !prediction.isRedelivered {
      let event = batch.events[Int(prediction.event)]
      list.removeAll(keepingCapacity: true)
      for index in prediction.itemIndices.prefix(Self.depth) { list.append(predictions.items[index].item) }
      let bytes = batch.bytes.span
      let target = vocabulary.index(of: bytes.extracting(event.item.indices))
      observe(session: bytes.extracting(event.session.indices), time: event.time, target: target, predicted: list)
    }
  }

  /// Takes one click: `target` is its item in the catalogue, `predicted` the list published after it, best first.
  public mutating func observe(session: Span<UInt8>, time: EventTime, target: ItemIndex, predicted: [ItemIndex]) {
    let visit = sessions.visit(session, at: time)
    let places = visit.slot * Self.depth..<(visit.slot + 1) * Self.depth
    if places.lowerBound == lists.count {
      lists.append(contentsOf: repeatElement(.unknown, count: Self.depth))
      if targets == .last {
        pending.append(nil)
        held.append(contentsOf: repeatElement(.unknown, count: Self.depth))
      }
    }
    switch targets {
    case .all:
      if !visit.begins { tally.count(target, in: lists[places]) }
      tally.cover(predicted[...])
    case .last:
      if visit.begins {
        settle(visit.slot)
      } else {
        pending[visit.slot] = target
        for place in places { held[place] = lists[place] }
      }
    }
    for (index, place) in places.enumerated() { lists[place] = index < predicted.count ? predicted[index] : .unknown }
  }

  /// Ends all visits and says what was measured.
  public mutating func finish() -> EvaluationReport.Row {
    for slot in pending.indices { settle(slot) }
    return tally.row(name: name, evicted: sessions.evicted)
  }

  /// Counts the last click of a visit that ended.
  private mutating func settle(_ slot: Int) {
    guard let target = pending[slot] else { return }
    let list = held[slot * Self.depth..<(slot + 1) * Self.depth]
    tally.count(target, in: list)
    tally.cover(list)
    pending[slot] = nil
  }
}
