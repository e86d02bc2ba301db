private import CKernels

/// Memory for packed rows: zeroed, on large pages where the system has them.
@safe struct PackedBytes: ~Copyable, @unchecked Sendable {
  let count: Int
  fileprivate let base: UnsafeMutablePointer<UInt8>

  init(count: Int) {
    self.count = count
    guard let memory = unsafe intentd_catalogue_allocate(count) else {
      fatalError("no memory for \(count) bytes of packed rows")
    }
    unsafe base = memory.bindMemory(to: UInt8.self, capacity: count)
  }

  deinit { unsafe intentd_catalogue_free(base) }
}

/// A query in int8, as far as the error bound needs it; norms are rounded upwards.
struct PackedQuery {
  /// query = scale · p + residue.
  var scale: Double
  var norm: Double
  var residueNorm: Double
  var packedNorm: Double
  /// Σ p.
  var sum: Int32
}

/// The C functions of one kernel for catalogues: the only place where their pointers are formed.
@safe struct CatalogueKernels: @unchecked Sendable {
  static let blockRows = Int(INTENTD_BLOCK_ROWS)
  static let tileBlocks = Int(INTENTD_TILE_BLOCKS)
  static let quad = Int(INTENTD_QUAD)

  private let functions: intentd_catalogue_kernels

  init(_ kernel: Kernel) {
    guard kernel.isAvailable, let table = unsafe intentd_catalogue_kernels(kernel.code) else {
      fatalError("kernel \(kernel.rawValue) can't run on this machine")
    }
    unsafe functions = table.pointee
  }

  /// Added to every packed byte of a row.
  var rowOffset: Int32 { functions.row_offset }

  /// Norms of `count` rows from `first` on, rounded upwards; infinite for a row that is not finite.
  func norms(of matrix: Matrix, first: Int, count: Int, into norms: inout AlignedBuffer<Double>) {
    precondition(first >= 0 && first + count <= matrix.rows && count <= norms.count)
    unsafe functions.norms(matrix.storage.base, matrix.columns, first, count, norms.base)
  }

  /// Packs block `block`: the rows of `matrix` that stand at its positions in `order`. Returns its scale and the
  /// largest norms of a row and of a quantisation error.
  func pack(
    _ matrix: Matrix, order: borrowing AlignedBuffer<Int32>, block: Int, into bytes: borrowing PackedBytes
  ) -> (scale: Double, norm: Double, error: Double) {
    let first = block * Self.blockRows
    let size = Self.blockBytes(width: matrix.columns)
    let count = min(Self.blockRows, order.count - first)
    precondition(count > 0 && (block + 1) * size <= bytes.count)
    var constants = intentd_block()
    unsafe functions.pack(
      matrix.storage.base, matrix.columns, order.base + first, count, rowOffset, bytes.base + block * size, &constants)
    return (constants.scale, constants.norm, constants.error)
  }

  /// Bytes of a packed block of rows of `width` elements.
  static func blockBytes(width: Int) -> Int { (width + 3) / 4 * 4 * blockRows }

  /// Packs query `index` of `queries` `[n, width]` into slot `slot`; nil where an element is not finite.
  func quantise(
    _ queries: borrowing AlignedBuffer<Float>, index: Int, width: Int, slot: Int,
    into packed: inout AlignedBuffer<Int32>
  ) -> PackedQuery? {
    let start = Self.packedStart(slot: slot, width: width)
    precondition((index + 1) * width <= queries.count && start + (width - 1) / 4 * Self.quad < packed.count)
    var query = intentd_query()
    unsafe functions.quantise(queries.base + index * width, width, packed.base + start, &query)
    guard query.finite == 1 else { return nil }
    return PackedQuery(
      scale: query.scale, norm: query.norm, residueNorm: query.residue, packedNorm: query.packed_norm, sum: query.sum)
  }

  /// Index of a slot's first group in the packed queries; the others follow at distance ``quad``.
  static func packedStart(slot: Int, width: Int) -> Int {
    slot / quad * quad * ((width + 3) / 4) + slot % quad
  }

  /// Scans blocks `first..<first + blocks` for the active slots and returns the number of hits; the hits stand in
  /// `slots`.
  func scan(_ rows: borrowing PackedRows, first: Int, blocks: Int, slots: inout ScanSlots) -> Int {
    precondition(blocks <= Self.tileBlocks && first + blocks <= rows.blocks && slots.count <= slots.capacity)
    precondition(rows.groups == slots.groups)
    var bounds = unsafe bounds(rows, slots)
    let padded = (slots.count + Self.quad - 1) / Self.quad * Self.quad
    unsafe functions.limits(&bounds, first, blocks, padded, slots.starts.base, slots.steps.base)
    var scan = unsafe tile(rows, first: first, blocks: blocks, slots)
    unsafe scan.bias = rows.hasBias ? UnsafePointer(rows.bias.base + first * Self.blockRows) : nil
    return unsafe functions.scan(&scan)
  }

  /// Replaces the hits of slot `slot` in the tile at block `first` by those that reach its threshold, as positions,
  /// with their bounds in `slots.lowers` and `slots.uppers`; returns their number.
  func refine(_ rows: borrowing PackedRows, first: Int, slot: Int, slots: inout ScanSlots) -> Int {
    precondition(slot < slots.count && rows.groups == slots.groups)
    var bounds = unsafe bounds(rows, slots)
    let hits = unsafe slots.hitRows.base + slot * slots.hitStride
    var found = unsafe intentd_intervals(positions: hits, lowers: slots.lowers.base, uppers: slots.uppers.base)
    return unsafe functions.refine(
      &bounds, first, slot, hits, slots.hitSums.base + slot * slots.hitStride, Int(slots.hitCounts[slot]), &found)
  }

  /// Sums every row of the first tile for every slot.
  func sumFirstTile(_ rows: borrowing PackedRows, slots: inout ScanSlots) {
    precondition(rows.blocks >= Self.tileBlocks && rows.groups == slots.groups)
    for slot in 0..<(slots.count + Self.quad - 1) / Self.quad * Self.quad {
      let offset = slot < slots.count ? slots.offsets[slot] : 0
      for block in 0..<Self.tileBlocks { slots.starts[slot * Self.tileBlocks + block] = -offset }
    }
    var scan = unsafe tile(rows, first: 0, blocks: Self.tileBlocks, slots)
    unsafe scan.everything = 1
    _ = unsafe functions.scan(&scan)
  }

  /// The best of each 16 rows of the first tile, by the sums that ``sumFirstTile(_:slots:)`` has left: positions in the
  /// slot's `hitRows`, lower bounds in `slots.lowers`. Returns their number.
  func maxima(_ rows: borrowing PackedRows, slot: Int, slots: inout ScanSlots) -> Int {
    precondition(slot < slots.count && rows.blocks >= Self.tileBlocks)
    var bounds = unsafe bounds(rows, slots)
    let hits = unsafe slots.hitRows.base + slot * slots.hitStride
    var found = unsafe intentd_intervals(positions: hits, lowers: slots.lowers.base, uppers: slots.uppers.base)
    unsafe functions.maxima(
      &bounds, Self.tileBlocks, slot, slots.hitSums.base + slot * slots.hitStride, &found)
    return Self.tileBlocks * 4
  }

  /// The k-th greatest of the first `count` elements of `numbers`.
  func kthGreatest(of numbers: borrowing AlignedBuffer<Double>, count: Int, k: Int) -> Double {
    precondition(k > 0 && k <= count && count <= numbers.count)
    return unsafe functions.kth_greatest(numbers.base, count, k)
  }

  private func bounds(_ rows: borrowing PackedRows, _ slots: borrowing ScanSlots) -> intentd_bounds {
    var bounds = unsafe intentd_bounds()
    unsafe bounds.scales = UnsafePointer(rows.scales.base)
    unsafe bounds.inverse_scales = UnsafePointer(rows.inverseScales.base)
    unsafe bounds.norms = UnsafePointer(rows.norms.base)
    unsafe bounds.errors = UnsafePointer(rows.errors.base)
    unsafe bounds.extras = UnsafePointer(rows.extras.base)
    unsafe bounds.biases = rows.hasBias ? UnsafePointer(rows.biasMagnitudes.base) : nil
    unsafe bounds.position_biases = rows.hasBias ? UnsafePointer(rows.bias.base) : nil
    unsafe bounds.thresholds = UnsafePointer(slots.thresholds.base)
    unsafe bounds.query_scales = UnsafePointer(slots.scales.base)
    unsafe bounds.inverse_query_scales = UnsafePointer(slots.inverseScales.base)
    unsafe bounds.norm_factors = UnsafePointer(slots.normFactors.base)
    unsafe bounds.error_factors = UnsafePointer(slots.errorFactors.base)
    unsafe bounds.offsets = UnsafePointer(slots.offsets.base)
    return unsafe bounds
  }

  private func tile(
    _ rows: borrowing PackedRows, first: Int, blocks: Int, _ slots: borrowing ScanSlots
  ) -> intentd_scan {
    var scan = unsafe intentd_scan()
    unsafe scan.rows = UnsafePointer(rows.bytes.base + first * rows.groups * 4 * Self.blockRows)
    unsafe scan.blocks = blocks
    unsafe scan.groups = rows.groups
    unsafe scan.slots = slots.count
    unsafe scan.queries = UnsafePointer(slots.packed.base)
    unsafe scan.starts = UnsafePointer(slots.starts.base)
    unsafe scan.steps = UnsafePointer(slots.steps.base)
    unsafe scan.hit_rows = slots.hitRows.base
    unsafe scan.hit_sums = slots.hitSums.base
    unsafe scan.hit_counts = slots.hitCounts.base
    unsafe scan.hit_stride = slots.hitStride
    return unsafe scan
  }

  /// fp32 scores of the `count` rows from `first` on, for query `index` of `queries`.
  func scores(
    _ matrix: Matrix, bias: Matrix?, queries: borrowing AlignedBuffer<Float>, index: Int, first: Int, count: Int,
    into scores: inout AlignedBuffer<Float>
  ) {
    precondition(first >= 0 && first + count <= matrix.rows && count <= scores.count)
    precondition((index + 1) * matrix.columns <= queries.count)
    unsafe functions.scores(
      matrix.storage.base, matrix.columns, bias?.storage.base, queries.base + index * matrix.columns, nil, first, count,
      scores.base)
  }

  /// fp32 scores of the `count` rows that stand in `rows` from `start` on: bit for bit those of the function above.
  func scores(
    _ matrix: Matrix, bias: Matrix?, queries: borrowing AlignedBuffer<Float>, index: Int,
    rows: borrowing AlignedBuffer<Int32>, start: Int, count: Int, into scores: inout AlignedBuffer<Float>
  ) {
    precondition(start >= 0 && start + count <= rows.count && count <= scores.count)
    precondition((index + 1) * matrix.columns <= queries.count)
    unsafe functions.scores(
      matrix.storage.base, matrix.columns, bias?.storage.base, queries.base + index * matrix.columns, rows.base + start,
      0, count, scores.base)
  }
}
