import Events
import TestSupport
import Testing

@testable import Baselines

@Suite struct VisitHistoryTests {
  @Test("Interleaved clicks become visits", arguments: 1...5) func visits(seed: Int) throws {
    let random = RandomClicks(seed: seed, count: 1500, sessions: 20, items: 30)
    let history = try random.history()
    #expect(history.lists == random.visits && history.times == random.times && history.names == random.names)
    #expect(history.clicks == (0..<ItemIndex(random.names.count)).map { item in history.items.count { $0 == item } })
    #expect(history.dropped == 0)
  }

  @Test("Of too many events the newest stay, whole visits or their ends", arguments: 1...5, [2, 7, 100, 1499])
  func events(seed: Int, limit: Int) throws {
    let random = RandomClicks(seed: seed, count: 1500, sessions: 20, items: 30)
    var options = BaselineOptions()
    options.events = limit
    let history = try random.history(options)
    // Each click with the number of its visit, and what is left of them.
    var next = [Int](repeating: 0, count: random.visits.count)
    var kept: [(visit: Int, item: ItemIndex)] = []
    var open: [String: Int] = [:]
    var begun = 0
    for click in random.clicks {
      if open[click.session].map({ next[$0] == random.visits[$0].count }) ?? true {
        open[click.session] = begun
        begun += 1
      }
      let visit = open[click.session]!
      if kept.count == limit { kept.removeFirst(limit - limit / 2) }
      kept.append((visit, random.visits[visit][next[visit]]))
      next[visit] += 1
    }
    var order: [Int] = []
    for click in kept where !order.contains(click.visit) { order.append(click.visit) }
    #expect(history.lists == order.map { visit in kept.filter { $0.visit == visit }.map(\.item) })
    #expect(history.times == order.map { random.times[$0] })
    #expect(history.dropped == 1500 - kept.count && kept.count >= limit / 2)
    #expect(history.names == random.names)
  }

  @Test func aVisitThatIsTooLongIsCut() throws {
    var options = BaselineOptions()
    options.visitLength = 3
    var source = ListedSource((0..<8).map { ("s", "\($0)", EventTime($0)) })
    let history = try VisitHistory(learningFrom: &source, options: options)
    #expect(history.lists == [[0, 1, 2], [3, 4, 5], [6, 7]])
    #expect(history.times == [2, 5, 7])
  }

  @Test func itemsWithoutRoomArePassedOver() throws {
    let clicks: [RandomClicks.Click] = [("s", "aa", 0), ("s", "bb", 1), ("s", "cc", 2), ("s", "aa", 3), ("s", "d", 4)]
    var options = BaselineOptions()
    options.items = 2
    var source = ListedSource(clicks)
    let few = try VisitHistory(learningFrom: &source, options: options)
    #expect(few.names == ["aa", "bb"] && few.lists == [[0, 1, 0]] && few.dropped == 2)
    options = BaselineOptions()
    options.idBytes = 5
    source = ListedSource(clicks)
    let short = try VisitHistory(learningFrom: &source, options: options)
    #expect(short.names == ["aa", "bb", "d"] && short.lists == [[0, 1, 0, 2]] && short.dropped == 1)
  }

  @Test func sessionsMakeRoom() throws {
    var options = BaselineOptions()
    options.openSessions = 1
    var source = ListedSource([("s", "a", 0), ("t", "b", 1), ("t", "a", 2), ("s", "b", 3)])
    let history = try VisitHistory(learningFrom: &source, options: options)
    #expect(history.lists == [[0], [1, 0], [1]])
  }

  @Test func nothingGivesNothing() throws {
    var source = ListedSource([])
    let history = try VisitHistory(learningFrom: &source)
    #expect(history.visitCount == 0 && history.items.isEmpty)
    for kind in BaselineKind.allCases {
      var baseline = kind.learn(from: history)
      var list: [RecommendedItem] = []
      baseline.recommend(after: [], excluding: ItemSet(items: 0), count: 20, into: &list)
      #expect(baseline.name == kind.rawValue && list.isEmpty)
    }
  }
}
