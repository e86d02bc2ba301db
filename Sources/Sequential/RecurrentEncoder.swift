import Events

/// GRU and LSTM models, one step for each event: the session's memory is the state of every layer (equations in
/// `docs/model-directory.md`).
///
/// A prefill is a run of steps, sequences side by side. In recompute mode (`recurrent-prefix`) each window begins from the state
/// that its padding leaves, which depends on the window's length alone and is made once.
final class RecurrentEncoder: SequenceEncoder {
  /// Sequences that pass side by side.
  static let rowsPerPass = 64

  let weights: RecurrentWeights
  let kernels: EncoderKernels
  let isIncremental: Bool
  let layout: SessionMemoryLayout
  let hiddenSize: Int
  private var pool: PagePool
  private let layers: [RecurrentRows]
  /// [rows, e], where the input part is computed at each step.
  private var embedded: RowBuffer
  private var projected: RowBuffer
  /// Rows of the pass: index of the sequence in the wave, and its slot.
  private var active: [Int] = []
  /// [L + 1, state] after so much padding; empty without.
  private var prefixes: AlignedBuffer<Float>

  /// An encoder with `slots` sessions within `budget` bytes.
  init(_ model: ModelConfiguration, _ weights: RecurrentWeights, kernel: Kernel, slots: Int, budget: Int) {
    self.weights = weights
    kernels = EncoderKernels(kernel)
    isIncremental = model.isIncremental
    hiddenSize = model.outputSize
    let cell = weights.configuration.cell
    layers = weights.layers.map { RecurrentRows($0, cell, capacity: RecurrentEncoder.rowsPerPass) }
    let pageBytes = RecurrentEncoder.stateFloats(weights.configuration) * 4
    let slots = model.isIncremental ? slots : RecurrentEncoder.rowsPerPass
    layout = SessionMemoryLayout(
      pageBytes: pageBytes, positionsPerPage: model.maxLength, pagesPerSession: model.isIncremental ? 1 : 0)
    pool = PagePool(
      pageBytes: pageBytes, pagesPerSlot: 1, slots: slots, budget: model.isIncremental ? budget : slots * pageBytes)
    embedded = RowBuffer(capacity: RecurrentEncoder.rowsPerPass, width: weights.embedding?.columns ?? 1)
    projected = RowBuffer(capacity: RecurrentEncoder.rowsPerPass, width: model.outputSize)
    active.reserveCapacity(RecurrentEncoder.rowsPerPass)
    prefixes = AlignedBuffer(count: 0, repeating: 0)
    if weights.padding == .recurrentPrefix { prefixes = makePrefixes() }
  }

  /// Floats of a session's state: of each layer h, and c of an LSTM, padded to 16.
  static func stateFloats(_ configuration: RecurrentConfiguration) -> Int {
    configuration.layerSizes.reduce(0) { $0 + RowBuffer.padded($1) } * (configuration.cell == .lstm ? 2 : 1)
  }

  var memoryInUse: Int { isIncremental ? pool.bytesInUse : 0 }

  func reserve(slot: Int, positions: Int) -> Bool {
    isIncremental ? pool.reserve(slot: slot, pages: layout.pages(for: positions)) : true
  }

  func release(slot: Int) {
    if isIncremental { pool.release(slot: slot) }
  }

  func encode(_ wave: borrowing Wave, into hidden: inout AlignedBuffer<Float>) {
    for first in stride(from: 0, to: wave.count, by: RecurrentEncoder.rowsPerPass) {
      let group = first..<min(first + RecurrentEncoder.rowsPerPass, wave.count)
      var depth = 0
      repeat {
        active.removeAll(keepingCapacity: true)
        for sequence in group where wave.range(sequence).count > depth { active.append(sequence) }
        if !active.isEmpty { step(wave, depth: depth, first: first, into: &hidden) }
        depth += 1
      } while !active.isEmpty
    }
  }

  /// One step of every active sequence: state in, layers, state out.
  private func step(_ wave: borrowing Wave, depth: Int, first: Int, into hidden: inout AlignedBuffer<Float>) {
    let rows = active.count
    for row in 0..<rows {
      let sequence = active[row]
      loadState(wave, sequence: sequence, slot: slot(wave, sequence, first), depth: depth, row: row)
      let item = Int(wave.items[wave.range(sequence).lowerBound + depth])
      if !weights.hasInputTable, let embedding = weights.embedding {
        embedded.floats.copy(
          embedding.columns, from: embedding.storage, at: item * embedding.columns, to: row * embedded.stride)
      } else {
        loadInput(item: item, row: row)
      }
    }
    if !weights.hasInputTable, let input = weights.layers[0].input {
      kernels.linear(embedded, rows: rows, input, into: &layers[0].a)
    }
    advance(rows: rows)
    for row in 0..<rows { storeState(slot: slot(wave, active[row], first), row: row) }
    output(wave, depth: depth, into: &hidden)
  }

  private func loadInput(item: Int, row: Int) {
    layers[0].a.floats.copy(
      weights.inputStride, from: weights.inputTable, at: item * weights.inputStride, to: row * weights.inputStride)
  }

  private func slot(_ wave: borrowing Wave, _ sequence: Int, _ first: Int) -> Int {
    isIncremental ? Int(wave.slots[sequence]) : sequence - first
  }

  private func loadState(_ wave: borrowing Wave, sequence: Int, slot: Int, depth: Int, row: Int) {
    let isFirst = Int(wave.starts[sequence]) + depth == 0
    var offset = 0
    for layer in layers {
      let at = row * layer.stride
      for isCell in layer.parts {
        if isFirst, prefixes.count > 0 {
          let state = RecurrentEncoder.stateFloats(weights.configuration)
          let from = (weights.maxLength - wave.range(sequence).count) * state + offset
          layer.set(isCell, layer.stride, from: prefixes, at: from, to: at)
        } else if isFirst {
          layer.zero(isCell, layer.stride, at: at)
        } else {
          layer.read(isCell, pool, slot: slot, offset: offset, at: at)
        }
        offset += layer.stride
      }
    }
  }

  private func storeState(slot: Int, row: Int) {
    if !isIncremental { precondition(pool.reserve(slot: slot, pages: 1)) }
    var offset = 0
    for layer in layers {
      let at = row * layer.stride
      pool.write(slot: slot, offset: offset, count: layer.stride, from: layer.h.floats, at: at)
      offset += layer.stride
      guard layer.parts.count > 1 else { continue }
      pool.write(slot: slot, offset: offset, count: layer.stride, from: layer.c.floats, at: at)
      offset += layer.stride
    }
  }

  /// All layers over `rows` rows; layer 0's input part stands in its `a`.
  private func advance(rows: Int) {
    for index in layers.indices {
      let layer = layers[index]
      let maps = weights.layers[index]
      if index > 0, let input = maps.input { kernels.linear(layers[index - 1].h, rows: rows, input, into: &layer.a) }
      layer.advance(maps, weights.configuration.cell, kernels, rows: rows)
    }
  }

  /// Hidden states of the sequences whose last item this was.
  private func output(_ wave: borrowing Wave, depth: Int, into hidden: inout AlignedBuffer<Float>) {
    let top = layers[layers.count - 1]
    if let projection = weights.projection {
      kernels.linear(top.h, rows: active.count, projection, into: &projected)
    }
    for row in 0..<active.count where wave.range(active[row]).count == depth + 1 {
      if weights.projection == nil {
        hidden.copy(hiddenSize, from: top.h.floats, at: row * top.stride, to: active[row] * hiddenSize)
      } else {
        hidden.copy(hiddenSize, from: projected.floats, at: row * projected.stride, to: active[row] * hiddenSize)
      }
    }
  }

  /// The state after 0, 1, … L rows of padding.
  private func makePrefixes() -> AlignedBuffer<Float> {
    let state = RecurrentEncoder.stateFloats(weights.configuration)
    var result = AlignedBuffer<Float>(count: (weights.maxLength + 1) * state, repeating: 0)
    for length in 1...weights.maxLength {
      weights.paddingInput(into: &layers[0].a, kernels)
      advance(rows: 1)
      var offset = length * state
      for layer in layers {
        result.copy(layer.stride, from: layer.h.floats, at: 0, to: offset)
        offset += layer.stride
        guard layer.parts.count > 1 else { continue }
        result.copy(layer.stride, from: layer.c.floats, at: 0, to: offset)
        offset += layer.stride
      }
    }
    return result
  }
}
