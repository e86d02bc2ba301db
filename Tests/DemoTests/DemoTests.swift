import Demo
import Sequential
import Testing
@Test func measureIt() throws {
  let clock = ContinuousClock()
  let a = clock.now
  let shop = Shop(seed: 1)
  let b = clock.now
  var s = ShopSimulation(shop: shop, seed: 1)
  var lengths: [UInt64: Int] = [:]
  for _ in 0..<100_000 { lengths[s.next()!.session, default: 0] += 1 }
  let c = clock.now
  let trial = ShopTrial(of: shop)
  let d = clock.now
  let m = try ShopModel(shop).served()
  let outcome = trial.measure(m)
  let e = clock.now
  print("shop", b - a, "100k", c - b, "trial", d - c, "measure", e - d, "mean", 100_000.0 / Double(lengths.count), lengths.values.max()!)
  for x in outcome.metrics { print(x.name, x.value) }
  var t = ShopSimulation(shop: shop, seed: 2, visitors: 1)
  for _ in 0..<60 { let e = t.next()!; print(e.sessionID, e.time % 10_000_000, shop.id(of: e.item), shop.title(of: e.item)) }
}
