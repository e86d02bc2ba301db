/// The rows of a catalogue in int8, in blocks of ``CatalogueKernels/blockRows``, roughly from the largest norm (and
/// bias) to the smallest, with what the error bound needs of each block.
struct PackedRows: ~Copyable, Sendable {
  /// False where an element or a bias is not finite: then nothing is packed, as there is no bound.
  let isBounded: Bool
  let blocks: Int
  /// Groups of four elements in a row.
  let groups: Int
  let bytes: PackedBytes
  /// `[count]` original row at each position.
  let order: AlignedBuffer<Int32>
  let hasBias: Bool
  /// `[blocks · 64]` bias at each position; empty without a bias.
  let bias: AlignedBuffer<Float>
  /// One element a block. A row is scale · q + error, ‖row‖ ≤ norm, ‖error‖ ≤ error, |bias| ≤ biasMagnitude.
  let scales: AlignedBuffer<Double>
  let inverseScales: AlignedBuffer<Double>
  let norms: AlignedBuffer<Double>
  let errors: AlignedBuffer<Double>
  /// The part of the error bound that no query changes: underflow, and the rounding of the sum with the bias.
  let extras: AlignedBuffer<Double>
  let biasMagnitudes: AlignedBuffer<Double>
  /// Largest norm and bias of a block and all that follow it.
  let suffixNorms: AlignedBuffer<Double>
  let suffixBiases: AlignedBuffer<Double>
  let largestBiasMagnitude: Double

  /// Packs `matrix`.
  init(_ matrix: Matrix, bias biases: Matrix?, kernels: CatalogueKernels) {
    var order = AlignedBuffer<Int32>(count: matrix.rows, repeating: 0)
    isBounded = Self.sort(matrix, bias: biases, kernels: kernels, into: &order)
    let blockRows = CatalogueKernels.blockRows
    let blocks = isBounded ? (matrix.rows + blockRows - 1) / blockRows : 0
    let bytes = PackedBytes(count: blocks * CatalogueKernels.blockBytes(width: matrix.columns))
    var bias = AlignedBuffer<Float>(count: biases == nil ? 0 : blocks * blockRows, repeating: 0)
    func zeros() -> AlignedBuffer<Double> { AlignedBuffer(count: blocks, repeating: 0) }
    var scales = zeros()
    var inverseScales = zeros()
    var norms = zeros()
    var errors = zeros()
    var extras = zeros()
    var biasMagnitudes = zeros()
    var suffixNorms = zeros()
    var suffixBiases = zeros()
    var suffixNorm = 0.0
    var suffixBias = -Double.infinity
    var largestBiasMagnitude = 0.0
    for block in (0..<blocks).reversed() {
      let constants = kernels.pack(matrix, order: order, block: block, into: bytes)
      scales[block] = constants.scale
      inverseScales[block] = 1 / constants.scale
      norms[block] = constants.norm
      errors[block] = constants.error
      if let biases {
        for position in block * blockRows..<min(matrix.rows, (block + 1) * blockRows) {
          let value = biases.storage[Int(order[position])]
          bias[position] = value
          biasMagnitudes[block] = max(biasMagnitudes[block], Double(abs(value)))
          suffixBias = max(suffixBias, Double(value))
        }
      } else {
        suffixBias = 0
      }
      extras[block] = 0x1p-138 + 0x1p-22 * biasMagnitudes[block]
      largestBiasMagnitude = max(largestBiasMagnitude, biasMagnitudes[block])
      suffixNorm = max(suffixNorm, constants.norm)
      suffixNorms[block] = suffixNorm
      suffixBiases[block] = suffixBias
    }
    self.blocks = blocks
    groups = (matrix.columns + 3) / 4
    self.bytes = bytes
    self.order = order
    hasBias = biases != nil
    self.bias = bias
    self.scales = scales
    self.inverseScales = inverseScales
    self.norms = norms
    self.errors = errors
    self.extras = extras
    self.biasMagnitudes = biasMagnitudes
    self.suffixNorms = suffixNorms
    self.suffixBiases = suffixBiases
    self.largestBiasMagnitude = largestBiasMagnitude
  }

  /// The rows from the largest norm + bias / √width (a hidden state has a norm of about √width) to the smallest, to
  /// within a percent, rows alike in their old order; false where a value is not finite. Only speed depends on it.
  private static func sort(
    _ matrix: Matrix, bias: Matrix?, kernels: CatalogueKernels, into order: inout AlignedBuffer<Int32>
  ) -> Bool {
    let chunk = 4096
    let share = 1 / Double(Float(matrix.columns).squareRoot())
    var norms = AlignedBuffer<Double>(count: chunk, repeating: 0)
    var buckets = AlignedBuffer<UInt16>(count: matrix.rows, repeating: 0)
    var ends = AlignedBuffer<Int>(count: 1 << 16, repeating: 0)
    for first in stride(from: 0, to: matrix.rows, by: chunk) {
      let count = min(chunk, matrix.rows - first)
      kernels.norms(of: matrix, first: first, count: count, into: &norms)
      for index in 0..<count {
        let value = bias?.storage[first + index] ?? 0
        guard norms[index].isFinite, value.isFinite else { return false }
        let bits = Float(norms[index] + share * Double(value)).bitPattern
        // Sign and magnitude to an order from the largest: the top half of the bits is order enough.
        let descending = bits >> 31 == 0 ? ~(bits | 0x8000_0000) : bits
        let bucket = UInt16(descending >> 16)
        buckets[first + index] = bucket
        ends[Int(bucket)] += 1
      }
    }
    var start = 0
    for bucket in 0..<ends.count {
      let count = ends[bucket]
      ends[bucket] = start
      start += count
    }
    for row in 0..<matrix.rows {
      let bucket = Int(buckets[row])
      order[ends[bucket]] = Int32(row)
      ends[bucket] += 1
    }
    return true
  }
}
