import Baselines
import Events
import TestSupport

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a failure can be looked at again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(seed) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}

/// Clicks of interleaved sessions, some of which have gaps, and their visits by the plainest means.
struct RandomClicks {
  typealias Click = (session: String, item: String, time: EventTime)

  let clicks: [Click]
  /// The visits in the order of their beginnings; items as rows of the history's vocabulary.
  private(set) var visits: [[ItemIndex]] = []
  /// Of each visit, the time of its last click.
  private(set) var times: [EventTime] = []
  /// The items in the order of their first appearance.
  private(set) var names: [String] = []

  static let gap: EventTime = 24 * 3_600_000 + 1

  init(seed: Int, count: Int, sessions: Int, items: Int) {
    var generator = SeededGenerator(seed)
    var time: EventTime = 1_000_000_000_000
    var clicks: [Click] = []
    for _ in 0..<count {
      // Most clicks share their time with others; now and then all sessions pause.
      time += [0, 0, 0, 1, 5][Int.random(in: 0..<5, using: &generator)]
      if Int.random(in: 0..<100, using: &generator) == 0 { time += Self.gap }
      // The product makes some items more popular than others.
      let item = Int.random(in: 0..<items, using: &generator) * Int.random(in: 0..<items, using: &generator) / items
      clicks.append(("s\(Int.random(in: 0..<sessions, using: &generator))", "i\(item)", time))
    }
    self.clicks = clicks
    var open: [String: Int] = [:]
    for click in clicks {
      if !names.contains(click.item) { names.append(click.item) }
      if open[click.session].map({ click.time - times[$0] >= Self.gap }) ?? true {
        open[click.session] = visits.count
        visits.append([])
        times.append(click.time)
      }
      let visit = open[click.session]!
      visits[visit].append(ItemIndex(names.firstIndex(of: click.item)!))
      times[visit] = max(times[visit], click.time)
    }
  }

  func history(_ options: BaselineOptions = BaselineOptions()) throws -> VisitHistory {
    var source = ListedSource(clicks)
    return try VisitHistory(learningFrom: &source, options: options)
  }
}

extension VisitHistory {
  /// All visits.
  var lists: [[ItemIndex]] { (0..<visitCount).map { Array(items[visit($0)]) } }
  /// The items' ids.
  var names: [String] { (0..<ItemIndex(vocabulary.count)).map { vocabulary.id(of: $0) } }
}
