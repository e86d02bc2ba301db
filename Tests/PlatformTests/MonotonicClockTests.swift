import Foundation
import Platform
import Testing

@Suite struct MonotonicClockTests {
  @Test func itGoesForwardAtTheRateOfTime() {
    let before = MonotonicClock.nanoseconds
    usleep(20_000)
    let passed = MonotonicClock.nanoseconds - before
    #expect(passed >= 20_000_000)
    #expect(passed < 20_000_000_000)
  }

  @Test func cpuTimeGrowsWithWorkNotWithWaiting() {
    let start = MonotonicClock.threadCPU
    usleep(20_000)
    let waited = MonotonicClock.threadCPU
    #expect(waited - start < 20_000_000)
    var sum: UInt64 = 1
    while MonotonicClock.threadCPU - waited < 1_000_000 { sum = sum &* 6_364_136_223_846_793_005 &+ 1 }
    #expect(sum != 0)
    #expect(MonotonicClock.processCPU > 0)
  }
}
