public import Events

/// A baseline that looks at a session's last known item alone: each item has a row of others, counted in the training file.
///
/// Memory: the rows have at most 2^25 entries together (12 bytes each) or 20 an item, whichever is more; where they are cut, the best stay. Ties stand in the order
/// in which the pairs first appear in the file.
public struct LastItemBaseline: Baseline {
  /// Its name in reports.
  public let name: String
  /// The items that it knows.
  public let vocabulary: Vocabulary
  /// It looks at the last item.
  public let window = 1
  private let rows: ItemRows
  private let popularity: PopularityBaseline?

  private init(_ name: String, _ history: VisitHistory, _ rows: ItemRows, backsOff: Bool = false) {
    self.name = name
    self.rows = rows
    vocabulary = history.vocabulary
    popularity = backsOff ? PopularityBaseline(history) : nil
  }

  /// A first-order Markov chain: the score of i after a is the number of times that i was the very next click after a, which ranks
  /// like the maximum-likelihood estimate of p(i | a). MC in M. Ludewig and D. Jannach, "Evaluation of session-based recommendation
  /// algorithms", UMUAI 28 (2018), section 3.1. Where `backsOff` says so, short lists are filled up with the most popular items.
  public static func markov(_ history: VisitHistory, backsOff: Bool = false) -> Self {
    let rows = followers(history, steps: 1)
    return Self(backsOff ? "markov+popularity" : BaselineKind.markov.rawValue, history, rows, backsOff: backsOff)
  }

  /// Sequential rules: a click on i that comes x clicks after one on a, at most `steps`, adds 1/x to the score of i after a. SR in Ludewig and
  /// Jannach (2018), section 3.1, with the weight w(x) = 1/x; the sum that their equation divides by is the same for all i. `steps` is 10,
  /// their programs' default.
  public static func sequentialRules(_ history: VisitHistory, steps: Int = 10) -> Self {
    Self(BaselineKind.sequentialRules.rawValue, history, followers(history, steps: steps))
  }

  /// Item-based nearest neighbours: the cosine of two items as vectors of the visits that hold them, n(a, i) / √((n(a) + λ)(n(i) + λ)), where n counts visits
  /// that hold all of its items and λ = `regularisation` holds back what was seen together by chance. Item-KNN in Hidasi et al. (2016), section 4,
  /// and IKNN in Ludewig and Jannach (2018), section 3.3; λ is 20, the default of the former's programs, 0 is the plain cosine. The item
  /// itself is left out.
  public static func itemKNN(_ history: VisitHistory, regularisation: Double = 20) -> Self {
    let visits = DistinctVisits(history)
    let support = (0..<ItemIndex(history.vocabulary.count)).map { Double(visits.visits(of: $0).count) + regularisation }
    let rows = ItemRows(history.vocabulary.count) { item, accumulator in
      for visit in visits.visits(of: item) {
        for other in visits.items(of: visit) where other != item { accumulator.add(1, to: other) }
      }
      accumulator.scale { 1 / (support[Int(item)] * support[Int($0)]).squareRoot() }
    }
    return Self(BaselineKind.itemKNN.rawValue, history, rows)
  }

  /// Appends the row of the last item.
  public mutating func recommend(
    after session: ArraySlice<ItemIndex>, excluding excluded: ItemSet, count: Int, into list: inout [RecommendedItem]
  ) {
    if let last = session.last { rows.append(last, excluding: excluded, count: count, to: &list) }
    popularity?.fill(&list, excluding: excluded, count: count)
  }

  /// Of each item what was clicked up to `steps` clicks later in the same visit, a click x later at a weight of 1/x.
  private static func followers(_ history: VisitHistory, steps: Int) -> ItemRows {
    let items = history.items
    var ends: [Int32] = []
    ends.reserveCapacity(items.count)
    for visit in 0..<history.visitCount {
      let range = history.visit(visit)
      ends.append(contentsOf: repeatElement(Int32(range.upperBound), count: range.count))
    }
    let count = history.vocabulary.count
    let (places, starts) = Grouping.sort((0..<Int32(items.count)).map { $0 }, by: items, groups: count)
    return ItemRows(count) { item, accumulator in
      for place in places[starts[Int(item)]..<starts[Int(item) + 1]] {
        let first = Int(place) + 1
        let last = min(Int(ends[Int(place)]), Int(place) + 1 + steps)
        for next in first..<last { accumulator.add(1 / Double(next - Int(place)), to: items[next]) }
      }
    }
  }
}

/// The visits of a history as sets: each one's different items, and each item's visits. At most 8 bytes an event.
struct DistinctVisits: Sendable {
  private let items: [ItemIndex]
  private let starts: [Int]
  private let visits: [Int32]
  private let visitStarts: [Int]

  /// The visits in the history's order.
  init(_ history: VisitHistory) { self.init(history, order: (0..<Int32(history.visitCount)).map { $0 }) }

  /// The visits in this `order` of the history's numbers; visit n is `order[n]` then.
  init(_ history: VisitHistory, order: [Int32]) {
    let count = history.vocabulary.count
    var items: [ItemIndex] = []
    var starts = [0]
    var owners: [Int32] = []
    var seen = ItemSet(items: count)
    for (number, visit) in order.enumerated() {
      seen.removeAll()
      for item in history.items[history.visit(Int(visit))] where !seen.contains(item) {
        seen.insert(item)
        items.append(item)
        owners.append(Int32(number))
      }
      starts.append(items.count)
    }
    (visits, visitStarts) = Grouping.sort(owners, by: items, groups: count)
    self.items = items
    self.starts = starts
  }

  /// Number of visits.
  var count: Int { starts.count - 1 }

  /// The items of a visit, each once, in the order of their first clicks.
  func items(of visit: Int32) -> ArraySlice<ItemIndex> { items[starts[Int(visit)]..<starts[Int(visit) + 1]] }

  /// The visits that hold an item, in their order.
  func visits(of item: ItemIndex) -> ArraySlice<Int32> { visits[visitStarts[Int(item)]..<visitStarts[Int(item) + 1]] }
}
