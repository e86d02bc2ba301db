/// The weights of a GRU or LSTM model, packed for the kernels. Read-only, shared by all workers.
final class RecurrentWeights: Sendable {
  /// One layer.
  final class Layer: Sendable {
    /// Units, H.
    let size: Int
    /// W_ih with its bias, gates padded apart; nil where a table stands for it.
    let input: PackedLinear?
    /// W_hh of all gates, or of r and z alone in the official GRU4Rec layer.
    let recurrent: PackedLinear
    /// W_hn of the official GRU4Rec layer.
    let recurrentNew: PackedLinear?

    init(size: Int, input: PackedLinear?, recurrent: PackedLinear, recurrentNew: PackedLinear?) {
      self.size = size
      self.input = input
      self.recurrent = recurrent
      self.recurrentNew = recurrentNew
    }
  }

  /// Layer 0's input part is made once for every item where that takes no more than this: W_ih e + b_ih costs nothing then.
  static let foldedBytes = 256 << 20

  let configuration: RecurrentConfiguration
  let maxLength: Int
  let padding: ModelConfiguration.Padding
  let layers: [Layer]
  let projection: PackedLinear?
  /// [V, e] with an embedding.
  let embedding: Matrix?
  /// [V, G·H₀] input part of layer 0 with its bias, gates padded apart; empty where it is computed at each step.
  let inputTable: AlignedBuffer<Float>
  /// True where ``inputTable`` stands for layer 0's input matrix.
  var hasInputTable: Bool { inputTable.count > 0 }
  /// Floats of a row of ``inputTable``.
  let inputStride: Int
  /// [1, e] or [1, G·H₀]: the row of padding.
  let paddingEmbedding: Matrix?
  /// Bias of layer 0's input matrix where that is one-hot.
  private let oneHotBias: Matrix?

  /// Packs `weights`, which hold exactly what `model` asks for (``ModelDirectory`` checks that).
  init(
    _ model: ModelConfiguration, _ configuration: RecurrentConfiguration, _ weights: Weights, _ kernels: EncoderKernels
  ) {
    self.configuration = configuration
    maxLength = model.maxLength
    padding = model.padding
    let gates = configuration.cell.gates
    layers = configuration.layerSizes.indices.map { RecurrentWeights.layer($0, configuration, weights) }
    projection = weights["projection.weight"].map { PackedLinear($0, bias: weights["projection.bias"]) }
    embedding = weights["item_embedding.weight"]
    paddingEmbedding = weights["padding_embedding"]
    inputStride = gates * RowBuffer.padded(configuration.layerSizes[0])
    if let oneHot = weights["input.weight"] {
      oneHotBias = weights["layers.0.bias_ih"]
      inputTable = RecurrentWeights.oneHotTable(
        oneHot, bias: oneHotBias, gates: gates, size: configuration.layerSizes[0])
    } else if let embedding, let input = layers[0].input,
      model.itemCount * inputStride * 4 <= RecurrentWeights.foldedBytes
    {
      oneHotBias = nil
      inputTable = RecurrentWeights.foldedTable(embedding, input, kernels)
    } else {
      oneHotBias = nil
      inputTable = AlignedBuffer(count: 0, repeating: 0)
    }
  }

  private static func layer(_ index: Int, _ configuration: RecurrentConfiguration, _ weights: Weights) -> Layer {
    let size = configuration.layerSizes[index]
    let gates = configuration.cell.gates
    guard let recurrent = weights["layers.\(index).weight_hh"] else {
      preconditionFailure("tensor layers.\(index).weight_hh is missing; ModelDirectory checks that")
    }
    let input = weights["layers.\(index).weight_ih"].map {
      PackedLinear($0, bias: weights["layers.\(index).bias_ih"], groups: gates)
    }
    if index == 0, configuration.gates == .gru4rec {
      return Layer(
        size: size, input: input, recurrent: PackedLinear(recurrent, bias: nil, groups: 2, rows: 0..<2 * size),
        recurrentNew: PackedLinear(recurrent, bias: nil, rows: 2 * size..<3 * size))
    }
    let bias = weights["layers.\(index).bias_hh"]
    return Layer(
      size: size, input: input, recurrent: PackedLinear(recurrent, bias: bias, groups: gates), recurrentNew: nil)
  }

  /// A row of a one-hot input matrix, with the bias, gates padded apart, at `at` of `table`.
  private static func spread(
    _ matrix: Matrix, row: Int, bias: Matrix?, gates: Int, size: Int, into table: inout AlignedBuffer<Float>, at: Int
  ) {
    let padded = RowBuffer.padded(size)
    for gate in 0..<gates {
      table.copy(size, from: matrix.storage, at: row * gates * size + gate * size, to: at + gate * padded)
      if let bias { table.add(size, from: bias.storage, at: gate * size, to: at + gate * padded) }
    }
  }

  private static func oneHotTable(_ matrix: Matrix, bias: Matrix?, gates: Int, size: Int) -> AlignedBuffer<Float> {
    let stride = gates * RowBuffer.padded(size)
    var table = AlignedBuffer<Float>(count: matrix.rows * stride, repeating: 0)
    for row in 0..<matrix.rows {
      spread(matrix, row: row, bias: bias, gates: gates, size: size, into: &table, at: row * stride)
    }
    return table
  }

  /// The same kernel makes a row here and at a step, so both have the same bits.
  private static func foldedTable(
    _ embedding: Matrix, _ input: PackedLinear, _ kernels: EncoderKernels
  ) -> AlignedBuffer<Float> {
    var table = AlignedBuffer<Float>(count: embedding.rows * input.outputs, repeating: 0)
    var item = RowBuffer(capacity: 1, width: embedding.columns)
    var output = RowBuffer(capacity: 1, width: input.outputs)
    for row in 0..<embedding.rows {
      item.floats.copy(embedding.columns, from: embedding.storage, at: row * embedding.columns, to: 0)
      kernels.linear(item, rows: 1, input, into: &output)
      table.copy(input.outputs, from: output.floats, at: 0, to: row * input.outputs)
    }
    return table
  }

  /// Writes layer 0's input part of the padding row to row 0 of `a`.
  func paddingInput(into a: inout RowBuffer, _ kernels: EncoderKernels) {
    guard let row = paddingEmbedding else { return }
    if let input = layers[0].input {
      var item = RowBuffer(capacity: 1, width: row.columns)
      item.floats.copy(row.columns, from: row.storage, at: 0, to: 0)
      kernels.linear(item, rows: 1, input, into: &a)
    } else {
      RecurrentWeights.spread(
        row, row: 0, bias: oneHotBias, gates: configuration.cell.gates, size: layers[0].size, into: &a.floats, at: 0)
    }
  }
}
