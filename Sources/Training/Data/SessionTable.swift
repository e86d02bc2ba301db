public import Events

/// Sessions as rows of a catalogue, side by side: what training and its evaluation work on.
public struct SessionTable: Sendable, Equatable {
  /// Catalogue rows of all events; a session's stand together, oldest first. ``ItemIndex/unknown`` where the catalogue lacks an item.
  public var items: [ItemIndex] = []
  /// Where sessions begin in ``items``, and at last its count.
  public var starts: [Int] = [0]
  /// The time of each session's last event; empty where the input has no times.
  public var times: [EventTime] = []

  /// A table without sessions.
  public init() {}

  /// Number of sessions.
  public var count: Int { starts.count - 1 }

  /// The events of session `index`, oldest first.
  public subscript(index: Int) -> ArraySlice<ItemIndex> { items[starts[index]..<starts[index + 1]] }

  /// Bytes that it takes.
  var byteCount: Int { items.count * MemoryLayout<ItemIndex>.size + (starts.count + times.count) * 8 }

  /// The table with row `rows[r]` for what is r here; what is unknown stays it.
  func renumbered(_ rows: [ItemIndex]) -> SessionTable {
    var table = self
    for index in table.items.indices where table.items[index] >= 0 {
      table.items[index] = rows[Int(table.items[index])]
    }
    return table
  }

  /// Appends a session.
  public mutating func append(_ session: some Sequence<ItemIndex>, time: EventTime? = nil) {
    items.append(contentsOf: session)
    starts.append(items.count)
    if let time { times.append(time) }
  }
}

/// What is held out to measure on: in each session, the events from `firstTargets` on are to be predicted from those before them.
public struct HoldOut: Sendable, Equatable {
  /// Whole sessions, with the context that comes before the targets.
  public var sessions: SessionTable
  /// For each session, the first event that is a target, from 1 (an event without a past is none).
  public var firstTargets: [Int]
  /// True where items that the session holds already are left out of the ranking (leave one out, as its papers have it).
  public var excludesSeen: Bool

  /// What is held out in `sessions`.
  public init(sessions: SessionTable, firstTargets: [Int], excludesSeen: Bool) {
    precondition(sessions.count == firstTargets.count)
    self.sessions = sessions
    self.firstTargets = firstTargets
    self.excludesSeen = excludesSeen
  }
}
