public import Events

extension Catalogue {
  /// Finds the `k` best items for each of the first `n` rows of `queries` `[n, width]`, row-major.
  ///
  /// Appends to `items` the items of each query, best first, and to `results` one entry a query. Rows that
  /// `exclusions` names for the query, and rows whose score overflows, are left out. Uses as much of the caller's
  /// arrays as it appends, and allocates nothing else. `scratch` comes from ``makeScratch(maximumBatch:maximumK:)``;
  /// `k` is 1…`scratch.maximumK`.
  public func topK(
    _ queries: borrowing AlignedBuffer<Float>, count n: Int, k: Int, exclusions: borrowing Exclusions,
    scratch: inout TopKScratch, items: inout [ScoredItem], results: inout [TopKResult]
  ) {
    precondition(n >= 0 && n * width <= queries.count)
    precondition(k > 0 && k <= scratch.maximumK && scratch.count == count && scratch.width == width)
    var first = 0
    while first < n {
      let size = min(scratch.slots.capacity, n - first)
      prepare(queries, first: first, count: size, scratch: &scratch)
      if scratch.slots.count > 0 { scan(first: first, k: k, exclusions: exclusions, scratch: &scratch) }
      for query in 0..<size {
        let start = items.count
        let status = answer(
          queries, query: query, of: first, k: k, exclusions: exclusions, scratch: &scratch, items: &items)
        results.append(
          TopKResult(status: status, firstItem: Int32(start), itemCount: Int32(items.count - start)))
      }
      scratch.counters.queries += size
      first += size
    }
  }

  /// Packs the queries of a pass, and decides which of them the scan is for.
  private func prepare(
    _ queries: borrowing AlignedBuffer<Float>, first: Int, count size: Int, scratch: inout TopKScratch
  ) {
    scratch.slots.removeAll()
    for query in 0..<size {
      scratch.candidates.removeAll(query: query)
      let bound = kernels.quantise(
        queries, index: first + query, width: width, slot: scratch.slots.count, into: &scratch.slots.packed)
      guard let bound else {
        scratch.candidates.states[query] = .notFinite
        continue
      }
      // Far from overflow, no partial sum of any score overflows, and every bound is finite.
      if let reach = largestScore(queryNorm: bound.norm), reach < 1e38 {
        scratch.slots.append(bound, query: query, width: width, rowOffset: kernels.rowOffset)
      } else {
        scratch.candidates.states[query] = .fallback
      }
    }
  }

  /// A bound of every |score|, if there is one.
  private func largestScore(queryNorm: Double) -> Double? {
    guard packed.isBounded else { return nil }
    return queryNorm * packed.suffixNorms[0] * 1.01 + packed.largestBiasMagnitude
  }

  /// Scans the tiles until no query is left to scan for. Tiles are small at first, so that thresholds rise early.
  private func scan(first: Int, k: Int, exclusions: borrowing Exclusions, scratch: inout TopKScratch) {
    let blocks = packed.blocks
    let isSeeded = k <= CatalogueKernels.tileBlocks * 2 && blocks >= CatalogueKernels.tileBlocks * 2
    if isSeeded { seed(first: first, k: k, exclusions: exclusions, scratch: &scratch) }
    var block = 0
    var size = isSeeded ? CatalogueKernels.tileBlocks : 1
    while block < blocks {
      retire(at: block, scratch: &scratch)
      if scratch.slots.count == 0 { break }
      let tile = min(size, blocks - block)
      scratch.counters.scannedBlocks += tile * scratch.slots.count
      if kernels.scan(packed, first: block, blocks: tile, slots: &scratch.slots) > 0 {
        // Downwards: a slot that is removed is filled by one that has been looked at.
        for slot in (0..<scratch.slots.count).reversed() where scratch.slots.hitCounts[slot] > 0 {
          let fits = collect(slot: slot, block: block, first: first, k: k, exclusions: exclusions, scratch: &scratch)
          if !fits {
            scratch.candidates.states[Int(scratch.slots.queries[slot])] = .fallback
            scratch.slots.remove(slot)
          }
        }
      }
      block += tile
      size = min(max(size, block), CatalogueKernels.tileBlocks)
    }
  }

  /// Ends the scan for the queries that no row from `block` on can reach.
  private func retire(at block: Int, scratch: inout TopKScratch) {
    let norm = packed.suffixNorms[block]
    let bias = packed.suffixBiases[block]
    let magnitude = packed.largestBiasMagnitude
    for slot in (0..<scratch.slots.count).reversed()
    where scratch.slots.rulesOut(slot: slot, norm: norm, bias: bias, magnitude: magnitude) {
      scratch.counters.skippedBlocks += packed.blocks - block
      scratch.slots.remove(slot)
    }
  }

  /// Takes in the hits of one slot; false where its survivors don't fit.
  private func collect(
    slot: Int, block: Int, first: Int, k: Int, exclusions: borrowing Exclusions, scratch: inout TopKScratch
  ) -> Bool {
    let query = Int(scratch.slots.queries[slot])
    let found = kernels.refine(packed, first: block, slot: slot, slots: &scratch.slots)
    scratch.slots.hitCounts[slot] = 0
    for hit in 0..<found {
      let position = Int(scratch.slots.hitRows[slot * scratch.slots.hitStride + hit])
      let upper = scratch.slots.uppers[hit]
      guard position < count, !(upper < scratch.candidates.thresholds[query]) else { continue }
      let row = packed.order[position]
      guard !exclusions.contains(row, query: first + query) else { continue }
      let fits = scratch.candidates.insert(
        row: row, lower: scratch.slots.lowers[hit], upper: upper, query: query, k: k)
      guard fits else { return false }
    }
    scratch.slots.thresholds[slot] = scratch.candidates.thresholds[query]
    return true
  }

  /// Finds a first threshold for each slot: the k-th of the best lower bounds of each 16 rows of the first tile. It
  /// spares most of the insertions that a threshold from -∞ upwards would cost.
  private func seed(first: Int, k: Int, exclusions: borrowing Exclusions, scratch: inout TopKScratch) {
    kernels.sumFirstTile(packed, slots: &scratch.slots)
    for slot in 0..<scratch.slots.count {
      let query = Int(scratch.slots.queries[slot])
      let found = kernels.maxima(packed, slot: slot, slots: &scratch.slots)
      var kept = 0
      for part in 0..<found {
        let position = Int(scratch.slots.hitRows[slot * scratch.slots.hitStride + part])
        if exclusions.contains(packed.order[position], query: first + query) { continue }
        scratch.slots.lowers[kept] = scratch.slots.lowers[part]
        kept += 1
      }
      guard kept >= k else { continue }
      let threshold = kernels.kthGreatest(of: scratch.slots.lowers, count: kept, k: k)
      scratch.candidates.thresholds[query] = threshold
      scratch.slots.thresholds[slot] = threshold
    }
  }

  /// Ranks what has survived for one query, or all rows, by fp32 scores, and appends the best to `items`.
  private func answer(
    _ queries: borrowing AlignedBuffer<Float>, query: Int, of first: Int, k: Int, exclusions: borrowing Exclusions,
    scratch: inout TopKScratch, items: inout [ScoredItem]
  ) -> TopKResult.Status {
    scratch.candidates.removeKeys()
    switch scratch.candidates.states[query] {
    case .notFinite:
      scratch.counters.notFinite += 1
      return .notFinite
    case .scanning:
      rescore(queries, query: query, of: first, k: k, scratch: &scratch)
    case .fallback:
      scratch.counters.fallbacks += 1
      scanAll(queries, index: first + query, k: k, exclusions: exclusions, candidates: &scratch.candidates)
    }
    scratch.candidates.sortKeys()
    for index in 0..<min(k, scratch.candidates.keyCount) {
      let key = scratch.candidates.keys[index]
      let item = ItemIndex(truncatingIfNeeded: key)
      items.append(ScoredItem(item: item, score: Candidates.score(key)))
    }
    return .ranked
  }

  /// Scores the survivors of a query in fp32.
  private func rescore(
    _ queries: borrowing AlignedBuffer<Float>, query: Int, of first: Int, k: Int, scratch: inout TopKScratch
  ) {
    scratch.candidates.keepBest(query: query)
    let start = scratch.candidates.firstRow(query: query)
    let size = Int(scratch.candidates.counts[query])
    kernels.scores(
      rows, bias: bias, queries: queries, index: first + query, rows: scratch.candidates.rows, start: start,
      count: size,
      into: &scratch.candidates.scores)
    scratch.counters.rescored += size
    for index in 0..<size {
      let score = scratch.candidates.scores[index]
      let row = scratch.candidates.rows[start + index]
      scratch.candidates.append(key: Candidates.key(score: score, row: row))
    }
  }

  /// Scores every row in fp32 and keeps the `k` best of those that are not excluded.
  private func scanAll(
    _ queries: borrowing AlignedBuffer<Float>, index: Int, k: Int, exclusions: borrowing Exclusions,
    candidates: inout Candidates
  ) {
    let chunk = candidates.scores.count
    for start in stride(from: 0, to: count, by: chunk) {
      let size = min(chunk, count - start)
      kernels.scores(
        rows, bias: bias, queries: queries, index: index, first: start, count: size, into: &candidates.scores)
      for offset in 0..<size where candidates.scores[offset].isFinite {
        let row = Int32(start + offset)
        let key = Candidates.key(score: candidates.scores[offset], row: row)
        guard candidates.isWanted(key: key, k: k), !exclusions.contains(row, query: index) else { continue }
        candidates.offer(key: key, k: k)
      }
    }
  }
}
