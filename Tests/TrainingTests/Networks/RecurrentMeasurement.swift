import Foundation
import Sequential
import Testing

@testable import Training

/// Time of a step's forward and backward on one thread, printed: `INTENTD_MEASURE=recurrent swift test -c release --filter RecurrentMeasurement`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["INTENTD_MEASURE"] == "recurrent"), .serialized)
struct RecurrentMeasurement {
  /// Milliseconds of the best of `rounds` rounds of forward, and of forward and backward.
  static func milliseconds(
    _ shape: RecurrentShape, _ batch: PackedBatch, rounds: Int = 200
  ) -> (forward: Double, both: Double) {
    let network = RecurrentNetwork<Float>(shape, seed: 1)
    let length = zip(batch.starts.dropFirst(), batch.starts).map { Int($0 - $1) }.max() ?? 1
    let capacity = BatchCapacity(
      rows: batch.rows, sequences: batch.sequences, length: length, lanes: batch.lanes.count)
    let pass = network.makePass(capacity)
    let gradients = GradientSet(network.parameters)
    let gradient = Tensor<Float>(rows: batch.rows, columns: network.outputSize)
    let stream = RandomStream(seed: 1, purpose: .dropout)
    var best = (forward: Double.infinity, both: Double.infinity)
    for _ in 0..<rounds {
      let start = Self.threadTime()
      let hidden = pass.forward(batch, dropout: stream)
      let middle = Self.threadTime()
      gradient.copy(hidden, rows: batch.rows)
      pass.backward(gradient, batch, into: gradients)
      let end = Self.threadTime()
      best.forward = min(best.forward, middle - start)
      best.both = min(best.both, end - start)
    }
    return best
  }

  /// Milliseconds that this thread has computed: what others do on the machine counts less than in wall time.
  static func threadTime() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
  }

  /// Lengths with the quantiles of web shops' sessions: half of them at most 3, a tenth above 7, one in a hundred above 18.
  static func sessions(_ count: Int) -> PackedBatch {
    var random = RandomStream(seed: 9, purpose: .sampling)
    var batch = PackedBatch()
    for _ in 0..<count {
      let length = min(50, max(1, Int(exp(1.05 + 0.75 * random.normal()))))
      let items = (0..<length).map { _ in Int32(random.below(3000)) }
      batch.append(items: items[...], targets: ArraySlice(repeating: 0, count: length))
    }
    return batch
  }

  @Test(arguments: RecurrentConfiguration.Cell.allCases)
  func windows(_ cell: RecurrentConfiguration.Cell) {
    MatrixLibrary.useCallingThread()
    let shape = RecurrentShape(
      cell: cell, itemCount: 3000, maxLength: 50, layerSizes: [128], input: .embedding(size: 128), projects: true,
      embeddingDropout: 0.3, hiddenDropout: 0.3)
    for count in [64, 128] {
      let batch = Self.sessions(count)
      let time = Self.milliseconds(shape, batch)
      print("\(cell) 128/128, \(count) sequences, \(batch.rows) rows: forward \(time.forward) ms, both \(time.both) ms")
    }
  }

  @Test(arguments: RecurrentConfiguration.Cell.allCases)
  func lanes(_ cell: RecurrentConfiguration.Cell) {
    MatrixLibrary.useCallingThread()
    let shape = RecurrentShape(
      cell: cell, itemCount: 3000, maxLength: 50, layerSizes: [480], input: .embedding(size: 480),
      embeddingDropout: 0.45)
    for count in [48, 96, 192, 256] {
      var batch = PackedBatch()
      for lane in 0..<count { batch.append(items: [Int32(lane * 7)], targets: [0]) }
      batch.lanes = (0..<Int32(count)).map { $0 }
      batch.resets = [Bool](repeating: false, count: count)
      let time = Self.milliseconds(shape, batch)
      print("\(cell) 480, \(count) lanes of one event: forward \(time.forward) ms, both \(time.both) ms")
    }
  }
}
