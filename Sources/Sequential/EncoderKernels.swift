private import CKernels

/// The encoder kernels of one instruction set, behind buffers: the only file that hands addresses to them.
@safe struct EncoderKernels: @unchecked Sendable {
  /// What a linear map does with its sums.
  enum Epilogue: Int32 {
    case store = 0
    case relu = 1
    case gelu = 2
    /// y += W x + b.
    case add = 3
  }

  /// The rows of one attention call.
  struct AttentionShape {
    var rows: Int
    var heads: Int
    var block: Int
    /// Blocks of the model.
    var blocks: Int
    /// Floats from the scores of one head to those of the next: the longest window rounded up to 16, + 16.
    var scoreStride: Int
    var isBrainFloat: Bool
    /// 1/√(head size).
    var scale: Float
  }

  /// Rows of attention that pass through its phases together.
  static let attentionRows = Int(ENCODER_ATTENTION_ROWS)
  /// While sessions take no more than this, a core's caches are likely to hold them, and asking for pages ahead of their use
  /// costs more than it saves.
  static let cachedBytes = 16 << 20

  // A constant table of functions.
  private let table: UnsafePointer<encoder_kernels>

  /// The kernels for `kernel`, which must be available.
  init(_ kernel: Kernel) {
    guard let table = unsafe intentd_encoder_kernels(kernel.code) else {
      preconditionFailure("kernel \(kernel.rawValue) is not available on this machine; see Kernel.available")
    }
    unsafe self.table = table
  }

  /// y = W x + b for `rows` rows.
  func linear(
    _ x: borrowing RowBuffer, rows: Int, _ map: PackedLinear, into y: inout RowBuffer, _ epilogue: Epilogue = .store
  ) {
    precondition(rows <= x.capacity && rows <= y.capacity && map.inputs <= x.stride && map.outputs <= y.stride)
    unsafe table.pointee.linear(
      x.floats.base, x.stride, rows, map.weights.base, map.bias.base, map.inputs, map.outputs, y.floats.base, y.stride,
      epilogue.rawValue)
  }

  /// y = LN(x) for `rows` rows.
  func layerNorm(_ x: borrowing RowBuffer, rows: Int, _ norm: PackedNorm, epsilon: Float, into y: inout RowBuffer) {
    precondition(rows <= x.capacity && rows <= y.capacity && x.stride == y.stride && norm.weight.count == x.stride)
    unsafe table.pointee.layer_norm(
      x.floats.base, y.floats.base, x.stride, rows, x.width, norm.weight.base, norm.bias.base, epsilon)
  }

  /// x = LN(x) for `rows` rows.
  func layerNorm(_ x: inout RowBuffer, rows: Int, _ norm: PackedNorm, epsilon: Float) {
    precondition(rows <= x.capacity && norm.weight.count == x.stride)
    unsafe table.pointee.layer_norm(
      x.floats.base, x.floats.base, x.stride, rows, x.width, norm.weight.base, norm.bias.base, epsilon)
  }

  /// Writes keys and values of `rows` rows to the pages of their slots.
  func store(
    keys: borrowing RowBuffer, values: borrowing RowBuffer, slots: borrowing AlignedBuffer<Int32>,
    positions: borrowing AlignedBuffer<Int32>, rows: Int, block: Int, isBrainFloat: Bool, in pool: borrowing PagePool
  ) {
    precondition(rows <= keys.capacity && rows <= slots.count && rows <= positions.count)
    var pages = unsafe view(pool, isBrainFloat)
    unsafe table.pointee.store_keys_values(
      &pages, slots.base, positions.base, keys.floats.base, values.floats.base, keys.stride, rows, keys.width, block)
  }

  /// Asks the memory for what `rows` rows attend to in block 0; ``attention(_:query:slots:positions:pool:padding:paddingCounts:scores:into:)``
  /// asks for later rows and blocks itself. Nothing happens while all sessions fit a cache.
  func prefetch(
    slots: borrowing AlignedBuffer<Int32>, positions: borrowing AlignedBuffer<Int32>, rows: Int, width: Int,
    isBrainFloat: Bool, in pool: borrowing PagePool
  ) {
    precondition(rows <= slots.count && rows <= positions.count)
    guard pool.bytesInUse > EncoderKernels.cachedBytes else { return }
    var pages = unsafe view(pool, isBrainFloat)
    unsafe table.pointee.prefetch(
      &pages, slots.base, positions.base, min(rows, EncoderKernels.attentionRows), width, 0)
  }

  /// Attention of `shape.rows` rows over stored keys and values; `padding` stands `paddingCounts[row]` times before each window.
  func attention(
    _ shape: AttentionShape, query: borrowing RowBuffer, slots: borrowing AlignedBuffer<Int32>,
    positions: borrowing AlignedBuffer<Int32>, pool: borrowing PagePool, padding: PaddingRow?,
    paddingCounts: borrowing AlignedBuffer<Int32>, scores: inout AlignedBuffer<Float>, into output: inout RowBuffer
  ) {
    precondition(shape.rows <= query.capacity && shape.rows <= output.capacity && shape.rows <= slots.count)
    precondition(scores.count >= EncoderKernels.attentionRows * shape.heads * shape.scoreStride)
    var pages = unsafe view(pool, shape.isBrainFloat)
    unsafe withUnsafePointer(to: &pages) { pages in
      var call = unsafe encoder_attention()
      unsafe call.pages = pages
      unsafe call.slots = UnsafePointer(slots.base)
      unsafe call.positions = UnsafePointer(positions.base)
      unsafe call.query = UnsafePointer(query.floats.base)
      unsafe call.output = output.floats.base
      unsafe call.scores = scores.base
      if let padding {
        unsafe call.padding_key = UnsafePointer(padding.key.base)
        unsafe call.padding_value = UnsafePointer(padding.value.base)
        unsafe call.padding_counts = UnsafePointer(paddingCounts.base)
      }
      unsafe call.rows = UInt32(shape.rows)
      unsafe call.stride = UInt32(query.stride)
      unsafe call.width = UInt32(query.width)
      unsafe call.heads = UInt32(shape.heads)
      unsafe call.block = UInt32(shape.block)
      unsafe call.blocks = UInt32(shape.blocks)
      unsafe call.score_stride = UInt32(shape.scoreStride)
      unsafe call.scale = shape.scale
      unsafe table.pointee.attention(&call)
    }
  }

  /// h becomes the next state of a PyTorch GRU cell; `a` and `u` are [rows, 3 gates].
  func gruGates(_ a: borrowing RowBuffer, _ u: borrowing RowBuffer, _ h: inout RowBuffer, rows: Int) {
    precondition(a.stride == 3 * h.stride && u.stride == 3 * h.stride && rows <= h.capacity)
    unsafe table.pointee.gru_gates(a.floats.base, u.floats.base, h.floats.base, h.stride, rows)
  }

  /// Gates r and z of the official GRU4Rec layer into `a`, and `reset` = r ⊙ h; `u` is [rows, 2 gates].
  func gru4recReset(
    _ a: inout RowBuffer, _ u: borrowing RowBuffer, _ h: borrowing RowBuffer, into reset: inout RowBuffer, rows: Int
  ) {
    precondition(a.stride == 3 * h.stride && u.stride == 2 * h.stride && reset.stride == h.stride)
    unsafe table.pointee.gru4rec_reset(
      a.floats.base, u.floats.base, h.floats.base, reset.floats.base, h.stride, rows)
  }

  /// h becomes the next state of the official GRU4Rec layer; `u` is [rows, 1 gate].
  func gru4recUpdate(_ a: borrowing RowBuffer, _ u: borrowing RowBuffer, _ h: inout RowBuffer, rows: Int) {
    precondition(a.stride == 3 * h.stride && u.stride == h.stride && rows <= h.capacity)
    unsafe table.pointee.gru4rec_update(a.floats.base, u.floats.base, h.floats.base, h.stride, rows)
  }

  /// h and c become the next state of an LSTM cell; `a` and `u` are [rows, 4 gates].
  func lstmGates(
    _ a: borrowing RowBuffer, _ u: borrowing RowBuffer, _ h: inout RowBuffer, _ c: inout RowBuffer, rows: Int
  ) {
    precondition(a.stride == 4 * h.stride && u.stride == 4 * h.stride && c.stride == h.stride && rows <= h.capacity)
    unsafe table.pointee.lstm_gates(a.floats.base, u.floats.base, h.floats.base, c.floats.base, h.stride, rows)
  }

  /// Turns the pairs of every head of `x` by the angles of each row's position.
  func rotate(
    _ x: inout RowBuffer, rows: Int, positions: borrowing AlignedBuffer<Int32>, headSize: Int,
    cosines: borrowing AlignedBuffer<Float>, sines: borrowing AlignedBuffer<Float>
  ) {
    precondition(rows <= x.capacity && rows <= positions.count)
    unsafe table.pointee.rotate(
      x.floats.base, x.stride, rows, positions.base, x.width, headSize, cosines.base, sines.base)
  }

  private func view(_ pool: borrowing PagePool, _ isBrainFloat: Bool) -> encoder_pages {
    var pages = unsafe encoder_pages()
    unsafe pages.slabs = UnsafeRawPointer(pool.slabs).assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self)
    unsafe pages.page_table = UnsafePointer(pool.pageTable.base)
    unsafe pages.slab_shift = UInt32(pool.slabShift)
    unsafe pages.page_bytes = UInt32(pool.pageBytes)
    unsafe pages.pages_per_slot = UInt32(pool.pagesPerSlot)
    unsafe pages.is_bf16 = isBrainFloat ? 1 : 0
    unsafe pages.is_cold = pool.bytesInUse > EncoderKernels.cachedBytes ? 1 : 0
    return unsafe pages
  }
}

/// Key and value of the padding row of one block, the same for every session.
final class PaddingRow: Sendable {
  let key: AlignedBuffer<Float>
  let value: AlignedBuffer<Float>

  init(key: consuming AlignedBuffer<Float>, value: consuming AlignedBuffer<Float>) {
    self.key = key
    self.value = value
  }
}
