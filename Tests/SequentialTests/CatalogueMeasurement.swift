import Dispatch
import Events
import Foundation
import Testing

@testable import Sequential

/// Queries a second, printed: `INTENTD_MEASURE=catalogue swift test -c release --filter CatalogueMeasurement`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["INTENTD_MEASURE"] == "catalogue"), .serialized)
struct CatalogueMeasurement {
  /// Best of `rounds` of the queries a second of `threads` workers, each with batches of `batch` of its own; and the
  /// counters.
  static func queriesPerSecond(
    _ catalogue: Catalogue, batch: Int, threads: Int, rounds: Int
  ) -> (best: Double, counters: TopKCounters) {
    let repeats = max(1, 4_000_000 / (catalogue.count * batch))
    let bests = (0..<threads).map { _ in Box() }
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
      var numbers = Numbers(UInt64(thread + 77))
      var queries = AlignedBuffer<Float>(count: 256 * catalogue.width, repeating: 0)
      for index in 0..<queries.count { queries[index] = numbers.normal() }
      var scratch = catalogue.makeScratch(maximumBatch: batch, maximumK: 20)
      var exclusions = Exclusions()
      for _ in 0..<batch { exclusions.append([1, 2, 3, 4, 5, 6, 7, 8].span) }
      var items: [ScoredItem] = []
      var results: [TopKResult] = []
      var part = AlignedBuffer<Float>(count: batch * catalogue.width, repeating: 0)
      var next = 0
      for _ in 0..<rounds {
        let start = ContinuousClock.now
        for _ in 0..<repeats {
          for index in 0..<part.count { part[index] = queries[(next + index) % queries.count] }
          next = (next + part.count) % queries.count
          items.removeAll(keepingCapacity: true)
          results.removeAll(keepingCapacity: true)
          catalogue.topK(
            part, count: batch, k: 20, exclusions: exclusions, scratch: &scratch, items: &items, results: &results)
        }
        let time = (ContinuousClock.now - start) / .seconds(1)
        bests[thread].best = max(bests[thread].best, Double(repeats * batch) / time)
      }
      bests[thread].counters = scratch.counters
    }
    return (bests.map(\.best).reduce(0, +), bests[0].counters)
  }

  final class Box: @unchecked Sendable {
    var best = 0.0
    var counters = TopKCounters()
  }

  static func rows(count: Int, width: Int, skewed: Bool) -> Matrix {
    var numbers = Numbers(11)
    var rows = AlignedBuffer<Float>(count: count * width, repeating: 0)
    for row in 0..<count {
      let scale = skewed ? Float(exp(0.4 * Double(numbers.normal()))) : 1
      for column in 0..<width {
        rows[row * width + column] = scale * (numbers.uniform() + numbers.uniform() + numbers.uniform() - 1.5) * 2
      }
    }
    return Matrix(rows: count, columns: width, storage: rows)
  }

  /// Sizes of `INTENTD_MEASURE_ITEMS`, separated by commas, or those of the targets.
  static var sizes: [Int] {
    let named = ProcessInfo.processInfo.environment["INTENTD_MEASURE_ITEMS"] ?? "10000,100000,1000000"
    return named.split(separator: ",").compactMap { Int($0) }
  }

  @Test(arguments: sizes, [false, true])
  func throughput(count: Int, skewed: Bool) throws {
    let rows = Self.rows(count: count, width: 64, skewed: skewed)
    let kernel = try Kernel.selected(environment: ProcessInfo.processInfo.environment)
    let start = ContinuousClock.now
    let catalogue = Catalogue(rows: rows, bias: nil, kernel: kernel)
    var report = "\(kernel) \(count)\(skewed ? " skewed" : ""), built in \(ContinuousClock.now - start):"
    for threads in [1, 2] {
      for batch in [1, 8, 32] {
        let rounds = count > 500_000 ? 20 : 200
        let (best, counters) = Self.queriesPerSecond(catalogue, batch: batch, threads: threads, rounds: rounds)
        let skipped = 100 * counters.skippedBlocks / (counters.skippedBlocks + counters.scannedBlocks)
        report += "\n  \(threads) threads, batch \(batch): \(Int(best)) queries/s, "
        report += "\(counters.rescored / counters.queries) rescored, \(skipped) % skipped"
      }
    }
    print(report)
  }
}
