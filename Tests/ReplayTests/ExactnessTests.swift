import Events
import Testing

@testable import Replay

@Suite struct ExactnessTests {
  private struct Click {
    var session: Int
    var time: EventTime
    var partition: Int32
    /// The record's timestamp: what cuts a topic.
    var recordTime: EventTime
    var number: Int
  }

  private static let idle: Int64 = 30 * 60_000
  private static let base: EventTime = 1_700_000_000_000

  /// A session's visits, as the rule of serving cuts them; what a prediction depends on are the numbers of the visit's clicks.
  private struct Visits {
    var greatest: [Int: EventTime] = [:]
    var visit: [Int: [Int]] = [:]

    mutating func take(_ click: Click) -> [Int] {
      if let greatest = greatest[click.session], click.time - greatest > ExactnessTests.idle {
        visit[click.session] = []
      }
      greatest[click.session] = max(greatest[click.session] ?? click.time, click.time)
      visit[click.session, default: []].append(click.number)
      return visit[click.session]!
    }

    mutating func forget(_ session: Int) {
      visit[session] = nil
      greatest[session] = nil
    }
  }

  /// Clicks of sessions that come and go, on the partition of their session, with clocks that are wrong by up to minutes, one record a second.
  private func clicks(_ count: Int, seed: UInt64) -> [Click] {
    var state = seed
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    return (0..<count).map { number in
      let session = below(10) < 7 ? number / 40 + below(5) : below(60)
      let recordTime = Self.base + Int64(number) * 5_000 + Int64(below(60_000))
      // Often late by a little, now and then by hours, at most as early as decoding lets through.
      let shift = below(20) == 0 ? -Int64(below(4 * 3_600_000)) : Int64(below(Int(Limits.futureMilliseconds)))
      return Click(
        session: session, time: recordTime + shift, partition: Int32(session % 3), recordTime: recordTime,
        number: number)
    }
  }

  private func id(_ session: Int) -> [UInt8] { Array("session-\(session)".utf8) }

  @Test(
    "What is called exact has the whole visit, wherever the reading begins", arguments: [1, 2, 3, 4, 5] as [UInt64],
    [0.0, 0.2, 0.5, 0.8])
  func beginnings(seed: UInt64, share: Double) {
    let all = clicks(6000, seed: seed)
    var truth = Visits()
    let expected = all.map { truth.take($0) }
    // As a look-up by time does it: each partition begins at its first record with that timestamp or a later one.
    let since = Self.base + Int64(Double(all.count) * 5_000 * share)
    let starts = (0..<3).map { partition in
      all.first { $0.partition == partition && $0.recordTime >= since && share > 0 }?.number ?? 0
    }
    let unread = share > 0 ? since - 1 + Limits.futureMilliseconds : .min
    var replay = Visits()
    var exactness = Exactness(idleTimeout: Self.idle)
    var (exact, inexact) = (0, 0)
    for click in all where click.number >= starts[Int(click.partition)] {
      let got = replay.take(click)
      let place = Exactness.Place(partition: click.partition, unread: unread, forgotten: .min)
      if exactness.observe(id(click.session).span, at: click.time, place) {
        exact += 1
        #expect(got == expected[click.number])
      } else {
        inexact += 1
      }
    }
    #expect(exact > 500)
    #expect((inexact > 0) == (share > 0))
    #expect(exactness.splitSessions == 0)
  }

  @Test(
    "Sessions that a store or the table itself forgot are never called exact too soon",
    arguments: [1, 2, 3] as [UInt64])
  func forgotten(seed: UInt64) {
    let all = clicks(6000, seed: seed)
    var truth = Visits()
    var replay = Visits()
    // The least recently used session goes, as in a store that is too small.
    var order: [Int] = []
    var forgotten = EventTime.min
    var exactness = Exactness(idleTimeout: Self.idle, openSessions: 25)
    var (exact, wrong) = (0, 0)
    for click in all {
      let expected = truth.take(click)
      let before = forgotten
      let got = replay.take(click)
      order.removeAll { $0 == click.session }
      order.append(click.session)
      if order.count > 20 {
        let victim = order.removeFirst()
        forgotten = max(forgotten, replay.greatest[victim]!)
        replay.forget(victim)
      }
      let place = Exactness.Place(partition: click.partition, unread: .min, forgotten: max(before, forgotten))
      let isExact = exactness.observe(id(click.session).span, at: click.time, place)
      if isExact { exact += 1 }
      if got != expected {
        wrong += 1
        #expect(!isExact)
      }
    }
    #expect(wrong > 0 && exact > 0)
  }

  @Test("A session on two partitions is not exact from the second one on") func splitSession() {
    var exactness = Exactness(idleTimeout: Self.idle)
    func observe(_ partition: Int32, _ time: Int64) -> Bool {
      exactness.observe(
        id(1).span, at: Self.base + time, Exactness.Place(partition: partition, unread: .min, forgotten: .min))
    }
    #expect(observe(0, 0))
    #expect(!observe(1, 1))
    #expect(!observe(0, 2))
    #expect(!observe(0, 10 * Self.idle))
    #expect(exactness.splitSessions == 1)
  }

  @Test("The gap that makes a beginning is above the idle timeout, as in serving") func boundary() {
    for (gap, isExact) in [(Self.idle, false), (Self.idle + 1, true)] {
      var exactness = Exactness(idleTimeout: Self.idle)
      let place = Exactness.Place(partition: 0, unread: Self.base, forgotten: .min)
      #expect(exactness.observe(id(1).span, at: Self.base + gap, place) == isExact)
    }
  }
}
