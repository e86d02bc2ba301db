import Events
private import Foundation

/// Counts at which ranks targets stood in their lists, and which items stood in lists at all. About a byte an item of the catalogue.
struct EvaluationTally: Sendable {
  /// Longest list that is looked at.
  static let depth = 20

  private let catalogue: Int
  /// By item: the best rank that it was recommended at; 0 for never.
  private var bestRanks: [UInt8]
  /// By rank, from 1: targets found there.
  private var hits = [Int](repeating: 0, count: EvaluationTally.depth + 1)
  private var targets = 0
  private var unknownTargets = 0

  /// Nothing counted yet, with a catalogue of `catalogue` items.
  init(catalogue: Int) {
    self.catalogue = catalogue
    bestRanks = [UInt8](repeating: 0, count: catalogue)
  }

  /// Counts a target with the list that it is held against, best first. An unknown one is a miss.
  mutating func count(_ target: ItemIndex, in list: ArraySlice<ItemIndex>) {
    targets += 1
    if target < 0 {
      unknownTargets += 1
    } else if let place = list.prefix(Self.depth).firstIndex(of: target) {
      hits[place - list.startIndex + 1] += 1
    }
  }

  /// Takes a list into the coverage. Unknown items, which short lists are filled up with, are passed over.
  mutating func cover(_ list: ArraySlice<ItemIndex>) {
    for (rank, item) in zip(1...Self.depth, list) where item >= 0 {
      if bestRanks[Int(item)] == 0 || Int(bestRanks[Int(item)]) > rank { bestRanks[Int(item)] = UInt8(rank) }
    }
  }

  /// What was measured of what is called `name`, `evicted` sessions of which had to make room.
  func row(name: String, evicted: Int) -> EvaluationReport.Row {
    EvaluationReport.Row(
      name: name, targets: targets, unknownTargets: unknownTargets, evictedSessions: evicted,
      metrics: EvaluationReport.lengths.map(metrics))
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
