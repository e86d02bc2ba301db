private import Foundation

/// What a ranking of all items reached on what was held out. One item is right for each target; a target beyond the list, or one that the
/// catalogue lacks, counts 0.
public struct RankingQuality: Codable, Sendable, Equatable {
  /// Lengths of lists that are reported.
  public static let lengths = [1, 5, 10, 20]

  /// Means over targets for lists of one length.
  public struct AtLength: Codable, Sendable, Equatable {
    /// Length of the lists.
    public var k: Int
    /// Share of the targets that stand in the list.
    public var hitRate: Double
    /// Mean of 1 / rank.
    public var mrr: Double
    /// Mean of 1 / log₂(rank + 1).
    public var ndcg: Double
  }

  /// The targets that were predicted from as many events.
  public struct AtPosition: Codable, Sendable, Equatable {
    /// Fewest events of the session before the target.
    public var first: Int
    /// Most of them; nil where there is no limit.
    public var last: Int?
    /// Targets.
    public var targets: Int
    /// Share of them in a list of 20.
    public var hitRate20: Double
    /// Mean of 1 / rank in a list of 20.
    public var mrr20: Double

    /// The bucket's name: `5-9`.
    public var name: String {
      guard let last else { return "\(first)+" }
      return first == last ? "\(first)" : "\(first)-\(last)"
    }
  }

  /// Where buckets of positions begin.
  static let positions = [1, 2, 3, 4, 5, 10, 20, 50, 100]

  /// Targets.
  public var targets: Int
  /// Those among them whose item the catalogue lacks.
  public var unknownTargets: Int
  /// By length, ascending.
  public var lists: [AtLength]
  /// By position in the session, those with a target.
  public var positions: [AtPosition]

  /// HR@k; 0 for a k that is not reported.
  public func hitRate(_ k: Int) -> Double { lists.first { $0.k == k }?.hitRate ?? 0 }
  /// MRR@k; 0 for a k that is not reported.
  public func mrr(_ k: Int) -> Double { lists.first { $0.k == k }?.mrr ?? 0 }
  /// NDCG@k; 0 for a k that is not reported.
  public func ndcg(_ k: Int) -> Double { lists.first { $0.k == k }?.ndcg ?? 0 }

  /// The quality of `ranks`, from 1, 0 being a miss; `events` are those before each target.
  init(ranks: [Int32], events: [Int32], unknownTargets: Int) {
    precondition(ranks.count == events.count)
    targets = ranks.count
    self.unknownTargets = unknownTargets
    let whole = Double(max(1, ranks.count))
    lists = RankingQuality.lengths.map { k in
      let hits = ranks.filter { $0 > 0 && Int($0) <= k }
      return AtLength(
        k: k, hitRate: Double(hits.count) / whole, mrr: hits.reduce(0) { $0 + 1 / Double($1) } / whole,
        ndcg: hits.reduce(0) { $0 + 1 / log2(Double($1) + 1) } / whole)
    }
    let firsts = RankingQuality.positions
    positions = firsts.indices.compactMap { bucket in
      let last = bucket + 1 < firsts.count ? firsts[bucket + 1] - 1 : nil
      let range = firsts[bucket]...(last ?? Int.max)
      let found = ranks.indices.filter { range.contains(Int(events[$0])) }.map { ranks[$0] }
      guard !found.isEmpty else { return nil }
      let hits = found.filter { $0 > 0 && $0 <= 20 }
      return AtPosition(
        first: firsts[bucket], last: last, targets: found.count, hitRate20: Double(hits.count) / Double(found.count),
        mrr20: hits.reduce(0) { $0 + 1 / Double($1) } / Double(found.count))
    }
  }
}
