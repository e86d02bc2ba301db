internal import Events

/// Turns the lines of one file into events, whatever its format. After ``begin(_:)`` a sequence's items come one by one.
struct LineDecoder: ~Copyable {
  private enum Kind {
    case table
    case json
    case sequences
  }

  private let kind: Kind
  private var table: DelimitedEventDecoder
  private var json: JSONEventDecoder
  private var rest = 0..<0
  private var session: [UInt8] = []
  private var running: Int64 = 0

  init(_ format: FileFormat, types: [String]) throws(FormatsFailure) {
    var layout = TableLayout.sasrec
    var mapping = JSONMapping.native
    switch format {
    case .table(let chosen): (kind, layout) = (.table, chosen)
    case .json(let chosen): (kind, mapping) = (.json, chosen)
    case .sequences: kind = .sequences
    }
    table = DelimitedEventDecoder(layout, types: types)
    json = try JSONEventDecoder(mapping, types: types)
  }

  mutating func readHeader(_ bytes: [UInt8], _ line: Range<Int>, file: String) throws(FormatsFailure) {
    try table.readHeader(bytes.span.extracting(line), file: file)
  }

  /// Decodes a line of a table or of JSON.
  mutating func decode(
    _ bytes: [UInt8], _ line: Range<Int>, number: Int, origin: Origin, into batch: inout EventBatch
  ) -> RecordOutcome {
    let line = bytes.span.extracting(line)
    return kind == .table
      ? table.decode(line, number: number, origin: origin, into: &batch)
      : json.decode(line, key: Span(), origin: origin, recordTime: nil, into: &batch)
  }

  /// Begins a line of a sequence; false for other formats.
  mutating func begin(_ line: Range<Int>) -> Bool {
    guard kind == .sequences else { return false }
    rest = line
    session.removeAll(keepingCapacity: true)
    return true
  }

  /// True where the line that was begun may hold more items.
  var hasMoreItems: Bool { !rest.isEmpty }

  /// Where a line that can't be begun stands: sequences number their events, not their lines.
  mutating func rejectionOrigin(_ origin: Origin) -> Origin {
    guard kind == .sequences else { return origin }
    running += 1
    return Origin(partition: origin.partition, offset: running)
  }

  /// The next item of the line that was begun; ignored where only blanks are left.
  mutating func nextItem(of bytes: [UInt8], line: Int, slot: Int32, into batch: inout EventBatch) -> RecordOutcome {
    var start = rest.lowerBound
    while start < rest.upperBound, bytes[start].isBlank { start += 1 }
    var end = start
    while end < rest.upperBound, !bytes[end].isBlank { end += 1 }
    // Blanks at the end belong to the last item.
    var next = end
    while next < rest.upperBound, bytes[next].isBlank { next += 1 }
    rest = next..<rest.upperBound
    guard start < end else { return .ignored }
    running += 1
    let origin = Origin(partition: slot, offset: running)
    let item = bytes.span.extracting(start..<end)
    let reason: RejectionReason? =
      EventRules.fault(ofItem: item.count) ?? (EventRules.isText(item) ? nil : .invalidText)
    if let reason {
      batch.reject(item, bytes: item.count, key: Span(), as: reason, origin: origin)
      return .rejected(reason)
    }
    if session.isEmpty { session.appendDecimal(Int64(line)) }
    let event = Event(
      session: batch.bytes.appendBytes(session.span), item: batch.bytes.appendBytes(item),
      time: Limits.earliestTime + running, origin: origin)
    batch.append(event)
    return .event
  }
}
