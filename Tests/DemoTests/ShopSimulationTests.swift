import Demo
import Events
import Testing

@Suite struct ShopSimulationTests {
  private func clicks(_ simulation: ShopSimulation, _ count: Int) -> [ShopEvent] {
    var simulation = simulation
    return (0..<count).compactMap { _ in simulation.next() }
  }

  /// Fowler, Noll & Vo's hash (FNV-1a, 64 bits) of the rows of `events`.
  private func checksum(_ events: [ShopEvent], of shop: Shop) -> UInt64 {
    var bytes: [UInt8] = []
    for event in events { event.appendTSV(of: shop, to: &bytes) }
    return bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  @Test func clicksAreTheSameOnEveryMachine() {
    let simulation = ShopSimulation(seed: 1)
    #expect(checksum(clicks(simulation, 10_000), of: simulation.shop) == 6_968_740_678_070_651_488)
  }

  @Test func anotherSeedIsAnotherCrowdInTheSameShop() {
    let shop = Shop(seed: 1)
    let first = clicks(ShopSimulation(shop: shop, seed: 1), 1000)
    let second = clicks(ShopSimulation(shop: shop, seed: 2), 1000)
    #expect(first == clicks(ShopSimulation(seed: 1), 1000))
    #expect(Set(first.map(\.session)).isDisjoint(with: second.map(\.session)))
    #expect(first.map(\.item) != second.map(\.item))
  }

  @Test func clicksStandInTheOrderOfTime() {
    let events = clicks(ShopSimulation(seed: 5, visitors: 50, start: 1000), 20_000)
    #expect(events.count == 20_000 && events[0].time >= 1000)
    #expect(zip(events, events.dropFirst()).allSatisfy { $0.time <= $1.time })
    #expect(events.allSatisfy { (0..<ItemIndex(Shop.itemCount)).contains($0.item) })
  }

  @Test func sessionsAreAsInLife() {
    let events = clicks(ShopSimulation(seed: 5), 50_000)
    var lengths: [UInt64: Int] = [:]
    var times: [UInt64: EventTime] = [:]
    var longest: EventTime = 0
    var neighbours = 0
    for (place, event) in events.enumerated() {
      lengths[event.session, default: 0] += 1
      if let last = times.updateValue(event.time, forKey: event.session) { longest = max(longest, event.time - last) }
      if place > 0, events[place - 1].session == event.session { neighbours += 1 }
    }
    #expect(longest > 10 * 60 * 1000 && longest <= ShopSimulation.longestGap)
    #expect(neighbours < 500)
    // Visits that have surely ended.
    let closed = lengths.filter { events[49_999].time - times[$0.key]! > ShopSimulation.longestGap }
    #expect(closed.count > 8000)
    #expect(closed.values.min() == 2 && closed.values.max() == ShopSimulation.longestSession)
    let mean = Double(closed.values.reduce(0, +)) / Double(closed.count)
    #expect(mean > 4 && mean < 6)
    #expect(closed.values.filter { $0 <= 4 }.count * 2 > closed.count)
  }

  @Test func visitorsStayInACategoryAndComeBackToItems() {
    let simulation = ShopSimulation(seed: 6)
    var sessions: [UInt64: [ItemIndex]] = [:]
    for event in clicks(simulation, 20_000) { sessions[event.session, default: []].append(event.item) }
    var (clicks, moves, returns) = (0, 0, 0)
    for items in sessions.values {
      for place in items.indices.dropFirst() {
        clicks += 1
        let (last, next) = (items[place - 1], items[place])
        if simulation.shop.category(of: last) != simulation.shop.category(of: next) { moves += 1 }
        if items[..<place].contains(next) { returns += 1 }
      }
    }
    #expect((0.08...0.22).contains(Double(moves) / Double(clicks)))
    #expect((0.08...0.35).contains(Double(returns) / Double(clicks)))
  }
}
