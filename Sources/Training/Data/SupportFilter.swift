import Events

/// Leaves out items with too few events and sessions that are too short, again and again until every item and session that is left has
/// enough. The order in which that happens does not matter: what is left is the largest part of the sessions that holds both.
struct SupportFilter {
  /// Events that an item needs.
  var minItemSupport: Int
  /// Events that a session needs.
  var minSessionLength: Int
  /// Items below this number stay, whatever their support.
  var fixed: Int
  /// Events that were left out because their item has too few, or is unknown.
  private(set) var rareItemEvents = 0
  /// Events that were left out because their session has too few.
  private(set) var shortSessionEvents = 0

  init(minItemSupport: Int, minSessionLength: Int, fixed: Int) {
    self.minItemSupport = minItemSupport
    self.minSessionLength = minSessionLength
    self.fixed = fixed
  }

  /// Filters `table`, whose items are below `items`; returns the events that each item has in what is left.
  mutating func apply(to table: inout SessionTable, items: Int) -> [Int] {
    var support = [Int](repeating: 0, count: items)
    for number in table.items where number >= 0 { support[Int(number)] += 1 }
    while true {
      var kept = SessionTable()
      kept.items.reserveCapacity(table.items.count)
      kept.times.reserveCapacity(table.times.count)
      // What leaves in this round counts for the next one.
      let before = support
      for index in 0..<table.count {
        let start = kept.items.count
        for number in table[index] {
          if number >= 0, number < fixed || before[Int(number)] >= minItemSupport {
            kept.items.append(number)
          } else {
            rareItemEvents += 1
            if number >= 0 { support[Int(number)] -= 1 }
          }
        }
        let length = kept.items.count - start
        if length < max(1, minSessionLength) {
          shortSessionEvents += length
          for number in kept.items[start...] { support[Int(number)] -= 1 }
          kept.items.removeLast(length)
        } else {
          kept.append(EmptyCollection(), time: table.times.isEmpty ? nil : table.times[index])
        }
      }
      let isStable = kept.items.count == table.items.count
      table = kept
      if isStable { return support }
    }
  }
}
