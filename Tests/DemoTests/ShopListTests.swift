import Events
import Sequential
import Testing

@testable import Demo

/// What a person sees: the lists of a few clicks.
@Suite struct ShopListTests {
  private let shop = Shop(seed: 1)

  /// All items, best first, after `clicks`.
  private func list(_ clicks: [ItemIndex]) throws -> [ScoredItem] {
    let model = try ShopModel(shop).served()
    let encoder = model.makeEncoder(slots: 1, budget: 1 << 20)
    var hidden = AlignedBuffer<Float>(count: encoder.hiddenSize, repeating: 0)
    var wave = Wave()
    #expect(encoder.reserve(slot: 0, positions: clicks.count))
    wave.begin(slot: 0, at: 0)
    for item in clicks { wave.append(item) }
    encoder.prefill(wave, into: &hidden)
    var scratch = model.catalogue.makeScratch(maximumBatch: 1, maximumK: Shop.itemCount)
    var items: [ScoredItem] = []
    var results: [TopKResult] = []
    model.catalogue.topK(
      hidden, count: 1, k: Shop.itemCount, exclusions: Exclusions(), scratch: &scratch, items: &items, results: &results
    )
    return items
  }

  @Test func theListFollowsTheVisitorToAnotherCategory() throws {
    let tea = ItemIndex(shop.itemsOfCategory[0].lowerBound)
    let pens = shop.itemsOfCategory[18].map { ItemIndex($0) }
    let before = try list([tea, tea + 1, tea + 2]).prefix(10)
    #expect(before.allSatisfy { shop.categoryOfItem[Int($0.item)] == 0 })
    let after = try list([tea, tea + 1, tea + 2, pens[0], pens[1], pens[2]]).prefix(10)
    #expect(after.filter { shop.categoryOfItem[Int($0.item)] == 18 }.count >= 8)
  }

  @Test func accessoriesStandBeforeOtherCategories() throws {
    for category in shop.categories.indices {
      let first = ItemIndex(shop.itemsOfCategory[category].lowerBound)
      var sums = [Float](repeating: 0, count: shop.categories.count)
      for scored in try list([first, first + 1, first + 2]) {
        let other = shop.categoryOfItem[Int(scored.item)]
        sums[other] += scored.score / Float(shop.itemsOfCategory[other].count)
      }
      let accessories = shop.accessories[category].map { sums[$0] }
      let others = sums.indices.filter { $0 != category && !shop.accessories[category].contains($0) }
      let mean = others.reduce(0) { $0 + sums[$1] } / Float(others.count)
      #expect(accessories.reduce(0, +) / 2 > mean + 0.5)
    }
  }

  /// Two clicks on things of one maker bring more of that maker than there are in the shop.
  @Test func theListKeepsToTheMaker() throws {
    let maker = ShopWords.makers[0]
    var share = 0.0
    var lists = 0.0
    for items in shop.itemsOfCategory {
      let ofMaker = items.filter { shop.title(of: ItemIndex($0)).hasPrefix(maker) }.map { ItemIndex($0) }
      guard ofMaker.count >= 2 else { continue }
      let top = try list(Array(ofMaker.prefix(2))).prefix(10)
      share += Double(top.filter { shop.title(of: $0.item).hasPrefix(maker) }.count) / 10
      lists += 1
    }
    #expect(share / lists > 3.0 / Double(ShopWords.makers.count))
  }
}
