import Events
import TestSupport
import Testing

@testable import Sequential

/// The answers to `count` queries of `queries`.
private func answers(
  _ catalogue: Catalogue, _ queries: borrowing AlignedBuffer<Float>, count: Int, k: Int,
  exclusions: borrowing Exclusions, scratch: inout TopKScratch
) -> [[ScoredItem]] {
  var items: [ScoredItem] = []
  var results: [TopKResult] = []
  catalogue.topK(
    queries, count: count, k: k, exclusions: exclusions, scratch: &scratch, items: &items, results: &results)
  #expect(results.count == count && results.last?.itemIndices.upperBound == items.count)
  return results.map { Array(items[$0.itemIndices]) }
}

/// Rows of the largest catalogue to try: all in an optimised build, some blocks under a sanitizer's -O0.
private let largestCatalogue: Int = {
  #if DEBUG
    600
  #else
    .max
  #endif
}()

@Suite struct CatalogueTests {
  @Test(arguments: Kernel.available, CatalogueShape.allCases)
  func isTheFullSort(kernel: Kernel, shape: CatalogueShape) {
    // Around the sizes of blocks, tiles and vectors, and k on both sides of N.
    let sizes = [
      (1, 1, 1), (5, 3, 20), (64, 16, 10), (65, 17, 64), (300, 30, 20), (1500, 64, 20), (2500, 100, 1000),
      (4000, 33, 1),
      (600, 257, 50), (9000, 64, 20),
    ]
    for (count, width, k) in sizes where count <= largestCatalogue {
      let (rows, bias) = shape.make(count: count, width: width, seed: UInt64(count))
      let catalogue = Catalogue(rows: rows, bias: bias, kernel: kernel)
      let queries = CatalogueShape.queries(count: 9, width: width, seed: UInt64(count + 1))
      let blocked = BlockedItems((0..<Int32(count)).filter { $0 % 11 == 3 })
      var exclusions = Exclusions(blocked: count % 2 == 0 ? blocked : nil)
      var numbers = Numbers(UInt64(width))
      for query in 0..<7 {
        let list = (0..<query * query).map { _ in ItemIndex(numbers.next() % UInt64(count)) - 1 }
        exclusions.append(list.span)
      }
      var scratch = catalogue.makeScratch(maximumBatch: 9, maximumK: k)
      let found = answers(catalogue, queries, count: 9, k: k, exclusions: exclusions, scratch: &scratch)
      for query in 0..<9 {
        let expected = catalogue.reference(queries, index: query, k: k, exclusions: exclusions)
        #expect(found[query] == expected, "\(count) × \(width), k \(k), query \(query)")
      }
    }
  }

  @Test(arguments: Kernel.available)
  func widestRowsWithTheLargestSums(kernel: Kernel) {
    // Every byte is ±127: the integer sums are as large as they get.
    let width = 1024
    let count = 200
    let rows = Matrix(rows: count, columns: width, (0..<count * width).map { $0 / width % 3 == 0 ? -2 : 2 })
    let catalogue = Catalogue(rows: rows, bias: nil, kernel: kernel)
    let queries = AlignedBuffer<Float>([Float](repeating: 3, count: width) + [Float](repeating: -3, count: width))
    let exclusions = Exclusions()
    var scratch = catalogue.makeScratch(maximumBatch: 2, maximumK: 5)
    let found = answers(catalogue, queries, count: 2, k: 5, exclusions: exclusions, scratch: &scratch)
    #expect(found[0].map(\.item) == [1, 2, 4, 5, 7] && found[0][0].score == 6144)
    #expect(found[1].map(\.item) == [0, 3, 6, 9, 12])
  }

  @Test func boundsHoldForEveryRow() {
    // The proof, tried: fp32 score and bound of every row, not only of those near the threshold.
    for shape in CatalogueShape.allCases where shape != .notFinite && shape != .overflowing {
      for kernel in Kernel.available {
        let (rows, bias) = shape.make(count: 500, width: 48, seed: 5)
        let catalogue = Catalogue(rows: rows, bias: bias, kernel: kernel)
        let queries = CatalogueShape.queries(count: 7, width: 48, seed: 6)
        var slots = ScanSlots(capacity: 4, width: 48)
        var scores = AlignedBuffer<Float>(count: 500, repeating: 0)
        for query in 0..<7 {
          slots.removeAll()
          let bound = catalogue.kernels.quantise(queries, index: query, width: 48, slot: 0, into: &slots.packed)!
          slots.append(bound, query: 0, width: 48, rowOffset: catalogue.kernels.rowOffset)
          catalogue.kernels.scores(
            catalogue.rows, bias: bias, queries: queries, index: query, first: 0, count: 500, into: &scores)
          // At a threshold of -∞ the scan reports every row with its sum.
          let blocks = catalogue.packed.blocks
          #expect(catalogue.kernels.scan(catalogue.packed, first: 0, blocks: blocks, slots: &slots) >= 500)
          let found = catalogue.kernels.refine(catalogue.packed, first: 0, slot: 0, slots: &slots)
          #expect(found == Int(slots.hitCounts[0]))
          for hit in 0..<found where slots.hitRows[hit] < 500 {
            let score = Double(scores[Int(catalogue.packed.order[Int(slots.hitRows[hit])])])
            let isInside = slots.lowers[hit] <= score && score <= slots.uppers[hit]
            #expect(isInside, "\(shape) \(kernel)")
          }
        }
      }
    }
  }

  @Test func integerSumsAreTheSameForEveryKernel() {
    let (rows, bias) = CatalogueShape.biased.make(count: 640, width: 70, seed: 9)
    let queries = CatalogueShape.queries(count: 4, width: 70, seed: 8)
    var expected: [[Int32]] = []
    for (kernel, biased) in Kernel.available.flatMap({ [($0, false), ($0, true)] }) {
      let catalogue = Catalogue(rows: rows, bias: biased ? bias : nil, kernel: kernel)
      var slots = ScanSlots(capacity: 4, width: 70)
      for query in 0..<4 {
        let bound = catalogue.kernels.quantise(queries, index: query, width: 70, slot: query, into: &slots.packed)!
        slots.append(bound, query: query, width: 70, rowOffset: catalogue.kernels.rowOffset)
      }
      #expect(catalogue.kernels.scan(catalogue.packed, first: 0, blocks: 10, slots: &slots) == 4 * 640)
      let sums = (0..<4).map { slot in
        (0..<640).map { slots.hitSums[slot * slots.hitStride + $0] - slots.offsets[slot] }
      }
      if kernel == .portable { expected.append(contentsOf: sums) }
      #expect(sums == Array(expected[biased ? 4..<8 : 0..<4]), "\(kernel)")
    }
  }

  @Test func statesThatAreNotFiniteAreSaidAndCounted() {
    let (rows, _) = CatalogueShape.random.make(count: 100, width: 8, seed: 1)
    let catalogue = Catalogue(rows: rows, bias: nil, kernel: .best)
    var queries = CatalogueShape.queries(count: 3, width: 8, seed: 2)
    queries[3] = .nan
    queries[16] = -.infinity
    var items: [ScoredItem] = []
    var results: [TopKResult] = []
    let exclusions = Exclusions()
    var scratch = catalogue.makeScratch(maximumBatch: 3, maximumK: 4)
    catalogue.topK(queries, count: 3, k: 4, exclusions: exclusions, scratch: &scratch, items: &items, results: &results)
    #expect(results.map(\.status) == [.notFinite, .ranked, .notFinite])
    #expect(results.map(\.itemCount) == [0, 4, 0])
    #expect(scratch.counters.notFinite == 2 && scratch.counters.queries == 3 && scratch.counters.fallbacks == 0)
  }

  @Test func fallsBackWhereTheBoundCannotTell() {
    let (rows, _) = CatalogueShape.allEqual.make(count: 5000, width: 16, seed: 1)
    let catalogue = Catalogue(rows: rows, bias: nil, kernel: .best)
    let queries = CatalogueShape.queries(count: 1, width: 16, seed: 2)
    let exclusions = Exclusions()
    var scratch = catalogue.makeScratch(maximumBatch: 1, maximumK: 20)
    let found = answers(catalogue, queries, count: 1, k: 20, exclusions: exclusions, scratch: &scratch)
    #expect(found[0].map(\.item) == Array(0..<20))
    #expect(scratch.counters.fallbacks == 1)
  }

  @Test func skewedCataloguesAreReadInPart() {
    let (rows, _) = CatalogueShape.skewed.make(count: 40_000, width: 64, seed: 3)
    let catalogue = Catalogue(rows: rows, bias: nil, kernel: .best)
    let queries = CatalogueShape.queries(count: 2, width: 64, seed: 4)
    let exclusions = Exclusions()
    var scratch = catalogue.makeScratch(maximumBatch: 2, maximumK: 20)
    let found = answers(catalogue, queries, count: 2, k: 20, exclusions: exclusions, scratch: &scratch)
    #expect(found[1] == catalogue.reference(queries, index: 1, k: 20, exclusions: exclusions))
    #expect(scratch.counters.skippedBlocks > scratch.counters.scannedBlocks / 4 && scratch.counters.fallbacks == 0)
    #expect(scratch.counters.rescored < 1000)
  }

  @Test(arguments: Kernel.available)
  func answersDoNotDependOnTheBatch(kernel: Kernel) {
    let (rows, bias) = CatalogueShape.biased.make(count: 3000, width: 40, seed: 3)
    let catalogue = Catalogue(rows: rows, bias: bias, kernel: kernel)
    let queries = CatalogueShape.queries(count: 70, width: 40, seed: 4)
    let exclusions = Exclusions()
    var scratch = catalogue.makeScratch(maximumK: 20)
    let together = answers(catalogue, queries, count: 70, k: 20, exclusions: exclusions, scratch: &scratch)
    for query in 0..<70 {
      let alone = AlignedBuffer(queries.values(query * 40..<(query + 1) * 40))
      #expect(
        answers(catalogue, alone, count: 1, k: 20, exclusions: exclusions, scratch: &scratch)[0] == together[query])
    }
  }

  @Test func allocatesNothingOnceWarm() {
    let (rows, bias) = CatalogueShape.biased.make(count: 3000, width: 64, seed: 3)
    let catalogue = Catalogue(rows: rows, bias: bias, kernel: .best)
    let queries = CatalogueShape.queries(count: 40, width: 64, seed: 4)
    var exclusions = Exclusions(blocked: BlockedItems([1, 2, 3]))
    var scratch = catalogue.makeScratch(maximumBatch: 40, maximumK: 100)
    var items: [ScoredItem] = []
    var results: [TopKResult] = []
    let list: [ItemIndex] = [5, 6, 7, 8, 9]
    func click() {
      items.removeAll(keepingCapacity: true)
      results.removeAll(keepingCapacity: true)
      exclusions.removeAll()
      for _ in 0..<40 { exclusions.append(list.span) }
      catalogue.topK(
        queries, count: 40, k: 100, exclusions: exclusions, scratch: &scratch, items: &items, results: &results)
    }
    let cold = allocations { click() }
    let warm = allocations { for _ in 0..<5 { click() } }
    guard let cold, let warm else { return }  // not counted under the sanitizers
    #expect(cold > 0 && warm == 0)
  }
}
