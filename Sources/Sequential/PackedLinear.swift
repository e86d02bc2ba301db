/// A linear map y = W x + b with its weights in the order in which the kernels read them. Read-only, shared by all workers.
///
/// Packed: `[outputs / 16][inputs][16]`. With `groups` gates each gate's outputs are padded alone, so that a gate begins at a
/// multiple of the padded width.
final class PackedLinear: Sendable {
  /// Length of x.
  let inputs: Int
  /// Length of y, padded: groups × width rounded up to 16.
  let outputs: Int
  let weights: AlignedBuffer<Float>
  /// `[outputs]`, zero where there is no bias.
  let bias: AlignedBuffer<Float>

  /// Packs `weight` [groups · width, inputs], rows `rows` of it, and `bias` [1, groups · width].
  init(_ weight: Matrix, bias: Matrix?, groups: Int = 1, rows: Range<Int>? = nil) {
    let rows = rows ?? 0..<weight.rows
    let width = rows.count / groups
    let padded = RowBuffer.padded(width)
    inputs = weight.columns
    outputs = groups * padded
    var packed = AlignedBuffer<Float>(count: outputs * inputs, repeating: 0)
    var packedBias = AlignedBuffer<Float>(count: outputs, repeating: 0)
    for group in 0..<groups {
      for unit in 0..<width {
        let row = rows.lowerBound + group * width + unit
        let output = group * padded + unit
        let panel = output / RowBuffer.lanes * weight.columns * RowBuffer.lanes + output % RowBuffer.lanes
        for input in 0..<weight.columns { packed[panel + input * RowBuffer.lanes] = weight[row, input] }
        if let bias { packedBias[output] = bias[0, row] }
      }
    }
    weights = packed
    self.bias = packedBias
  }
}

/// Weight and bias of a LayerNorm, padded with zeros.
final class PackedNorm: Sendable {
  let weight: AlignedBuffer<Float>
  let bias: AlignedBuffer<Float>

  /// Packs `weight` and `bias`, each [1, width].
  init(weight: Matrix, bias: Matrix) {
    let padded = RowBuffer.padded(weight.columns)
    var packedWeight = AlignedBuffer<Float>(count: padded, repeating: 0)
    var packedBias = AlignedBuffer<Float>(count: padded, repeating: 0)
    packedWeight.copy(weight.columns, from: weight.storage, at: 0, to: 0)
    packedBias.copy(bias.columns, from: bias.storage, at: 0, to: 0)
    self.weight = packedWeight
    self.bias = packedBias
  }
}
