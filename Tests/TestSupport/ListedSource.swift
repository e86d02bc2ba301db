public import Events

/// Events in memory, in the order of a list.
public struct ListedSource: EventSource {
  /// Nothing goes wrong.
  public enum Failure: PortFailure {
    case never
    /// Unused.
    public var disposition: Disposition { .halt }
    /// Unused.
    public var description: String { "" }
  }

  private let clicks: [(session: String, item: String, time: EventTime)]
  private var next = 0

  /// A source of these clicks.
  public init(_ clicks: [(session: String, item: String, time: EventTime)]) { self.clicks = clicks }

  /// Fills `batch` with the next clicks.
  public mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(Failure) -> SourceState {
    while next < clicks.count, !batch.isFull {
      let click = clicks[next]
      let ranges = [click.session, click.item].map { batch.bytes.appendBytes(Array($0.utf8).span) }
      batch.append(
        Event(
          session: ranges[0], item: ranges[1], time: click.time,
          origin: Origin(partition: 0, offset: Int64(next + 1))))
      next += 1
    }
    return next < clicks.count ? .open : .ended
  }

  /// There is nothing to commit.
  public mutating func commit(except pending: ArraySlice<Event>) throws(Failure) -> Bool { true }
}
