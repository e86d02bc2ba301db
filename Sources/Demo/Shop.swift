public import Events

/// The demo's shop: 1,000 items in 20 categories. Everything about it follows from its seed, on every machine alike.
///
/// What an item is, is its category and its traits, a direction in 24 dimensions: its maker's character and its style's, both of
/// which stand in its title, and something of its own. Visitors look for traits wherever they are in the shop, so someone who
/// clicks things of one maker will click more of them. ``ShopSimulation`` lets visitors in; ``ShopModel`` knows what they look for.
public struct Shop: Sendable {
  /// Number of items, V.
  public static let itemCount = 1000
  /// Elements of a direction of traits.
  static let traitCount = 24
  /// Items of the largest category; the smallest has 31.
  static let largestCategory = 69

  /// What the shop was made from.
  public let seed: UInt64
  /// Ids of the items, such as `tea-0042`.
  public let vocabulary: Vocabulary
  /// Names of the categories.
  public let categories: [String]
  private let titles: [String]
  /// Category of each item; the items of a category stand side by side.
  let categoryOfItem: [Int]
  /// Items of each category.
  let itemsOfCategory: [Range<Int>]
  /// Categories that go with each category.
  let accessories: [[Int]]
  /// How often a visit begins in each category; sums to 1.
  let categoryWeights: [Double]
  /// [V] How popular each item is in its category; sums to 1 in each (Zipf's law).
  let popularity: [Double]
  /// [V, traitCount] directions: of length 1, and their elements sum to 0.
  let traits: [Double]
  /// The characters of the makers and of the styles, directions as well.
  let makers: [[Double]]
  let styles: [[Double]]

  /// The shop of `seed`.
  public init(seed: UInt64 = 1) {
    var generator = SplitMix64(seed: seed, purpose: 0x5348_4F50)
    self.seed = seed
    let words = ShopWords.categories
    categories = words.map(\.name)
    accessories = words.map { word in word.accessories.compactMap { id in words.firstIndex { $0.id == id } } }
    let zipf = words.indices.map { 1 / Double($0 + 3) }
    let total = zipf.reduce(0, +)
    categoryWeights = zipf.map { $0 / total }
    makers = ShopWords.makers.map { _ in Shop.direction(&generator) }
    styles = ShopWords.styles.map { _ in Shop.direction(&generator) }

    var sizes = words.indices.map { Shop.largestCategory - 2 * $0 }
    generator.shuffle(&sizes)
    var build = Build()
    for (category, size) in sizes.enumerated() {
      build.add(category, size: size, makers: makers, styles: styles, &generator)
    }
    precondition(build.titles.count == Shop.itemCount)
    guard let vocabulary = Vocabulary(build.ids) else {
      preconditionFailure("ids carry their row, so no two are equal")
    }
    self.vocabulary = vocabulary
    titles = build.titles
    categoryOfItem = build.categoryOfItem
    itemsOfCategory = build.itemsOfCategory
    popularity = build.popularity
    traits = build.traits
  }

  /// The id of `item`.
  public func id(of item: ItemIndex) -> String { vocabulary.id(of: item) }

  /// The title of `item`, such as `Halden organic oolong`.
  public func title(of item: ItemIndex) -> String { titles[Int(item)] }

  /// The name of the category of `item`.
  public func category(of item: ItemIndex) -> String { categories[categoryOfItem[Int(item)]] }

  /// A random direction without a mean, near the normal distribution before it is scaled.
  private static func direction(_ generator: inout SplitMix64) -> [Double] {
    unit((0..<traitCount).map { _ in generator.normal() })
  }

  /// `vector` without its mean, at length 1.
  static func unit(_ vector: [Double]) -> [Double] {
    var mean = 0.0
    for element in vector { mean += element }
    mean /= Double(vector.count)
    var square = 0.0
    for element in vector { square += (element - mean) * (element - mean) }
    let length = square.squareRoot()
    return vector.map { ($0 - mean) / length }
  }

  /// What is gathered item by item.
  private struct Build {
    var ids: [[UInt8]] = []
    var titles: [String] = []
    var categoryOfItem: [Int] = []
    var itemsOfCategory: [Range<Int>] = []
    var popularity: [Double] = []
    var traits: [Double] = []

    mutating func add(
      _ category: Int, size: Int, makers: [[Double]], styles: [[Double]], _ generator: inout SplitMix64
    ) {
      let words = ShopWords.categories[category]
      let first = ids.count
      var ranks = Array(1...size)
      generator.shuffle(&ranks)
      var total = 0.0
      for rank in 1...size { total += Build.zipf(rank) }
      var used: Set<String> = []
      for rank in ranks {
        var maker = 0
        var style = 0
        var title = ""
        repeat {
          maker = generator.below(makers.count)
          style = generator.below(styles.count)
          let kind = words.kinds[generator.below(words.kinds.count)]
          title = "\(ShopWords.makers[maker]) \(ShopWords.styles[style]) \(kind)"
        } while !used.insert(title).inserted
        let own = Shop.direction(&generator)
        traits += Shop.unit((0..<Shop.traitCount).map { makers[maker][$0] + styles[style][$0] + 0.6 * own[$0] })
        popularity.append(Build.zipf(rank) / total)
        titles.append(title)
        categoryOfItem.append(category)
        let number = "\(ids.count)"
        ids.append(Array("\(words.id)-\(String(repeating: "0", count: 4 - number.count))\(number)".utf8))
      }
      itemsOfCategory.append(first..<ids.count)
    }

    private static func zipf(_ rank: Int) -> Double { 1 / (Double(rank) + 2) }
  }
}
