public import Events

/// The items that can be recommended: V rows of fp32, scored h · row (+ bias), and the same rows in int8, which
/// ``topK(_:count:k:exclusions:scratch:items:results:)`` scans. Read-only and shared by all workers.
///
/// The answer is exact: the k best items by fp32 score, equal scores in the order of their rows, as a full sort would
/// give them (docs/adr/0002-exact-top-k.md has the proof).
public final class Catalogue: Sendable {
  /// Number of items, V.
  public let count: Int
  /// Elements of a row and of a hidden state, 1…1024.
  public let width: Int
  /// The instruction set that scores are computed with.
  public let kernel: Kernel
  let rows: Matrix
  let bias: Matrix?
  let kernels: CatalogueKernels
  let packed: PackedRows

  /// The catalogue of `rows` `[V, width]`, which it shares, and `bias` `[1, V]`. Takes V × width bytes more, and
  /// about a second for 64 million elements. `kernel` must be available.
  public init(rows: Matrix, bias: Matrix?, kernel: Kernel) {
    precondition(rows.rows > 0 && rows.rows <= Int(ItemIndex.max) && (1...1024).contains(rows.columns))
    precondition(bias == nil || (bias!.rows == 1 && bias!.columns == rows.rows))
    count = rows.rows
    width = rows.columns
    self.kernel = kernel
    self.rows = rows
    self.bias = bias
    kernels = CatalogueKernels(kernel)
    packed = PackedRows(rows, bias: bias, kernels: kernels)
  }

  /// Memory for one worker's calls with at most `maximumBatch` queries and k ≤ `maximumK`.
  public func makeScratch(maximumBatch: Int = Limits.batchEvents, maximumK: Int = Limits.topK) -> TopKScratch {
    TopKScratch(count: count, width: width, maximumBatch: maximumBatch, maximumK: maximumK)
  }

  /// The fp32 score of every item, in the order of their rows, for a hidden state `[width]`; these are the bits that top-k ranks by. Plain
  /// and slow: for people and for checks.
  public func scores(_ hidden: borrowing AlignedBuffer<Float>) -> [Float] {
    precondition(hidden.count >= width)
    var scores = AlignedBuffer<Float>(count: count, repeating: 0)
    kernels.scores(rows, bias: bias, queries: hidden, index: 0, first: 0, count: count, into: &scores)
    return scores.values(0..<count)
  }
}

/// The answer to one query.
public struct TopKResult: Sendable, BitwiseCopyable, Equatable {
  /// Whether there is an answer.
  public enum Status: Sendable, BitwiseCopyable {
    /// The best items are there: k of them, or all that are not excluded.
    case ranked
    /// The hidden state was not finite, so nothing can be ranked.
    case notFinite
  }

  /// Whether there is an answer.
  public var status: Status
  /// First of its items in the items.
  public var firstItem: Int32
  /// Number of its items, best first.
  public var itemCount: Int32

  /// Positions of its items.
  public var itemIndices: Range<Int> { Int(firstItem)..<Int(firstItem) + Int(itemCount) }
}

/// What the calls with one scratch have done so far.
public struct TopKCounters: Sendable, Equatable {
  /// Queries.
  public var queries = 0
  /// Rows that stood near enough to the best ones to be scored in fp32 (fallbacks are not counted here).
  public var rescored = 0
  /// Queries answered by a scan of all rows in fp32: too many rows that the bound can't tell apart, or no finite bound.
  public var fallbacks = 0
  /// Queries whose hidden state was not finite.
  public var notFinite = 0
  /// Blocks of 64 rows scanned, summed over queries.
  public var scannedBlocks = 0
  /// Blocks that the norm of their rows ruled out before they were read, summed over queries.
  public var skippedBlocks = 0
}
