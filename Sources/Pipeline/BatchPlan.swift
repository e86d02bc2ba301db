import Events

/// What is known of each event of the batch while it is worked on. Reused; entry i belongs to event i of the batch.
struct BatchPlan: ~Copyable {
  /// One event.
  struct Entry {
    /// Slot of its session in the cache.
    var slot: Int32
    /// Next event of the same session in the batch; -1 for the last.
    var next: Int32 = -1
    /// How many events of its session must be worked on before it, in this round.
    var depth: Int32 = 0
    /// True for a record that had been applied before.
    var isRedelivered = false
    /// True for a record that only rebuilds state.
    var isStateOnly = false
    /// Running number and ordinal, once applied.
    var number: Int64 = 0
    var ordinal: Int64 = 0
  }

  /// One session of the batch.
  struct Session {
    var slot: Int32
    /// Its first event in the batch.
    var first: Int32
    var last: Int32
    /// True where the store must be read before its events can be applied.
    var isMissing: Bool
    /// Running number of the stored event that this round's events are computed from.
    var expected: Int64 = 0
    /// Its last event that was not applied before, in this round: the one whose prediction is stored; -1 for none.
    var lastNew: Int32 = -1
    /// Its last event that is not only there to rebuild state; -1 for none.
    var lastLive: Int32 = -1
  }

  /// First event of this round of work.
  var start = 0
  /// One behind its last event.
  var end = 0
  /// Place of the first event's prediction in the output.
  var base = 0
  var entries: [Entry] = []
  var sessions: [Session] = []
  /// Sessions that are (again) to be worked on, as indices of ``sessions``.
  var open: [Int32] = []
  /// Deepest chain of events of one session in this round.
  var depths = 0

  mutating func begin(at first: Int) {
    start = first
    end = first
    entries.removeAll(keepingCapacity: true)
    sessions.removeAll(keepingCapacity: true)
    open.removeAll(keepingCapacity: true)
    depths = 0
  }

  /// Place of the prediction of event `index` in the output.
  func place(of index: Int) -> Int { base + index - start }

  /// The entry of event `index` of the batch.
  subscript(index: Int) -> Entry {
    get { entries[index - start] }
    set { entries[index - start] = newValue }
  }
}
