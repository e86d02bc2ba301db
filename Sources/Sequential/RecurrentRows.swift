/// Run state of one recurrent layer for the rows of a pass, allocated once. Shapes with R rows, H units, G gates.
final class RecurrentRows {
  /// Floats of one part of a row: H, padded.
  let stride: Int
  /// Parts of the state: h, and c where the cell has one (true).
  let parts: [Bool]
  /// [R, H]
  var h: RowBuffer
  /// [R, H]; unused by a GRU.
  var c: RowBuffer
  /// [R, G·H] the input's part of every gate.
  var a: RowBuffer
  /// [R, G·H] the recurrent part.
  var u: RowBuffer
  /// [R, H] r ⊙ h of the official GRU4Rec layer.
  var reset: RowBuffer
  /// [R, H] W_hn (r ⊙ h) of the official GRU4Rec layer.
  var new: RowBuffer

  init(_ layer: RecurrentWeights.Layer, _ cell: RecurrentConfiguration.Cell, capacity: Int) {
    let isOfficial = layer.recurrentNew != nil
    stride = RowBuffer.padded(layer.size)
    parts = cell == .lstm ? [false, true] : [false]
    h = RowBuffer(capacity: capacity, width: layer.size)
    c = RowBuffer(capacity: cell == .lstm ? capacity : 0, width: layer.size)
    a = RowBuffer(capacity: capacity, groups: cell.gates, width: layer.size)
    u = RowBuffer(capacity: capacity, groups: isOfficial ? 2 : cell.gates, width: layer.size)
    reset = RowBuffer(capacity: isOfficial ? capacity : 0, width: layer.size)
    new = RowBuffer(capacity: isOfficial ? capacity : 0, width: layer.size)
  }

  /// One step of `rows` rows: `a` in, the next state in `h` (and `c`).
  func advance(
    _ maps: RecurrentWeights.Layer, _ cell: RecurrentConfiguration.Cell, _ kernels: EncoderKernels, rows: Int
  ) {
    kernels.linear(h, rows: rows, maps.recurrent, into: &u)
    if let recurrentNew = maps.recurrentNew {
      kernels.gru4recReset(&a, u, h, into: &reset, rows: rows)
      kernels.linear(reset, rows: rows, recurrentNew, into: &new)
      kernels.gru4recUpdate(a, new, &h, rows: rows)
    } else if cell == .gru {
      kernels.gruGates(a, u, &h, rows: rows)
    } else {
      kernels.lstmGates(a, u, &h, &c, rows: rows)
    }
  }

  /// Copies `count` floats of `source` to `at` of h, or of c.
  func set(_ isCell: Bool, _ count: Int, from source: borrowing AlignedBuffer<Float>, at from: Int, to at: Int) {
    if isCell {
      c.floats.copy(count, from: source, at: from, to: at)
    } else {
      h.floats.copy(count, from: source, at: from, to: at)
    }
  }

  /// Sets `count` floats from `at` of h, or of c, to zero.
  func zero(_ isCell: Bool, _ count: Int, at: Int) {
    if isCell { c.floats.zero(count, at: at) } else { h.floats.zero(count, at: at) }
  }

  /// Reads one part of a session's state into h, or c.
  func read(_ isCell: Bool, _ pool: borrowing PagePool, slot: Int, offset: Int, at: Int) {
    if isCell {
      pool.read(slot: slot, offset: offset, count: stride, into: &c.floats, at: at)
    } else {
      pool.read(slot: slot, offset: offset, count: stride, into: &h.floats, at: at)
    }
  }
}
