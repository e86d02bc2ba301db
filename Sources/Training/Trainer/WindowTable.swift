import Events
import Sequential

/// Sessions cut into the windows that serving sees (docs/model-directory.md, "Which window a model sees"), so that each event but a
/// session's first is a target once, in the context that it is predicted from when the model is served.
///
/// Windows are references into the sessions: nothing is copied until a batch is packed.
struct WindowTable: Sendable {
  /// Events `start..<end` of ``SessionTable/items``; predictions are made after the events from `first` on, each of the event after it.
  struct Window: Sendable, Equatable {
    var start: Int
    var end: Int
    var first: Int
    /// Known items among them: rows of a batch.
    var rows: Int32
    /// Rows that are followed by a known item: targets of the loss.
    var targets: Int32
  }

  /// What is cut.
  let sessions: SessionTable
  /// The windows with a target, in the order of the sessions.
  private(set) var windows: [Window] = []
  /// Windows of the first sessions, as many as ``init(_:maxLength:primarySessions:)`` was told.
  private(set) var primary = 0
  /// Rows of all windows.
  private(set) var rows = 0
  /// Targets of all windows.
  private(set) var targets = 0
  /// Rows of the longest window.
  private(set) var longest = 0

  /// Cuts `sessions` for windows of at most `maxLength` events. Where only the first `primarySessions` are trained on in every epoch,
  /// ``primary`` is the number of their windows.
  init(_ sessions: SessionTable, maxLength: Int, primarySessions: Int? = nil) {
    self.sessions = sessions
    let rule = WindowRule(maxLength: maxLength, isIncremental: true)
    for session in 0..<sessions.count {
      if session == primarySessions { primary = windows.count }
      let begin = sessions.starts[session]
      WindowTable.cut(sessions.starts[session + 1] - begin - 1, rule) { start, end, first in
        append(Window(start: begin + start, end: begin + end, first: begin + first, rows: 0, targets: 0))
      }
    }
    if primarySessions.map({ $0 >= sessions.count }) ?? true { primary = windows.count }
  }

  /// Cuts the first `count` events of a session into runs whose windows begin alike: calls `body` with the first event, the end and the
  /// first event that is predicted from, from 0.
  static func cut(_ count: Int, _ rule: WindowRule, _ body: (_ start: Int, _ end: Int, _ first: Int) -> Void) {
    var begin = 0
    while begin < count {
      let start = begin + 1 - rule.length(at: Int64(begin + 1))
      var end = begin + 1
      while end < count, end + 1 - rule.length(at: Int64(end + 1)) == start { end += 1 }
      body(start, end, begin)
      begin = end
    }
  }

  /// Appends what window `index` holds to `batch`: known items as rows, each with the next known item as its target where that is predicted
  /// in this window.
  func append(_ index: Int, to batch: inout PackedBatch) {
    let window = windows[index]
    visit(window) { item, _ in
      batch.items.append(item)
      batch.targets.append(PackedBatch.noTarget)
    } target: { target in
      batch.targets[batch.targets.count - 1] = target
    }
    batch.starts.append(Int32(batch.items.count))
  }

  /// Calls `row` for each known item, and `target` with what the latest row is followed by.
  private func visit(
    _ window: Window, row: (ItemIndex, Int) -> Void, target: (ItemIndex) -> Void
  ) {
    var hasRow = false
    for event in window.start..<window.end {
      let item = sessions.items[event]
      if item >= 0 {
        row(item, event)
        hasRow = true
      }
      guard hasRow, event >= window.first else { continue }
      let next = sessions.items[event + 1]
      if next >= 0 { target(next) }
    }
  }

  private mutating func append(_ window: Window) {
    var window = window
    var (rows, targets): (Int32, Int32) = (0, 0)
    visit(window) { _, _ in
      rows += 1
    } target: { _ in
      targets += 1
    }
    guard targets > 0 else { return }
    (window.rows, window.targets) = (rows, targets)
    windows.append(window)
    self.rows += Int(rows)
    self.targets += Int(targets)
    longest = max(longest, Int(rows))
  }
}
