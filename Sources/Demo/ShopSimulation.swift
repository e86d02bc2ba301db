public import Events

/// The clicks of the demo's shop, one at a time, without end: some hundred visitors side by side, each session after the other.
///
/// A visitor comes with a wish, a direction of traits near one maker and one style, and starts in some category. A click falls on
/// an item of the category as often as its popularity · exp(traits · wish) says, and draws the wish towards the item's traits. Before
/// a click the visitor may go to a category that goes with this one, back to the last one, or anywhere; or returns to an item seen
/// before. Visits have 2…60 clicks, most have few (Pareto); gaps between clicks are heavy-tailed, most are seconds, none is longer
/// than ``longestGap``.
///
/// The clicks follow from shop, seed, visitors and start alone, on every machine alike. Memory is bounded by the number of visitors.
public struct ShopSimulation: IteratorProtocol, Sendable {
  /// Longest gap between two clicks of a session, in milliseconds.
  public static let longestGap: EventTime = 20 * 60 * 1000
  /// Most clicks of a session.
  public static let longestSession = 60
  /// 2026-03-02 08:00 UTC: when the shop opens, unless told otherwise.
  public static let opening: EventTime = 1_772_438_400_000

  /// How strongly a wish decides, between items of a category.
  static let determination = 6.0
  private static let returnShare = 0.06
  /// How much less an item draws that the visitor has just seen.
  private static let seenBefore = 0.3
  private static let accessoryShare = 0.09
  private static let backShare = 0.03
  private static let anywhereShare = 0.03
  /// How much of a clicked item's traits goes into the wish, and how much else.
  private static let drift = (item: 0.10, noise: 0.06)
  /// Items that a visitor can return to.
  private static let remembered = 8

  private struct Visitor: BitwiseCopyable {
    var session: UInt64 = 0
    var time: EventTime = 0
    var category = 0
    var previousCategory = 0
    var clicksLeft = 0
    var clicks = 0
  }

  /// Where it happens.
  public let shop: Shop
  private var generator: SplitMix64
  private var sessions: UInt64
  private var visitors: [Visitor] = []
  /// [visitors, traitCount]
  private var wishes: [Double]
  /// [visitors, remembered], a ring.
  private var seen: [ItemIndex]
  /// Visitors in a heap: the one whose click is next comes first.
  private var queue: [Int32] = []
  /// [largestCategory]
  private var weights = [Double](repeating: 0, count: Shop.largestCategory)

  /// The clicks in `shop` from `start` on, with `visitors` side by side: about six clicks a second for 400 of them. Another
  /// `seed` gives other visitors in the same shop.
  public init(shop: Shop, seed: UInt64, visitors count: Int = 400, start: EventTime = ShopSimulation.opening) {
    precondition(count > 0 && count <= Int(Int32.max) && start >= 0)
    self.shop = shop
    generator = SplitMix64(seed: seed, purpose: 0x434C_4943_4B53)
    sessions = generator.next()
    wishes = [Double](repeating: 0, count: count * Shop.traitCount)
    seen = [ItemIndex](repeating: 0, count: count * ShopSimulation.remembered)
    for index in 0..<count {
      visitors.append(Visitor())
      let delay = generator.heavyTailed(median: 30_000, limit: 600_000)
      begin(index, at: start + EventTime(delay))
      queue.append(Int32(index))
      rise(from: index)
    }
  }

  /// The clicks in the shop of `seed`.
  public init(seed: UInt64 = 1, visitors: Int = 400, start: EventTime = ShopSimulation.opening) {
    self.init(shop: Shop(seed: seed), seed: seed, visitors: visitors, start: start)
  }

  /// The next click; times never fall. There is always one.
  public mutating func next() -> ShopEvent? {
    let index = Int(queue[0])
    let event = click(index)
    if visitors[index].clicksLeft > 0 {
      let gap = generator.heavyTailed(median: 14_000, limit: Double(ShopSimulation.longestGap) - 1500)
      visitors[index].time += 1500 + EventTime(gap)
    } else {
      let pause = generator.heavyTailed(median: 20_000, limit: 600_000)
      begin(index, at: visitors[index].time + EventTime(pause))
    }
    sink()
    return event
  }

  // MARK: A visitor

  /// Begins a session of visitor `index`.
  private mutating func begin(_ index: Int, at time: EventTime) {
    let category = generator.index(of: shop.categoryWeights, count: shop.categoryWeights.count)
    let maker = generator.below(shop.makers.count)
    let style = generator.below(shop.styles.count)
    var wish: [Double] = []
    for trait in 0..<Shop.traitCount {
      wish.append(shop.makers[maker][trait] + shop.styles[style][trait] + 0.1 * generator.normal())
    }
    setWish(of: index, wish)
    let length = min(Double(ShopSimulation.longestSession), 3 / generator.uniform().squareRoot() - 0.5)
    visitors[index] = Visitor(
      session: ShopSimulation.number(sessions), time: time, category: category, previousCategory: category,
      clicksLeft: Int(length))
    sessions &+= 1
  }

  /// The click of visitor `index`, whose turn it is.
  private mutating func click(_ index: Int) -> ShopEvent {
    var visitor = visitors[index]
    let ring = index * ShopSimulation.remembered
    let item: ItemIndex
    if visitor.clicks > 1, generator.uniform() < ShopSimulation.returnShare {
      item = seen[ring + generator.below(min(visitor.clicks, ShopSimulation.remembered))]
      move(&visitor, to: shop.categoryOfItem[Int(item)])
    } else {
      if visitor.clicks > 0 { wander(&visitor) }
      item = drawItem(for: visitor, index)
    }
    let traits = Int(item) * Shop.traitCount
    let first = index * Shop.traitCount
    var wish: [Double] = []
    for trait in 0..<Shop.traitCount {
      let noise = ShopSimulation.drift.noise * generator.normal()
      wish.append(wishes[first + trait] + ShopSimulation.drift.item * shop.traits[traits + trait] + noise)
    }
    setWish(of: index, wish)
    seen[ring + visitor.clicks % ShopSimulation.remembered] = item
    visitor.clicks += 1
    visitor.clicksLeft -= 1
    visitors[index] = visitor
    return ShopEvent(session: visitor.session, item: item, time: visitor.time)
  }

  /// Maybe takes a visitor to another category.
  private mutating func wander(_ visitor: inout Visitor) {
    var share = generator.uniform()
    let accessories = shop.accessories[visitor.category]
    if share < ShopSimulation.accessoryShare {
      move(&visitor, to: accessories[generator.below(accessories.count)])
      return
    }
    share -= ShopSimulation.accessoryShare
    if share < ShopSimulation.backShare {
      move(&visitor, to: visitor.previousCategory)
    } else if share < ShopSimulation.backShare + ShopSimulation.anywhereShare {
      move(&visitor, to: generator.index(of: shop.categoryWeights, count: shop.categoryWeights.count))
    }
  }

  private func move(_ visitor: inout Visitor, to category: Int) {
    guard category != visitor.category else { return }
    visitor.previousCategory = visitor.category
    visitor.category = category
  }

  /// An item of the category that `visitor`, number `index`, is in.
  private mutating func drawItem(for visitor: Visitor, _ index: Int) -> ItemIndex {
    let items = shop.itemsOfCategory[visitor.category]
    let first = index * Shop.traitCount
    for item in items {
      var match = 0.0
      for trait in 0..<Shop.traitCount { match += shop.traits[item * Shop.traitCount + trait] * wishes[first + trait] }
      weights[item - items.lowerBound] = shop.popularity[item] * exponential(ShopSimulation.determination * match)
    }
    let ring = index * ShopSimulation.remembered
    for place in 0..<min(visitor.clicks, ShopSimulation.remembered) where items.contains(Int(seen[ring + place])) {
      weights[Int(seen[ring + place]) - items.lowerBound] *= ShopSimulation.seenBefore
    }
    return ItemIndex(items.lowerBound + generator.index(of: weights, count: items.count))
  }

  private mutating func setWish(of index: Int, _ wish: [Double]) {
    for (trait, value) in Shop.unit(wish).enumerated() { wishes[index * Shop.traitCount + trait] = value }
  }

  /// Session `ordinal` as a number of 48 bits, without visible order; different for all of them.
  private static func number(_ ordinal: UInt64) -> UInt64 {
    let mask: UInt64 = (1 << 48) - 1
    var bits = (ordinal &* 0x9E37_79B9_7F4B) & mask
    bits ^= bits >> 24
    return (bits &* 0xBF58_476D_1CE5) & mask
  }

  // MARK: Whose turn it is

  /// True where visitor `left` clicks before visitor `right`.
  private func precedes(_ left: Int32, _ right: Int32) -> Bool {
    let (first, second) = (visitors[Int(left)].time, visitors[Int(right)].time)
    return first < second || (first == second && left < right)
  }

  private mutating func rise(from last: Int) {
    var place = last
    while place > 0, precedes(queue[place], queue[(place - 1) / 2]) {
      queue.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  private mutating func sink() {
    var place = 0
    while true {
      var child = place * 2 + 1
      guard child < queue.count else { return }
      if child + 1 < queue.count, precedes(queue[child + 1], queue[child]) { child += 1 }
      guard precedes(queue[child], queue[place]) else { return }
      queue.swapAt(place, child)
      place = child
    }
  }
}
