public import Events
private import Foundation

/// Prequential evaluation: each click is held against the prediction that was published before it in the same visit.
///
/// Memory is bounded: the latest twenty items of each open session, the least recently seen of which makes room.
public struct Evaluator: Sendable {
  /// Longest list that is looked at.
  public static let depth = 20

  private let name: String
  private let options: EvaluationOptions
  private let catalogue: Int
  private var sessions: OpenSessions
  /// By slot: the latest list, `depth` items, filled up with unknown ones.
  private var lists: [ItemIndex] = []
  /// By slot: rank of the latest click in the list before it, where only the last one counts.
  private var pending: [Rank] = []
  /// By item: the best rank that it was recommended at; 0 for never.
  private var bestRanks: [UInt8]
  /// By rank, from 1: targets found there.
  private var hits = [Int](repeating: 0, count: Evaluator.depth + 1)
  private var targets = 0
  private var unknownTargets = 0

  /// Where a target stood.
  private enum Rank: Sendable {
    case none
    case at(UInt8)
    case missed
    case unknown
  }

  /// An evaluation of what is called `name`, with a catalogue of `catalogue` items.
  public init(name: String, catalogue: Int, options: EvaluationOptions = EvaluationOptions()) {
    self.name = name
    self.options = options
    self.catalogue = catalogue
    sessions = OpenSessions(capacity: options.openSessions, idleTimeout: options.idleTimeout)
    bestRanks = [UInt8](repeating: 0, count: catalogue)
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
    let first = visit.slot * Self.depth
    if visit.slot == pending.count {
      pending.append(.none)
      lists.append(contentsOf: repeatElement(.unknown, count: Self.depth))
    } else if visit.begins {
      count(pending[visit.slot])
      pending[visit.slot] = .none
    } else {
      let rank = rank(of: target, in: first..<first + Self.depth)
      switch options.targets {
      case .all: count(rank)
      case .last: pending[visit.slot] = rank
      }
    }
    for place in 0..<Self.depth {
      let item = place < predicted.count ? predicted[place] : .unknown
      lists[first + place] = item
      if item >= 0, bestRanks[Int(item)] == 0 || Int(bestRanks[Int(item)]) > place + 1 {
        bestRanks[Int(item)] = UInt8(place + 1)
      }
    }
  }

  /// Ends all visits and says what was measured.
  public mutating func finish() -> EvaluationReport.Row {
    for slot in pending.indices {
      count(pending[slot])
      pending[slot] = .none
    }
    return EvaluationReport.Row(
      name: name, targets: targets, unknownTargets: unknownTargets, evictedSessions: sessions.evicted,
      metrics: EvaluationReport.lengths.map(metrics))
  }

  private func rank(of target: ItemIndex, in range: Range<Int>) -> Rank {
    guard target >= 0 else { return .unknown }
    for index in range where lists[index] == target { return .at(UInt8(index - range.lowerBound + 1)) }
    return .missed
  }

  private mutating func count(_ rank: Rank) {
    switch rank {
    case .none: return
    case .at(let rank): hits[Int(rank)] += 1
    case .missed: break
    case .unknown: unknownTargets += 1
    }
    targets += 1
  }

  private func metrics(at length: Int) -> EvaluationReport.AtLength {
    var found = 0
    var reciprocal = 0.0
    var gain = 0.0
    for rank in 1...length {
      found += hits[rank]
      reciprocal += Double(hits[rank]) / Double(rank)
      gain += Double(hits[rank]) / log2(Double(rank + 1))
    }
    let whole = Double(max(1, targets))
    let covered = bestRanks.count { $0 > 0 && Int($0) <= length }
    return EvaluationReport.AtLength(
      k: length, hitRate: Double(found) / whole, mrr: reciprocal / whole, ndcg: gain / whole, map: reciprocal / whole,
      coverage: Double(covered) / Double(max(1, catalogue)))
  }
}
