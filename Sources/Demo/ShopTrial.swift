import Events
public import Sequential

/// How often the next click is foreseen, on clicks of the demo's shop that nothing has learnt from: by a model, by popularity, and
/// by a Markov chain of first order, the two learnt from a history of other clicks.
public struct ShopTrial: Sendable {
  /// How well the next click is foreseen.
  public struct Score: Sendable, Equatable {
    /// Next clicks that were asked for.
    public var clicks = 0
    private var hits = 0
    private var reciprocalRanks = 0.0

    /// Share of them whose item was among the first 20 (HR@20).
    public var hitRate: Double { Double(hits) / Double(max(1, clicks)) }
    /// Mean of 1 / rank, 0 where it was not among the first 20 (MRR@20).
    public var reciprocalRank: Double { reciprocalRanks / Double(max(1, clicks)) }

    /// Counts a click whose item had this rank, from 1; nil where it was not among the first 20.
    mutating func count(rank: Int?) {
      clicks += 1
      guard let rank, rank <= ShopTrial.listLength else { return }
      hits += 1
      reciprocalRanks += 1 / Double(rank)
    }
  }

  /// The scores of all three.
  public struct Outcome: Sendable, Equatable {
    /// The model's.
    public var model = Score()
    /// The most popular items', always the same 20.
    public var popularity = Score()
    /// The items' that most often followed the last one, then the most popular ones'.
    public var markov = Score()
    /// Clicks that the other two have learnt from.
    public var history = 0

    /// The scores as entries of `metrics.json`, to four digits.
    public var metrics: [ModelMetric] {
      func rounded(_ share: Double) -> ModelMetric.Value { .number((share * 10_000).rounded() / 10_000) }
      return [
        ModelMetric("clicks", .number(Double(model.clicks))),
        ModelMetric("hit_rate_at_20", rounded(model.hitRate)),
        ModelMetric("mrr_at_20", rounded(model.reciprocalRank)),
        ModelMetric("popularity_hit_rate_at_20", rounded(popularity.hitRate)),
        ModelMetric("popularity_mrr_at_20", rounded(popularity.reciprocalRank)),
        ModelMetric("markov_hit_rate_at_20", rounded(markov.hitRate)),
        ModelMetric("markov_mrr_at_20", rounded(markov.reciprocalRank)),
        ModelMetric("markov_history_clicks", .number(Double(history))),
      ]
    }
  }

  /// Items of a list.
  static let listLength = 20
  /// Sessions that pass through the encoder side by side.
  private static let waveSize = 64

  private let sessions: [[ItemIndex]]
  private let history: Int
  /// [V, V] how often an item followed another in the history.
  private let transitions: [Int32]
  /// [V] how often an item was clicked in the history.
  private let counts: [Int32]

  /// A trial on the sessions of `clicks` clicks in `shop`, after a history of `history` clicks of other visitors.
  public init(of shop: Shop, clicks: Int = 10_000, history: Int = 50_000) {
    var transitions = [Int32](repeating: 0, count: Shop.itemCount * Shop.itemCount)
    var counts = [Int32](repeating: 0, count: Shop.itemCount)
    for session in ShopTrial.sessions(of: shop, seed: ~shop.seed, clicks: history) {
      for (place, item) in session.enumerated() {
        counts[Int(item)] += 1
        if place > 0 { transitions[Int(session[place - 1]) * Shop.itemCount + Int(item)] += 1 }
      }
    }
    self.transitions = transitions
    self.counts = counts
    self.history = history
    sessions = ShopTrial.sessions(of: shop, seed: shop.seed ^ 0x5452_4941_4C, clicks: clicks)
  }

  /// The sessions that the first `clicks` clicks of a simulation belong to, in the order of their beginning.
  private static func sessions(of shop: Shop, seed: UInt64, clicks: Int) -> [[ItemIndex]] {
    var simulation = ShopSimulation(shop: shop, seed: seed)
    var places: [UInt64: Int] = [:]
    var sessions: [[ItemIndex]] = []
    for _ in 0..<clicks {
      guard let event = simulation.next() else { break }
      if let place = places[event.session] {
        sessions[place].append(event.item)
      } else {
        places[event.session] = sessions.count
        sessions.append([event.item])
      }
    }
    return sessions
  }

  /// Asks all three for every click but the first of each session. The model gets the clicks one by one, as a worker gives them to it.
  public func measure(_ model: SequentialModel) -> Outcome {
    var outcome = Outcome(history: history)
    measureModel(model, into: &outcome.model)
    let popular = ranks(of: counts)
    var followers: [Int: [Int]] = [:]
    for session in sessions {
      for (last, next) in zip(session.map { Int($0) }, session.dropFirst().map { Int($0) }) {
        outcome.popularity.count(rank: popular[next])
        if followers[last] == nil {
          let row = transitions[last * Shop.itemCount..<(last + 1) * Shop.itemCount]
          followers[last] = ranks(of: zip(row, counts).map { Int64($0) << 32 + Int64($1) })
        }
        outcome.markov.count(rank: followers[last]?[next])
      }
    }
    return outcome
  }

  /// Rank of each item, from 1, the greatest value first.
  private func ranks(of values: [some BinaryInteger]) -> [Int] {
    let order = values.indices.sorted { values[$0] == values[$1] ? $0 < $1 : values[$0] > values[$1] }
    var ranks = [Int](repeating: 0, count: values.count)
    for (place, item) in order.enumerated() { ranks[item] = place + 1 }
    return ranks
  }

  private func measureModel(_ model: SequentialModel, into score: inout Score) {
    let encoder = model.makeEncoder(slots: ShopTrial.waveSize, budget: 64 << 20)
    var scratch = model.catalogue.makeScratch(maximumBatch: ShopTrial.waveSize, maximumK: ShopTrial.listLength)
    var hidden = AlignedBuffer<Float>(count: ShopTrial.waveSize * encoder.hiddenSize, repeating: 0)
    let exclusions = Exclusions()
    var wave = Wave()
    var items: [ScoredItem] = []
    var results: [TopKResult] = []
    for first in stride(from: 0, to: sessions.count, by: ShopTrial.waveSize) {
      let group = sessions[first..<min(first + ShopTrial.waveSize, sessions.count)]
      let longest = group.reduce(0) { max($0, $1.count) }
      for place in 0..<max(0, longest - 1) {
        wave.removeAll()
        items.removeAll(keepingCapacity: true)
        results.removeAll(keepingCapacity: true)
        for session in group.indices where place + 1 < group[session].count {
          let slot = session - first
          precondition(encoder.reserve(slot: slot, positions: place + 1))
          wave.begin(slot: slot, at: place)
          wave.append(group[session][place])
        }
        encoder.step(wave, into: &hidden)
        model.catalogue.topK(
          hidden, count: wave.count, k: ShopTrial.listLength, exclusions: exclusions, scratch: &scratch, items: &items,
          results: &results)
        for (slot, result) in zip(wave.slots, results) {
          let next = group[first + Int(slot)][place + 1]
          let position = result.itemIndices.firstIndex { items[$0].item == next }
          score.count(rank: position.map { $0 - result.itemIndices.lowerBound + 1 })
        }
      }
      for slot in group.indices { encoder.release(slot: slot - first) }
    }
  }
}
