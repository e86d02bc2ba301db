import Foundation
import Testing

@testable import Training

@Suite struct DivergenceWatchTests {
  /// Steps until it says that the training diverged, of those that `losses` gives.
  private func steps(_ losses: some Sequence<Double>, after first: [Double] = []) -> Int? {
    var watch = DivergenceWatch()
    for loss in first {
      let isOver = watch.observe(loss)
      #expect(!isOver)
    }
    for (step, loss) in losses.enumerated() where watch.observe(loss) { return step + 1 }
    return nil
  }

  /// What falls, or stays, or rises less than threefold, goes on.
  @Test func goesOn() {
    #expect(steps((0..<5000).map { 7 / (1 + Double($0) / 100) }) == nil)
    #expect(steps([Double](repeating: 20, count: 5000), after: [Double](repeating: 7, count: 50)) == nil)
  }

  /// One step, however bad up to a hundred times the start, is no divergence.
  @Test func forgivesAStep() {
    let calm = [Double](repeating: 7, count: 300)
    #expect(steps([700] + calm, after: calm) == nil)
  }

  /// A loss that stays at ten times the start is found within a few dozen steps, one that explodes at once.
  @Test func findsAnExplosion() throws {
    let calm = [Double](repeating: 7, count: 300)
    let found = try #require(steps([Double](repeating: 70, count: 100), after: calm))
    #expect((5...40).contains(found))
    #expect(steps([1e6], after: calm) == 1)
    #expect(steps((0..<1000).map { 7 * exp2(Double($0) / 100) }, after: calm) != nil)
  }

  /// The noise of a loss near zero is none.
  @Test func aSmallStartHasRoom() {
    let small = [Double](repeating: 0.001, count: 100)
    #expect(steps([Double](repeating: 0.25, count: 1000), after: small) == nil)
    #expect(steps([Double](repeating: 0.5, count: 1000), after: small) != nil)
  }

  /// The first five steps alone are the start: what explodes right behind them is found.
  @Test func theStartIsShort() {
    #expect(steps((0..<5).map { exp2(Double($0)) }) == nil)
    #expect(steps((0..<50).map { 7 * exp2(Double($0)) }).map { $0 < 15 } == true)
  }
}
