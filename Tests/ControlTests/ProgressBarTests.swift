import Synchronization
import Testing

@testable import Control

@Suite struct ProgressBarTests {
  private final class Screen: Sendable {
    let drawn = Mutex<[String]>([])
    var texts: [String] { drawn.withLock { $0 } }
  }

  private func bar(_ screen: Screen, total: Int?, isTerminal: Bool = true, width: Int = 80) -> ProgressBar {
    ProgressBar("replay", total: total, width: width, isTerminal: isTerminal) { text in
      screen.drawn.withLock { $0.append(text) }
    }
  }

  @Test func nothingIsDrawnInAPipe() {
    let screen = Screen()
    var bar = bar(screen, total: 10, isTerminal: false)
    bar.update(done: 5, now: 0)
    bar.finish()
    #expect(screen.texts.isEmpty)
  }

  @Test func itDrawsAtMostTenTimesASecondAndCleansUp() {
    let screen = Screen()
    var bar = bar(screen, total: 1000)
    for step in 0...1000 { bar.update(done: step, now: Int64(step) * 2_000_000) }
    bar.finish()
    bar.finish()
    #expect(screen.texts.count == 22)
    #expect(screen.texts.last == "\r\u{1B}[K")
    #expect(
      screen.texts[20] == "\rreplay [##############################] 100 %  1.0k  500/s  0:00 left\u{1B}[K")
  }

  /// Who knows how long it takes says so: a bar that begins in the middle would not.
  @Test func aKnownTimeIsShownInPlaceOfAGuess() {
    let screen = Screen()
    for (call, left) in [200.4, .infinity, .nan].enumerated() {
      var bar = bar(screen, total: 1000)
      bar.update(done: 800 + call, now: 5_000_000_000, secondsLeft: left, note: "12 events/s")
    }
    let begin = "\rreplay [########################......] 80 %  "
    #expect(screen.texts[0] == begin + "3:20 left  12 events/s\u{1B}[K")
    #expect(screen.texts[1] == begin + "99:59:59 left  12 events/s\u{1B}[K")
    #expect(screen.texts[2] == begin + "0:00 left  12 events/s\u{1B}[K")
  }

  @Test func itFitsIntoTheTerminal() {
    let screen = Screen()
    var narrow = bar(screen, total: 10, width: 20)
    narrow.update(done: 5, now: 0)
    #expect(screen.texts[0].count == 1 + 19 + 3)
  }

  @Test func withoutATotalItCounts() {
    let screen = Screen()
    var bar = bar(screen, total: nil)
    bar.update(done: 0, now: 0)
    bar.update(done: 1_500_000, now: 1_000_000_000)
    #expect(screen.texts.last == "\rreplay  1.5M  1.5M/s\u{1B}[K")
  }

  @Test func aNoteStandsBehindTheNumbers() {
    let screen = Screen()
    var bar = bar(screen, total: nil)
    bar.update(done: 7, now: 0, note: "HR@20 .61")
    #expect(screen.texts == ["\rreplay  7  HR@20 .61\u{1B}[K"])
  }

  @Test func numbersAndTimesAreShort() {
    #expect(ProgressBar.short(999) == "999")
    #expect(ProgressBar.short(12_345) == "12.3k")
    #expect(ProgressBar.short(4_560_000_000) == "4.5G")
    #expect(ProgressBar.clock(182) == "3:02")
    #expect(ProgressBar.clock(3782) == "1:03:02")
  }
}
