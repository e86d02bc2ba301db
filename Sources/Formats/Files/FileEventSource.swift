public import Events

/// What a ``FileEventSource`` has read.
public struct FileReport: Sendable, Equatable {
  /// Most messages that are kept.
  public static let mostMessages = 10

  /// Lines read, blank ones and headers included.
  public var lines = 0
  /// Events handed over.
  public var events = 0
  /// Lines (for `sequences`: items) that are not events.
  public var malformed = 0
  /// Lines of other kinds, or of types that were not asked for.
  public var ignored = 0
  /// Events earlier than the one of the same session right before them; they are handed over all the same.
  public var outOfOrder = 0
  /// The first few malformed and out-of-order lines, as `file:line: reason`.
  public var messages: [String] = []

  /// Nothing read.
  public init() {}

  mutating func note(_ file: String, _ line: Int, _ reason: @autoclosure () -> String) {
    if messages.count < Self.mostMessages { messages.append("\(file):\(line): \(reason())") }
  }
}

/// How a ``FileEventSource`` reads.
public struct FileOptions: Sendable {
  /// The first line that is not an event is a failure.
  public var strict = false
  /// Most events; nil for all.
  public var limit: Int?
  /// Only events of these types; empty for all.
  public var types: [String] = []

  /// The defaults, or others.
  public init(strict: Bool = false, limit: Int? = nil, types: [String] = []) {
    self.strict = strict
    self.limit = limit
    self.types = types
  }
}

/// Events of files, one file after the other. Belongs to one thread.
///
/// A file's slot in the ``PartitionTable`` and the line's number (for `sequences` the event's running number in its file) are
/// an event's origin. Memory stays the same however long the files are.
public struct FileEventSource: EventSource, ~Copyable {
  /// What has been read.
  public private(set) var report = FileReport()
  /// The format of the file that is being read, once it is known.
  public private(set) var format: FileFormat?
  private let files: [String]
  private let asked: FileFormat?
  private let options: FileOptions
  private let table: PartitionTable
  private var reader = LineReader()
  private var decoder: LineDecoder
  private var nextFile = 0
  private var isOpen = false
  private var slot: Int32 = 0
  /// The session and time of the event right before, to see what is out of order.
  private var lastSession: [UInt8] = []
  private var lastTime: EventTime = 0

  /// The events of `files` (`-` is standard input), all of `format`, or each of its own where that is nil.
  public init(
    _ files: [String], format: FileFormat?, partitions: PartitionTable, options: FileOptions = FileOptions()
  ) throws(FormatsFailure) {
    self.files = files
    self.options = options
    asked = format
    table = partitions
    decoder = try LineDecoder(format ?? .sequences, types: options.types)
    lastSession.reserveCapacity(Limits.sessionBytes)
  }

  /// Fills an emptied batch with the next lines; never waits but for the disk.
  public mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(FormatsFailure) -> SourceState {
    while !batch.isFull {
      if let limit = options.limit, report.events >= limit { return .ended }
      if !isOpen {
        guard nextFile < files.count else { return .ended }
        try open(files[nextFile])
        nextFile += 1
      }
      if try !step(into: &batch) { isOpen = false }
    }
    return .open
  }

  /// Nothing to do: files keep no offsets.
  public mutating func commit(except pending: ArraySlice<Event>) throws(FormatsFailure) -> Bool { true }

  private mutating func open(_ path: String) throws(FormatsFailure) {
    try reader.open(path)
    guard let slot = table.slot(topic: path, partition: 0) else { throw .tooManyFiles }
    self.slot = slot
    lastSession.removeAll(keepingCapacity: true)
    let format: FileFormat
    if let asked {
      format = asked
    } else {
      format = try FileFormat.detect(reader.bytes.span.extracting(reader.ahead), file: path)
    }
    decoder = try LineDecoder(format, types: options.types)
    self.format = format
    isOpen = true
    guard case .table(let layout) = format, layout.hasHeader, let header = try reader.next() else { return }
    report.lines += 1
    try decoder.readHeader(reader.bytes, header.range, file: path)
  }

  /// Reads one line, or the next item of a sequence; false at the file's end.
  private mutating func step(into batch: inout EventBatch) throws(FormatsFailure) -> Bool {
    let outcome: RecordOutcome
    if decoder.hasMoreItems {
      outcome = decoder.nextItem(of: reader.bytes, line: reader.number, slot: slot, into: &batch)
    } else {
      guard let line = try reader.next() else { return false }
      report.lines += 1
      let origin = Origin(partition: slot, offset: Int64(reader.number))
      if line.isTooLong {
        let origin = decoder.rejectionOrigin(origin)
        batch.reject(
          reader.bytes.span.extracting(line.range), bytes: line.count, key: Span(), as: .recordTooLong, origin: origin)
        outcome = .rejected(.recordTooLong)
      } else if line.range.isEmpty || decoder.begin(line.range) {
        return true
      } else {
        outcome = decoder.decode(reader.bytes, line.range, number: reader.number, origin: origin, into: &batch)
      }
    }
    try count(outcome, batch)
    return true
  }

  private mutating func count(_ outcome: RecordOutcome, _ batch: borrowing EventBatch) throws(FormatsFailure) {
    switch outcome {
    case .event:
      report.events += 1
      noteOrder(batch)
    case .ignored, .otherType: report.ignored += 1
    case .rejected(let reason):
      if options.strict { throw .malformedLine(file: reader.path, line: reader.number, reason: reason) }
      report.malformed += 1
      report.note(reader.path, reader.number, reason.rawValue)
    }
  }

  private mutating func noteOrder(_ batch: borrowing EventBatch) {
    guard let event = batch.events.last else { return }
    if ByteHash.equal(lastSession.span, batch.bytes, event.session.indices) {
      if event.time < lastTime {
        report.outOfOrder += 1
        report.note(reader.path, reader.number, "out_of_order")
      }
    } else {
      lastSession.removeAll(keepingCapacity: true)
      _ = lastSession.appendBytes(event.session, of: batch.bytes)
    }
    lastTime = event.time
  }
}
