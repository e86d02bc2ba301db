import Events

/// SASRec, one step for each event: keys and values of earlier positions stay in the session's pages, a new item is one row
/// (Kang & McAuley 2018; forms in `docs/model-directory.md`).
///
/// A step, a wave and a prefill are the same code over rows: keys and values of all rows are written first, then each row attends to
/// the positions up to its own. In recompute mode a window stands in scratch pages for the length of one call.
final class SASRecEncoder: SequenceEncoder {
  /// Rows that pass through the blocks together.
  static let rowsPerPass = 64
  /// Windows that are encoded together in recompute mode.
  static let scratchSlots = 32

  let weights: SASRecWeights
  let kernels: EncoderKernels
  let isIncremental: Bool
  let layout: SessionMemoryLayout
  let isBrainFloat: Bool
  var pool: PagePool
  var rows: SASRecRows
  private let paddingRows: [PaddingRow]

  /// An encoder with `slots` sessions within `budget` bytes of keys and values, kept in bf16 where `isBrainFloat`.
  init(
    _ model: ModelConfiguration, _ weights: SASRecWeights, kernel: Kernel, slots: Int, budget: Int, isBrainFloat: Bool
  ) {
    self.weights = weights
    self.isBrainFloat = isBrainFloat
    kernels = EncoderKernels(kernel)
    isIncremental = model.isIncremental
    let configuration = weights.configuration
    let pageBytes = SASRecEncoder.pageBytes(configuration, isBrainFloat: isBrainFloat)
    let pages = (model.maxLength + 15) / 16
    layout = SessionMemoryLayout(
      pageBytes: pageBytes, positionsPerPage: 16, pagesPerSession: model.isIncremental ? pages : 0)
    let slots = model.isIncremental ? slots : SASRecEncoder.scratchSlots
    pool = PagePool(
      pageBytes: pageBytes, pagesPerSlot: pages, slots: slots,
      budget: model.isIncremental ? budget : slots * pages * pageBytes)
    rows = SASRecRows(weights, kernels)
    paddingRows = rows.makePaddingRows()
  }

  /// Bytes of 16 positions: keys and values of every block, rounded up to cache lines.
  static func pageBytes(_ configuration: SASRecConfiguration, isBrainFloat: Bool) -> Int {
    // In bf16 two lanes of a key share a word.
    let lanes = configuration.hiddenSize
    let bytes = configuration.blocks * 16 * (isBrainFloat ? 2 * ((lanes + 1) / 2 * 2 + lanes) : 8 * lanes)
    return (bytes + 63) / 64 * 64
  }

  var hiddenSize: Int { weights.configuration.hiddenSize }
  var memoryInUse: Int { isIncremental ? pool.bytesInUse : 0 }

  func reserve(slot: Int, positions: Int) -> Bool {
    isIncremental ? pool.reserve(slot: slot, pages: layout.pages(for: positions)) : true
  }

  func release(slot: Int) {
    if isIncremental { pool.release(slot: slot) }
  }

  func encode(_ wave: borrowing Wave, into hidden: inout AlignedBuffer<Float>) {
    if isIncremental {
      encode(wave, sequences: 0..<wave.count, into: &hidden)
      return
    }
    for first in stride(from: 0, to: wave.count, by: SASRecEncoder.scratchSlots) {
      let group = first..<min(first + SASRecEncoder.scratchSlots, wave.count)
      for sequence in group {
        let pages = (wave.range(sequence).count + 15) / 16
        precondition(pool.reserve(slot: sequence - first, pages: pages))
      }
      encode(wave, sequences: group, into: &hidden)
      for sequence in group { pool.release(slot: sequence - first) }
    }
  }

  /// Rows of `sequences`, in passes of at most ``rowsPerPass``.
  private func encode(_ wave: borrowing Wave, sequences: Range<Int>, into hidden: inout AlignedBuffer<Float>) {
    rows.removeAll()
    for sequence in sequences {
      let items = wave.range(sequence)
      let slot = isIncremental ? Int(wave.slots[sequence]) : sequence - sequences.lowerBound
      for index in items {
        let position = Int(wave.starts[sequence]) + index - items.lowerBound
        rows.append(
          slot: slot, position: position, length: items.count, isOutput: index == items.upperBound - 1,
          sequence: sequence)
        rows.embed(wave.items[index], position: position, length: items.count)
        if rows.count == SASRecEncoder.rowsPerPass { pass(into: &hidden) }
      }
    }
    if rows.count > 0 { pass(into: &hidden) }
  }

  /// All blocks over the rows gathered; hidden states of output rows go to their sequences' rows of `hidden`.
  private func pass(into hidden: inout AlignedBuffer<Float>) {
    kernels.prefetch(
      slots: rows.slots, positions: rows.positions, rows: rows.count, width: hiddenSize, isBrainFloat: isBrainFloat,
      in: pool)
    rows.normEmbeddings()
    for index in weights.blocks.indices {
      rows.project(weights.blocks[index], rows: rows.count)
      kernels.store(
        keys: rows.key, values: rows.value, slots: rows.slots, positions: rows.positions, rows: rows.count,
        block: index, isBrainFloat: isBrainFloat, in: pool)
      // Behind the last block only the last item of each sequence is of use.
      if index == weights.blocks.count - 1 { rows.keepOutputs() }
      if rows.count > 0 {
        rows.attend(
          block: index, isBrainFloat: isBrainFloat, pool: pool, padding: paddingRows.isEmpty ? nil : paddingRows[index])
        rows.finish(weights.blocks[index], rows: rows.count)
      }
    }
    rows.normOutputs()
    for row in 0..<rows.count {
      hidden.copy(
        hiddenSize, from: rows.x.floats, at: row * rows.x.stride, to: Int(rows.sequences[row]) * hiddenSize)
    }
    rows.removeAll()
  }
}
