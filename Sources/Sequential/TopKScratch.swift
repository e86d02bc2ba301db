/// One worker's memory for top-k; made by ``Catalogue/makeScratch(maximumBatch:maximumK:)``, for that catalogue (or
/// one of the same size). Nothing is allocated after that.
public struct TopKScratch: ~Copyable, Sendable {
  /// What has been done so far.
  public internal(set) var counters = TopKCounters()
  /// Most items that a query can ask for.
  public let maximumK: Int
  let count: Int
  let width: Int
  var slots: ScanSlots
  var candidates: Candidates

  init(count: Int, width: Int, maximumBatch: Int, maximumK: Int) {
    precondition(maximumBatch > 0 && maximumK > 0)
    self.count = count
    self.width = width
    self.maximumK = maximumK
    slots = ScanSlots(capacity: min(ScanSlots.most, maximumBatch), width: width)
    candidates = Candidates(queries: slots.capacity, k: maximumK)
  }
}

/// The queries that a pass over the catalogue still scans for, packed without gaps: a query that is finished gives
/// its slot to the last one. Also what the scan reports for each.
struct ScanSlots: ~Copyable, Sendable {
  /// Queries of one pass. More would crowd the first-level cache, fewer would read the rows more often.
  static let most = 32

  /// A multiple of ``CatalogueKernels/quad``.
  let capacity: Int
  /// Groups of four elements in a query.
  let groups: Int
  /// Slots in use.
  private(set) var count = 0
  /// `[capacity / 4][groups][4]`, four bytes each.
  var packed: AlignedBuffer<Int32>
  /// One element a slot: the query's place in the pass, and its part of the bound.
  private(set) var queries: AlignedBuffer<Int32>
  /// A row whose score is surely below this is out; infinite for an unused slot, which nothing hits.
  var thresholds: AlignedBuffer<Double>
  private(set) var scales: AlignedBuffer<Double>
  private(set) var inverseScales: AlignedBuffer<Double>
  private(set) var queryNorms: AlignedBuffer<Double>
  private(set) var normFactors: AlignedBuffer<Double>
  private(set) var errorFactors: AlignedBuffer<Double>
  private(set) var offsets: AlignedBuffer<Int32>
  /// `[capacity][tileBlocks]`, between the two halves of a scan.
  var starts: AlignedBuffer<Int32>
  var steps: AlignedBuffer<Float>
  /// `[capacity][hitStride]` row of the tile and sum of each hit, and `[capacity]` their numbers.
  var hitRows: AlignedBuffer<Int32>
  var hitSums: AlignedBuffer<Int32>
  var hitCounts: AlignedBuffer<Int32>
  /// `[hitStride]` bounds of the hits of one slot.
  var lowers: AlignedBuffer<Double>
  var uppers: AlignedBuffer<Double>
  let hitStride = CatalogueKernels.tileBlocks * CatalogueKernels.blockRows

  init(capacity least: Int, width: Int) {
    let quad = CatalogueKernels.quad
    capacity = (least + quad - 1) / quad * quad
    groups = (width + 3) / 4
    packed = AlignedBuffer(count: capacity * groups, repeating: 0)
    queries = AlignedBuffer(count: capacity, repeating: 0)
    thresholds = AlignedBuffer(count: capacity, repeating: .infinity)
    scales = AlignedBuffer(count: capacity, repeating: 1)
    inverseScales = AlignedBuffer(count: capacity, repeating: 1)
    queryNorms = AlignedBuffer(count: capacity, repeating: 0)
    normFactors = AlignedBuffer(count: capacity, repeating: 0)
    errorFactors = AlignedBuffer(count: capacity, repeating: 0)
    offsets = AlignedBuffer(count: capacity, repeating: 0)
    starts = AlignedBuffer(count: capacity * CatalogueKernels.tileBlocks, repeating: 0)
    steps = AlignedBuffer(count: capacity * CatalogueKernels.tileBlocks, repeating: 0)
    hitRows = AlignedBuffer(count: capacity * hitStride, repeating: 0)
    hitSums = AlignedBuffer(count: capacity * hitStride, repeating: 0)
    hitCounts = AlignedBuffer(count: capacity, repeating: 0)
    lowers = AlignedBuffer(count: hitStride, repeating: 0)
    uppers = AlignedBuffer(count: hitStride, repeating: 0)
  }

  mutating func removeAll() {
    for slot in 0..<count { thresholds[slot] = .infinity }
    count = 0
  }

  /// Puts query `query` of the pass, whose bytes stand in the next free slot already, into it. `width` is that of a
  /// row.
  mutating func append(_ bound: PackedQuery, query: Int, width: Int, rowOffset: Int32) {
    let slot = count
    count += 1
    // fp32: width + 3 roundings at most lie between the elements and the score, each of at most 2^-24 of what it
    // rounds.
    let rounding = Double(width + 4) * 0x1p-24 * 1.01
    queries[slot] = Int32(query)
    thresholds[slot] = -.infinity
    scales[slot] = bound.scale
    inverseScales[slot] = 1 / bound.scale
    queryNorms[slot] = bound.norm
    normFactors[slot] = (bound.residueNorm + rounding * bound.norm) * (1 + 0x1p-40)
    errorFactors[slot] = bound.packedNorm
    offsets[slot] = rowOffset * bound.sum
    hitCounts[slot] = 0
  }

  /// Ends the scan for slot `slot`: the last one takes its place.
  mutating func remove(_ slot: Int) {
    count -= 1
    let last = count
    if slot != last {
      let quad = CatalogueKernels.quad
      let from = last / quad * quad * groups + last % quad
      let to = slot / quad * quad * groups + slot % quad
      for group in 0..<groups { packed[to + group * quad] = packed[from + group * quad] }
      queries[slot] = queries[last]
      thresholds[slot] = thresholds[last]
      scales[slot] = scales[last]
      inverseScales[slot] = inverseScales[last]
      queryNorms[slot] = queryNorms[last]
      normFactors[slot] = normFactors[last]
      errorFactors[slot] = errorFactors[last]
      offsets[slot] = offsets[last]
      hitCounts[slot] = hitCounts[last]
    }
    thresholds[last] = .infinity
    hitCounts[last] = 0
  }

  /// True where no row of norm ≤ `norm` and bias ≤ `bias` (≤ `magnitude` in size) can reach the slot's threshold,
  /// roundings included.
  func rulesOut(slot: Int, norm: Double, bias: Double, magnitude: Double) -> Bool {
    queryNorms[slot] * norm * (1 + 0x1p-13) + bias + (magnitude * 0x1p-22 + 0x1p-138) < thresholds[slot]
  }
}
