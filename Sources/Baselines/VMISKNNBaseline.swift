public import Events
private import Glibc

/// The settings of ``VMISKNNBaseline``.
public struct VMISKNNOptions: Sendable {
  /// m: most visits that a session is compared with, the most recent ones among those that share an item with it.
  public var sample = 500
  /// k: most neighbours, the most similar ones of the sample.
  public var neighbours = 100
  /// Newest items of the session that are looked at.
  public var window = 50

  /// The defaults.
  public init() {}
}

/// Session-based nearest neighbours by an index: VMIS-kNN of B. Kersbergen, O. Sprangers and S. Schelter, "Serenade – Low-Latency Session-Based
/// Recommendation in e-Commerce at Scale", SIGMOD 2022, algorithm 2, which computes VS-kNN of Ludewig and Jannach (2018), section 3.3.
///
/// For a session s of n items, position 1 the oldest, an item that stands in it twice being taken at its newest position:
/// * sample: the m most recent visits that share an item with s (a visit is as recent as its last event; of two at the same time the one that began
///   later), found by the item index, each item's m most recent visits, newest first;
/// * similarity r_v = Σ position(i) / n over the items i that s and the visit v share: linear decay towards the past;
/// * neighbours: the k visits of the sample with the largest r_v; ties by recency;
/// * score of item i = Σ λ(x_v) · r_v · log(|H| / h_i) over the neighbours v that hold i, where x_v is the distance of the newest shared item from the end of s
///   (1 for the last item), λ(x) = max(0, 1 − x/10), |H| the number of visits, h_i those among them that hold i. Ties stand in the order of the
///   neighbours.
///
/// The last item may be recommended again; `--exclude last` leaves it out, as the authors' service does.
///
/// Memory: 8 bytes an event, and 12 a visit of scratch. Time of a recommendation: at most window · m steps, m · log m for the neighbours, k times the length of a visit.
public struct VMISKNNBaseline: Baseline {
  /// Its name in reports.
  public let name = BaselineKind.vmisKNN.rawValue
  /// The items that it knows.
  public let vocabulary: Vocabulary
  /// Newest items of the session that are looked at.
  public var window: Int { options.window }
  private let options: VMISKNNOptions
  /// By recency, the most recent one last: of two visits the one with the larger number is more recent.
  private let visits: DistinctVisits
  /// log(|H| / h_i) of each item.
  private let idf: [Double]
  /// By visit: its similarity where it is in the sample, 0 elsewhere; and how far from the end the newest item stands that it shares.
  private var similarities: [Double]
  private var distances: [Int32]
  /// The sample, a heap with the oldest visit on top.
  private var sample: [Int32] = []
  private var accumulator: ScoreAccumulator

  /// The baseline of a training file's visits.
  public init(_ history: VisitHistory, options: VMISKNNOptions = VMISKNNOptions()) {
    self.options = options
    vocabulary = history.vocabulary
    let order = (0..<history.visitCount).sorted { (history.times[$0], $0) < (history.times[$1], $1) }
    let visits = DistinctVisits(history, order: order.map { Int32($0) })
    self.visits = visits
    idf = (0..<ItemIndex(history.vocabulary.count)).map {
      log(Double(visits.count) / Double(max(1, visits.visits(of: $0).count)))
    }
    similarities = [Double](repeating: 0, count: visits.count)
    distances = [Int32](repeating: 0, count: visits.count)
    accumulator = ScoreAccumulator(items: history.vocabulary.count)
  }

  /// Appends the best items of the most similar visits.
  public mutating func recommend(
    after session: ArraySlice<ItemIndex>, excluding excluded: ItemSet, count: Int, into list: inout [RecommendedItem]
  ) {
    let session = session.suffix(options.window)
    for (distance, item) in zip(1..., session.reversed()) where !session.suffix(distance - 1).contains(item) {
      intersect(item, distance: Int32(distance), weight: Double(session.count - distance + 1) / Double(session.count))
    }
    sample.sort {
      let (left, right) = (similarities[Int($0)], similarities[Int($1)])
      return left == right ? $0 > $1 : left > right
    }
    for visit in sample.prefix(options.neighbours) {
      let weight = (1 - Double(distances[Int(visit)]) / 10) * similarities[Int(visit)]
      guard weight > 0 else { continue }
      for item in visits.items(of: visit) { accumulator.add(weight * idf[Int(item)], to: item) }
    }
    for visit in sample { similarities[Int(visit)] = 0 }
    sample.removeAll(keepingCapacity: true)
    accumulator.drain(count, excluding: excluded, into: &list)
  }

  /// Adds `weight` to the similarity of the visits that hold `item`, from the most recent one on, as long as they belong to the sample.
  ///
  /// A visit in the final sample was in it from the newest item on that it shares: fewer than m visits that share an item with the session
  /// are more recent. So its similarity is whole, and its distance that of the newest shared item.
  private mutating func intersect(_ item: ItemIndex, distance: Int32, weight: Double) {
    for visit in visits.visits(of: item).suffix(options.sample).reversed() {
      if similarities[Int(visit)] > 0 {
        similarities[Int(visit)] += weight
        continue
      }
      if sample.count < options.sample {
        sample.append(visit)
        siftUp()
      } else {
        // All that follow are older still.
        guard let oldest = sample.first, visit > oldest else { return }
        similarities[Int(oldest)] = 0
        sample[0] = visit
        siftDown()
      }
      similarities[Int(visit)] = weight
      distances[Int(visit)] = distance
    }
  }

  private mutating func siftUp() {
    var place = sample.count - 1
    while place > 0, sample[(place - 1) / 2] > sample[place] {
      sample.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  private mutating func siftDown() {
    var place = 0
    while 2 * place + 1 < sample.count {
      var child = 2 * place + 1
      if child + 1 < sample.count, sample[child + 1] < sample[child] { child += 1 }
      guard sample[child] < sample[place] else { return }
      sample.swapAt(place, child)
      place = child
    }
  }
}
