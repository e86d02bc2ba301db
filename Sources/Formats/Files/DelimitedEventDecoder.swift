public import Events

/// Turns lines of a table into events. Belongs to one worker; allocates nothing in steady state.
public struct DelimitedEventDecoder: ~Copyable {
  /// What it has seen.
  public private(set) var counts = DecodeCounts()
  private let layout: TableLayout
  private let types: [[UInt8]]
  private var fields = FieldSplitter()
  private var session = 0
  private var item = 0
  private var time = 0
  private var frame: Int?
  private var user: Int?
  private var type: Int?

  /// A decoder for tables of that layout; only events of `types`, or of all where there are none.
  public init(_ layout: TableLayout, types: [String] = []) {
    self.layout = layout
    self.types = types.map { Array($0.utf8) }
    _ = resolve([])
  }

  /// Reads the header of a file.
  public mutating func readHeader(_ line: Span<UInt8>, file: String) throws(FormatsFailure) {
    fields.most = .max
    var names: [String] = []
    if fields.split(line, layout.separator) {
      for index in 0..<fields.count { names.append(fields.text(index, of: line)) }
    }
    if let missing = resolve(names) {
      throw .missingColumn(
        file: file, column: missing, header: String(line.text(first: 200)))
    }
  }

  /// Finds the columns in the header's names; the first that is missing.
  private mutating func resolve(_ names: [String]) -> String? {
    var missing: String?
    func position(_ column: TableLayout.Column) -> Int {
      switch column {
      case .number(let number): return number - 1
      case .named(let choices):
        if let index = names.firstIndex(where: { choices.contains($0) }) { return index }
        missing = missing ?? choices.joined(separator: " or ")
        return 0
      }
    }
    session = position(layout.session)
    item = position(layout.item)
    (time, frame) = (0, nil)
    switch layout.time {
    case .column(let column, _): time = position(column)
    case .dayAndFrame(let day, let within): (time, frame) = (position(day), position(within))
    case .lineNumber: break
    }
    user = layout.user.map(position)
    type = layout.type.map(position)
    fields.most = max(session, item, time, frame ?? 0, user ?? 0, type ?? 0) + 1
    return missing
  }

  /// Decodes one line, number `number` of its file from 1.
  @discardableResult
  public mutating func decode(_ line: Span<UInt8>, number: Int, origin: Origin, into batch: inout EventBatch)
    -> RecordOutcome
  {
    let start = batch.bytes.count
    let outcome = event(line, number: number, origin: origin, into: &batch)
    if outcome != .event { batch.bytes.removeLast(batch.bytes.count - start) }
    if case .rejected(let reason) = outcome {
      batch.reject(line, bytes: line.count, key: Span(), as: reason, origin: origin)
    }
    counts.count(outcome)
    return outcome
  }

  private mutating func event(_ line: Span<UInt8>, number: Int, origin: Origin, into batch: inout EventBatch)
    -> RecordOutcome
  {
    guard line.count <= Limits.recordBytes else { return .rejected(.recordTooLong) }
    guard fields.split(line, layout.separator), fields.count == fields.most else { return .rejected(.malformed) }
    let session = fields.append(session, of: line, to: &batch.bytes)
    let item = fields.append(item, of: line, to: &batch.bytes)
    let user = user.map { fields.append($0, of: line, to: &batch.bytes) } ?? .empty
    let type = type.map { fields.append($0, of: line, to: &batch.bytes) } ?? .empty
    if !types.isEmpty, !types.contains(where: { batch.bytes.span.extracting(type.indices).equals($0) }) {
      return .ignored
    }
    if let fault = EventRules.fault(ofSession: Int(session.count)) ?? EventRules.fault(ofItem: Int(item.count)) {
      return .rejected(fault)
    }
    guard user.count <= Limits.sessionBytes, type.count <= Limits.sessionBytes else { return .rejected(.malformed) }
    guard EventRules.isText(batch.bytes.span.extracting(Int(session.start)..<batch.bytes.count)) else {
      return .rejected(.invalidText)
    }
    switch eventTime(line, number: number) {
    case .success(let time):
      guard EventRules.isBelieved(time) else { return .rejected(.timeOutOfRange) }
      batch.append(Event(session: session, item: item, user: user, type: type, time: time, origin: origin))
      return .event
    case .failure(let fault): return .rejected(fault.reason)
    }
  }

  private struct Fault: Error {
    var reason: RejectionReason
  }

  private func eventTime(_ line: Span<UInt8>, number: Int) -> Result<EventTime, Fault> {
    guard layout.time != .lineNumber else { return .success(Limits.earliestTime + Int64(number)) }
    let text = line.extracting(fields.trimmed(time, of: line))
    if text.isEmpty { return .failure(Fault(reason: .missingTime)) }
    switch layout.time {
    case .column(_, let unit):
      return EventTimeText.parse(text, as: unit).map { .success($0) } ?? .failure(Fault(reason: .invalidTime))
    case .dayAndFrame:
      guard let frame, text.count == 10, let day = EventTimeText.day(text),
        let within = EventTimeText.parse(line.extracting(fields.trimmed(frame, of: line)), as: .milliseconds),
        within >= 0,
        within < Limits.latestTime
      else { return .failure(Fault(reason: .invalidTime)) }
      return .success(day + within)
    case .lineNumber: return .success(Limits.earliestTime + Int64(number))
    }
  }
}

/// Splits lines into fields, in place.
struct FieldSplitter {
  /// Most fields that are looked for; what follows them is not read.
  var most = Int.max
  /// Fields of the last line.
  var count: Int { ranges.count }
  private var ranges: [(range: Range<Int>, hasDoubledQuotes: Bool)] = []

  /// Splits `line`; false for a quote that does not close, or text after one that did.
  mutating func split(_ line: Span<UInt8>, _ separator: TableLayout.Separator) -> Bool {
    ranges.removeAll(keepingCapacity: true)
    switch separator {
    case .tab: splitPlain(line, at: UInt8(ascii: "\t"))
    case .character(let character): return splitQuoted(line, at: character)
    case .blanks: splitBlanks(line)
    }
    return true
  }

  private mutating func splitPlain(_ line: Span<UInt8>, at separator: UInt8) {
    var start = 0
    while ranges.count < most {
      var end = start
      while end < line.count, line[end] != separator { end += 1 }
      ranges.append((start..<end, false))
      if end == line.count { return }
      start = end + 1
    }
  }

  private mutating func splitBlanks(_ line: Span<UInt8>) {
    var start = 0
    while ranges.count < most {
      while start < line.count, line[start].isBlank { start += 1 }
      if start == line.count { return }
      var end = start
      while end < line.count, !line[end].isBlank { end += 1 }
      ranges.append((start..<end, false))
      start = end
    }
  }

  private mutating func splitQuoted(_ line: Span<UInt8>, at separator: UInt8) -> Bool {
    let quote = UInt8(ascii: "\"")
    var start = 0
    while ranges.count < most {
      var end = start
      if start < line.count, line[start] == quote {
        start += 1
        end = start
        var hasDoubledQuotes = false
        while true {
          while end < line.count, line[end] != quote { end += 1 }
          guard end < line.count else { return false }
          guard end + 1 < line.count, line[end + 1] == quote else { break }
          hasDoubledQuotes = true
          end += 2
        }
        ranges.append((start..<end, hasDoubledQuotes))
        end += 1
        guard end == line.count || line[end] == separator else { return false }
      } else {
        while end < line.count, line[end] != separator { end += 1 }
        ranges.append((start..<end, false))
      }
      if end == line.count { return true }
      start = end + 1
    }
    return true
  }

  /// Appends field `index` to `bytes`.
  func append(_ index: Int, of line: Span<UInt8>, to bytes: inout [UInt8]) -> ByteRange {
    let (range, hasDoubledQuotes) = ranges[index]
    guard hasDoubledQuotes else { return bytes.appendBytes(line.extracting(range)) }
    let start = bytes.count
    var position = range.lowerBound
    while position < range.upperBound {
      bytes.append(line[position])
      position += line[position] == UInt8(ascii: "\"") ? 2 : 1
    }
    return ByteRange(start: start, count: bytes.count - start)
  }

  /// Where field `index` stands, without blanks around it.
  func trimmed(_ index: Int, of line: Span<UInt8>) -> Range<Int> {
    var range = ranges[index].range
    while !range.isEmpty, line[range.lowerBound].isBlank { range.removeFirst() }
    while !range.isEmpty, line[range.upperBound - 1].isBlank { range.removeLast() }
    return range
  }

  /// Field `index` as text without blanks around it. Allocates: for headers.
  func text(_ index: Int, of line: Span<UInt8>) -> String {
    var bytes: [UInt8] = []
    _ = append(index, of: line, to: &bytes)
    while bytes.last?.isBlank == true { bytes.removeLast() }
    return String(decoding: bytes.drop { $0.isBlank }, as: UTF8.self)
  }
}

extension UInt8 {
  /// A blank or a tab.
  var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }
}

extension Span where Element == UInt8 {
  /// The first `most` bytes as text. Allocates: for messages.
  func text(first most: Int) -> String {
    var bytes: [UInt8] = []
    for index in indices.prefix(most) { bytes.append(self[index]) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
