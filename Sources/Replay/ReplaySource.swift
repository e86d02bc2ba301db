public import Events
public import Formats

/// A source of events that says what it read: files, or a part of a topic.
public protocol ReplaySource: EventSource, ~Copyable {
  /// What was read so far.
  var input: ReplayReport.Input { get }
  /// What was read of a topic; nil for files.
  var topic: ReplayReport.Topic? { get }
  /// True for formats whose sessions are users' histories, once the format is known.
  var cutsVisits: Bool { get }
  /// The greatest time that an event of the partition in `slot` can have which lies before what is read; `.min` where there is none.
  func unreadTime(of slot: Int32) -> EventTime
}

extension ReplayReport.Input {
  init(_ report: FileReport) {
    self.init(
      lines: report.lines, events: report.events, malformed: report.malformed, ignored: report.ignored,
      outOfOrder: report.outOfOrder, messages: report.messages)
  }
}

/// Files are read from their beginning.
extension FileEventSource: ReplaySource {
  /// What was read so far.
  public var input: ReplayReport.Input { ReplayReport.Input(report) }
  /// Nil: it is no topic.
  public var topic: ReplayReport.Topic? { nil }
  /// True for formats whose sessions are users' histories, once the format is known.
  public var cutsVisits: Bool { format?.cutsVisits == true }
  /// Nothing is left out.
  public func unreadTime(of slot: Int32) -> EventTime { .min }
}

extension TimeOrderedEventSource: ReplaySource {
  /// What was read so far.
  public var input: ReplayReport.Input { ReplayReport.Input(report) }
  /// Nil: it is no topic.
  public var topic: ReplayReport.Topic? { nil }
  /// True for formats whose sessions are users' histories, once the format is known.
  public var cutsVisits: Bool { format?.cutsVisits == true }
  /// Nothing is left out.
  public func unreadTime(of slot: Int32) -> EventTime { .min }
}

extension ReplayOptions {
  /// The files, to be read.
  func source(_ partitions: PartitionTable) throws(FormatsFailure) -> FileEventSource {
    var files = FileOptions()
    files.strict = strict
    files.limit = limit
    return try FileEventSource(self.files, format: format, partitions: partitions, options: files)
  }

  /// The gap above which another visit begins, in milliseconds: what was asked for, or the default of the source's format.
  func idleTimeout(of source: borrowing some ReplaySource & ~Copyable) -> Int64 {
    idleTimeout ?? (source.cutsVisits ? 30 * 60_000 : 24 * 3_600_000)
  }
}
