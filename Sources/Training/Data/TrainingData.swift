public import Events
public import Formats

/// How click logs become sessions: the same formats and the same rules as `--replay`.
public struct DataOptions: Sendable, Equatable {
  /// The files, read one after the other; `-` is standard input.
  public var files: [String]
  /// Their format; nil finds out.
  public var format: FileFormat?
  /// A gap above this begins another session, milliseconds; nil is 24 h, or 30 min where visits are cut from users' histories.
  public var idleTimeout: Int64?
  /// True where a session's events are put in the order of their times (those of equal time stay as they stand in the files).
  public var ordersByTime = true
  /// The first malformed line is a failure.
  public var strict = false
  /// Most events that are read; nil for all.
  public var limit: Int?
  /// Events that an item needs, or it is left out. A search counts those of the part that it trains on alone.
  public var minItemSupport = 1
  /// Events that a session needs, or it is left out.
  public var minSessionLength = 2
  /// Bytes that the data may take in memory while it is read.
  public var memory = 8 << 30

  /// The defaults, for `files`.
  public init(files: [String]) { self.files = files }
}

/// What was read, what was left out, and why.
public struct DataCounts: Codable, Sendable, Equatable {
  /// Lines read.
  public var lines = 0
  /// Events among them.
  public var events = 0
  /// Lines that are no events.
  public var malformed = 0
  /// Lines of other kinds.
  public var ignored = 0
  /// Events earlier than the one of their session right before them.
  public var outOfOrder = 0
  /// The first few malformed and out-of-order lines, as `file:line: reason`.
  public var messages: [String] = []
  /// Ids of sessions (or users) that were read.
  public var sessionIDs = 0
  /// Sessions after cutting at gaps, before anything was left out.
  public var sessionsRead = 0
  /// Items before any was left out.
  public var itemsRead = 0
  /// Events that were left out because their item has too few, or is not in the catalogue.
  public var rareItemEvents = 0
  /// Events that were left out because their session has too few.
  public var shortSessionEvents = 0

  /// Nothing read.
  public init() {}

  /// One line for a person.
  public var summary: String {
    var parts = ["\(lines) lines", "\(events) events in \(sessionsRead) sessions of \(itemsRead) items"]
    let odd = [
      (malformed, "malformed lines"), (ignored, "ignored lines"), (outOfOrder, "out of order"),
      (rareItemEvents, "left out for their item's support"),
      (shortSessionEvents, "left out for their session's length"),
    ]
    parts += odd.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return parts.joined(separator: ", ")
  }
}

/// Click logs as training takes them: sessions of catalogue rows in the order of their first event in the files, and the catalogue.
public struct TrainingData: Sendable {
  /// All sessions that were kept.
  public internal(set) var sessions: SessionTable
  /// All sessions before any item or session was left out, with items that the catalogue lacks as unknown; nil where no item can be left out
  /// for its support.
  var unfiltered: SessionTable?
  /// What items and sessions need to be kept, see ``DataOptions``.
  var minItemSupport: Int
  var minSessionLength: Int
  /// The catalogue: items in the order of their first appearance (those of a catalogue that is continued first, in its own).
  public internal(set) var vocabulary: Vocabulary
  /// Rows of the catalogue that is continued: known to every part of the data.
  public internal(set) var continuedItems: Int
  /// What was read and what was left out.
  public internal(set) var counts: DataCounts
  /// False where the files have no times and the order of lines stands for them.
  public internal(set) var hasTimes: Bool
  /// The gap that cut sessions, milliseconds.
  public internal(set) var idleTimeout: Int64
  /// A hash of sessions, times and catalogue: a training is resumed only on the data that it began with.
  public internal(set) var fingerprint: UInt64

  /// Number of items, V.
  public var itemCount: Int { vocabulary.count }
  /// Number of events in ``sessions``.
  public var eventCount: Int { sessions.items.count }
  /// Bytes of the data that stay in memory during training.
  public var byteCount: Int {
    sessions.byteCount + (unfiltered?.byteCount ?? 0)
  }

  /// Reads `options`' files. With `catalogue`, its rows come first and keep their order, whatever their support; where `isClosed`, no item
  /// is added to it. `isStopped` is asked after each batch of events: true ends it with ``TrainingDataFailure/stopped``.
  public static func read(
    _ options: DataOptions, extending catalogue: Vocabulary? = nil, isClosed: Bool = false,
    isStopped: () -> Bool = { false }
  ) throws(TrainingDataFailure) -> TrainingData {
    var log = EventLog(options, catalogue, isClosed: isClosed)
    do throws(FormatsFailure) {
      var files = FileOptions()
      files.strict = options.strict
      files.limit = options.limit
      var source = try FileEventSource(
        options.files, format: options.format, partitions: PartitionTable(), options: files)
      var batch = EventBatch()
      var state = SourceState.open
      while state == .open {
        batch.removeAll()
        state = try source.take(into: &batch, milliseconds: 0)
        // The first batch tells the format, and with it when a session ends, as in a replay.
        if log.format == nil { log.format = source.format }
        log.append(batch)
        if log.isTooLarge || isStopped() || options.strict && log.firstFault != nil { break }
      }
      log.note(source.report)
    } catch {
      throw .reading(error)
    }
    if isStopped() { throw .stopped }
    if options.strict, let fault = log.firstFault { throw .item(fault) }
    if log.isTooLarge {
      throw .tooLarge(events: log.counts.events, bytes: log.byteCount, limit: options.memory)
    }
    return try log.finish()
  }
}
