import Events
import Testing

@testable import Demo

@Suite struct ShopTests {
  let shop = Shop(seed: 1)

  @Test func hasItsItems() {
    #expect(shop.vocabulary.count == Shop.itemCount)
    #expect(shop.categories.count == 20 && shop.itemsOfCategory.count == 20)
    #expect(shop.itemsOfCategory.map(\.count).sorted() == Array(stride(from: 31, through: Shop.largestCategory, by: 2)))
    #expect(Set((0..<Shop.itemCount).map { shop.title(of: ItemIndex($0)) }).count > 990)
    for (category, items) in shop.itemsOfCategory.enumerated() {
      let word = ShopWords.categories[category]
      for item in items {
        let row = ItemIndex(item)
        #expect(shop.categoryOfItem[item] == category && shop.category(of: row) == word.name)
        #expect(shop.id(of: row).hasPrefix(word.id + "-") && shop.id(of: row).utf8.count == word.id.utf8.count + 5)
        #expect(word.kinds.contains { shop.title(of: row).hasSuffix(" \($0)") })
      }
    }
  }

  @Test func traitsAreDirectionsWithoutMean() {
    for item in 0..<Shop.itemCount {
      let traits = shop.traits[item * Shop.traitCount..<(item + 1) * Shop.traitCount]
      #expect(abs(traits.reduce(0, +)) < 1e-12 && abs(traits.reduce(0) { $0 + $1 * $1 } - 1) < 1e-12)
    }
  }

  @Test func someItemsAreMuchMorePopularThanOthers() {
    #expect(abs(shop.categoryWeights.reduce(0, +) - 1) < 1e-12)
    for items in shop.itemsOfCategory {
      let shares = shop.popularity[items].sorted()
      #expect(abs(shares.reduce(0, +) - 1) < 1e-12)
      #expect(shares[items.count - 1] > 10 * shares[0])
    }
  }

  @Test func accessoriesAreOtherCategories() {
    for (category, accessories) in shop.accessories.enumerated() {
      #expect(accessories.count == 2 && Set(accessories).count == 2 && !accessories.contains(category))
    }
  }

  @Test func wordsNeedNoEscapesInJSON() {
    let words = ShopWords.categories
    for word in ShopWords.makers + ShopWords.styles + words.map(\.name) + words.map(\.id) + words.flatMap(\.kinds) {
      #expect(!word.utf8.contains { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") })
    }
  }

  @Test func anotherSeedIsAnotherShop() {
    let other = Shop(seed: 2)
    #expect(Shop(seed: 1).traits == shop.traits && other.traits != shop.traits)
    #expect(other.title(of: 0) != shop.title(of: 0))
  }
}
