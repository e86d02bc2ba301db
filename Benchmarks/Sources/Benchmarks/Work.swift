import Dispatch
import Events
import Sequential
import Synchronization

/// Something that is measured: state of one thread, and what it does again and again.
protocol Work: AnyObject {
  func run()
}

/// Measures what `make` gives on `threads` threads side by side, each with its own; `operations` are those of one run of one thread.
func measure(threads: Int = 1, runs: Int, operations: Int, _ make: @Sendable () -> any Work) -> Sample {
  guard threads > 1 else {
    let work = make()
    return Sample(runs: runs, operations: operations) { work.run() }
  }
  let samples = Mutex<[Sample]>([])
  DispatchQueue.concurrentPerform(iterations: threads) { _ in
    let work = make()
    let sample = Sample(runs: runs, operations: operations) { work.run() }
    samples.withLock { $0.append(sample) }
  }
  return Sample(together: samples.withLock { $0 })
}

/// Steps of sessions that take turns, `batch` a wave. Every step stands at the same place of its window, so that all cost the same.
final class Steps: Work {
  private let encoder: any SequenceEncoder
  private let batch: Int
  private let position: Int
  private let itemCount: Int
  private let slots: [Int]
  private var next = 0
  private var item = 0
  private var wave = Wave()
  private(set) var hidden: AlignedBuffer<Float>

  /// `sessions` sessions whose windows hold `length` items with the step. Where `isFilled`, their memories come from
  /// earlier steps, else they are the zeros of new memory: arithmetic takes as long, and 100,000 sessions are there at once.
  init(
    _ model: SequentialModel, batch: Int, length: Int, sessions: Int, keysValues: SequentialModel.KeysValues = .fp32,
    isFilled: Bool
  ) {
    encoder = model.makeEncoder(slots: sessions, budget: 16 << 30, keysValues: keysValues)
    self.batch = batch
    position = length - 1
    itemCount = model.configuration.itemCount
    hidden = AlignedBuffer(count: batch * encoder.hiddenSize, repeating: 0)
    var numbers = Numbers(4)
    slots = (0..<sessions).shuffled(using: &numbers)
    for slot in 0..<sessions { precondition(encoder.reserve(slot: slot, positions: length)) }
    // A recurrent state is read unless its window begins.
    guard isFilled else { return }
    for start in 0..<position {
      for _ in 0..<sessions / batch { step(at: start) }
    }
  }

  func run() { step(at: position) }

  private func step(at position: Int) {
    wave.removeAll()
    for _ in 0..<batch {
      wave.begin(slot: slots[next], at: position)
      wave.append(ItemIndex(item))
      next = next + 1 == slots.count ? 0 : next + 1
      item = item + 7 < itemCount ? item + 7 : 0
    }
    encoder.step(wave, into: &hidden)
  }
}

/// Top-20 of a catalogue for a batch of hidden states.
final class Ranking: Work {
  private let catalogue: Catalogue
  private let batch: Int
  private var scratch: TopKScratch
  private let exclusions = Exclusions()
  private var items: [ScoredItem] = []
  private var results: [TopKResult] = []
  private var queries: [AlignedBufferBox] = []
  private var turn = 0

  init(_ catalogue: Catalogue, batch: Int) {
    self.catalogue = catalogue
    self.batch = batch
    scratch = catalogue.makeScratch(maximumBatch: batch, maximumK: 20)
    var numbers = Numbers(5)
    for _ in 0..<8 {
      var buffer = AlignedBuffer<Float>(count: batch * catalogue.width, repeating: 0)
      for index in 0..<buffer.count { buffer[index] = numbers.float(1) }
      queries.append(AlignedBufferBox(buffer))
    }
  }

  func run() {
    turn = (turn + 1) % queries.count
    rank(queries[turn].buffer)
  }

  /// The best of each row of `hidden`.
  func rank(_ hidden: borrowing AlignedBuffer<Float>) {
    items.removeAll(keepingCapacity: true)
    results.removeAll(keepingCapacity: true)
    catalogue.topK(
      hidden, count: batch, k: 20, exclusions: exclusions, scratch: &scratch, items: &items, results: &results)
  }
}

/// A buffer in an array.
final class AlignedBufferBox {
  let buffer: AlignedBuffer<Float>
  init(_ buffer: consuming AlignedBuffer<Float>) { self.buffer = buffer }
}

/// A step and its top-20.
final class Clicks: Work {
  private let steps: Steps
  private let ranking: Ranking

  init(_ model: SequentialModel, batch: Int, length: Int) {
    steps = Steps(model, batch: batch, length: length, sessions: 4 * batch, isFilled: true)
    ranking = Ranking(model.catalogue, batch: batch)
  }

  func run() {
    steps.run()
    ranking.rank(steps.hidden)
  }
}
