private import Foundation

/// Draws items that are to be told from the target: with probability ∝ clicks^α, independently and with repetition.
///
/// By the alias method (Walker, "An efficient method for generating discrete random variables with general distributions", 1977; built as
/// Vose, "A linear algorithm for generating random numbers with a given distribution", 1991): an item costs two random numbers, whatever the
/// size of the catalogue.
struct NegativeSampler: Sendable {
  /// Number of items, V.
  let items: Int
  /// For each item, the probability of its own row of the table; empty where all items are alike.
  private let thresholds: [Double]
  /// For each item, what is drawn otherwise.
  private let aliases: [Int32]
  /// For each item, log Q; empty where all items are alike.
  private let logProbabilities: [Double]

  /// All of `items` with equal probability.
  init(uniform items: Int) {
    precondition(items > 0)
    self.items = items
    (thresholds, aliases, logProbabilities) = ([], [], [])
  }

  /// Item `i` with probability ∝ `clicks[i]`^α. Items without a click count as if they had one, so that they can be drawn too.
  init(clicks: [Int], alpha: Double) {
    precondition(!clicks.isEmpty && alpha.isFinite)
    items = clicks.count
    guard alpha != 0 else {
      (thresholds, aliases, logProbabilities) = ([], [], [])
      return
    }
    let weights = clicks.map { pow(Double(max($0, 1)), alpha) }
    let total = weights.reduce(0, +)
    logProbabilities = weights.map { log($0 / total) }
    // Each item's share of a table with one row an item: rows that it doesn't fill are filled up by items that have more than one.
    var shares = weights.map { $0 / total * Double(clicks.count) }
    var aliases = (0..<Int32(clicks.count)).map { $0 }
    var small = shares.indices.filter { shares[$0] < 1 }
    var large = shares.indices.filter { shares[$0] >= 1 }
    while let low = small.popLast(), let high = large.last {
      aliases[low] = Int32(high)
      shares[high] -= 1 - shares[low]
      if shares[high] < 1 { small.append(large.removeLast()) }
    }
    // Whatever is left has a share of 1 but for rounding: its alias is itself.
    self.aliases = aliases
    thresholds = shares
  }

  /// Bytes of its tables.
  var byteCount: Int { thresholds.count * 8 + aliases.count * 4 + logProbabilities.count * 8 }

  /// The logarithm of the probability of `item`.
  func logProbability(_ item: Int32) -> Double {
    logProbabilities.isEmpty ? -log(Double(items)) : logProbabilities[Int(item)]
  }

  /// Appends `count` items to `negatives`.
  func draw(_ count: Int, into negatives: inout [Int32], _ random: inout RandomStream) {
    for _ in 0..<count { negatives.append(draw(&random)) }
  }

  private func draw(_ random: inout RandomStream) -> Int32 {
    let row = random.below(items)
    guard !thresholds.isEmpty else { return Int32(row) }
    return random.uniform() < thresholds[row] ? Int32(row) : aliases[row]
  }
}
