import Events
import Formats
import Sequential

/// Events as they are read, a row each, and what makes sessions of them.
struct EventLog {
  /// What has been read.
  private(set) var counts = DataCounts()
  /// The first file's format.
  var format: FileFormat?
  private let options: DataOptions
  private let isClosed: Bool
  /// Rows of a catalogue that is continued: they stay, whatever happens.
  private let fixed: Int
  private var sessionIDs = IdentifierTable()
  private var itemIDs = IdentifierTable()
  /// By event: number of its session's id, number of its item's, and its time.
  private var session: [Int32] = []
  private var item: [Int32] = []
  private var time: [EventTime] = []
  /// By number of an item's id: true where a model can have it.
  private var isWritable: [Bool] = []
  /// Events whose item's id no model can have, and what is wrong with the first few.
  private var unwritable = 0
  private var faults: [String] = []

  /// Most of ``faults``, as of the files' own messages.
  private static let mostFaults = 3
  /// Bytes of an event here, and of the order and the sessions that are made of it.
  private static let bytesPerEvent = 4 + 4 + 8 + 4 + 4 + 8

  init(_ options: DataOptions, _ catalogue: Vocabulary?, isClosed: Bool) {
    self.options = options
    self.isClosed = isClosed
    fixed = catalogue?.count ?? 0
    var id: [UInt8] = []
    for row in 0..<fixed {
      id.removeAll(keepingCapacity: true)
      catalogue?.appendID(of: ItemIndex(row), to: &id)
      _ = itemIDs.number(of: id.span)
      isWritable.append(true)
    }
  }

  /// What is wrong with the first item's id that no model can have; nil where there is none.
  var firstFault: String? { faults.first }

  /// Bytes that it takes, with those that ``finish()`` will.
  var byteCount: Int { session.count * Self.bytesPerEvent + sessionIDs.byteCount + itemIDs.byteCount }

  /// True where it takes more than allowed, or its rows are at their numbers' end.
  var isTooLarge: Bool { byteCount > options.memory || session.count > Int(Int32.max) - Limits.batchEvents }

  /// Takes the events of a batch.
  mutating func append(_ batch: borrowing EventBatch) {
    let bytes = batch.bytes.span
    for event in batch.events {
      let id = bytes.extracting(event.item.indices)
      let number = isClosed ? itemIDs.known(id) : itemIDs.number(of: id)
      if number >= 0, number >= isWritable.count { isWritable.append(check(id)) }
      guard number < 0 || isWritable[Int(number)] else {
        unwritable += 1
        continue
      }
      session.append(sessionIDs.number(of: bytes.extracting(event.session.indices)))
      item.append(number)
      time.append(event.time)
    }
    counts.events = session.count
  }

  /// True where a model can have an item of this id; of others the first few are noted.
  private mutating func check(_ id: Span<UInt8>) -> Bool {
    var bytes: [UInt8] = []
    _ = bytes.appendBytes(id)
    guard let fault = ItemList.fault(in: bytes) else { return true }
    if faults.count < EventLog.mostFaults {
      faults.append("\(fault): \"\(String(decoding: bytes.map { $0 < 0x20 ? 0x3F : $0 }, as: UTF8.self))\"")
    }
    return false
  }

  /// Takes what the files' reader says.
  mutating func note(_ report: FileReport) {
    counts.lines = report.lines
    counts.malformed = report.malformed + unwritable
    counts.ignored = report.ignored
    counts.outOfOrder = report.outOfOrder
    counts.messages = report.messages + faults
  }

  /// The data, filtered and numbered.
  consuming func finish() throws(TrainingDataFailure) -> TrainingData {
    let idleTimeout = options.idleTimeout ?? (format?.cutsVisits == true ? 30 * 60_000 : 24 * 3_600_000)
    let hasTimes = format?.isOrderOnly != true
    counts.sessionIDs = sessionIDs.count
    counts.itemsRead = itemIDs.count - isWritable.count { !$0 }
    let order = order()
    var table = cut(order, idleTimeout: idleTimeout)
    counts.sessionsRead = table.count
    session = []
    item = []
    time = []
    // What is held out must not count for the support of items, so that the split begins with all sessions.
    var unfiltered = options.minItemSupport > 1 && !isClosed ? table : nil
    var filter = SupportFilter(
      minItemSupport: options.minItemSupport, minSessionLength: options.minSessionLength, fixed: fixed)
    let support = filter.apply(to: &table, items: itemIDs.count)
    counts.rareItemEvents = filter.rareItemEvents
    counts.shortSessionEvents = filter.shortSessionEvents
    guard table.count > 0 else { throw .nothing(counts) }
    // A row for each item that is left, in the order of first appearance.
    var rows = [ItemIndex](repeating: .unknown, count: itemIDs.count)
    var ids: [[UInt8]] = []
    for number in 0..<itemIDs.count where number < fixed || support[number] > 0 {
      rows[number] = ItemIndex(ids.count)
      ids.append(Array(itemIDs[number]))
    }
    table = table.renumbered(rows)
    unfiltered = unfiltered?.renumbered(rows)
    guard let vocabulary = Vocabulary(ids) else {
      throw .tooLarge(events: counts.events, bytes: Int(Int32.max), limit: Int(Int32.max))
    }
    if !hasTimes {
      table.times = []
      unfiltered?.times = []
    }
    var data = TrainingData(
      sessions: table, unfiltered: unfiltered, minItemSupport: options.minItemSupport,
      minSessionLength: options.minSessionLength, vocabulary: vocabulary, continuedItems: fixed, counts: counts,
      hasTimes: hasTimes, idleTimeout: idleTimeout, fingerprint: 0)
    data.fingerprint = data.hash()
    return data
  }

  /// Events by session, and in it by time or as they stand.
  private func order() -> [Int32] {
    // A counting sort by session is stable.
    var ends = [Int32](repeating: 0, count: sessionIDs.count + 1)
    for number in session { ends[Int(number) + 1] += 1 }
    for number in 1..<ends.count { ends[number] += ends[number - 1] }
    var order = [Int32](repeating: 0, count: session.count)
    for event in session.indices {
      let number = Int(session[event])
      order[Int(ends[number])] = Int32(event)
      ends[number] += 1
    }
    guard options.ordersByTime else { return order }
    var start = 0
    for number in 0..<sessionIDs.count {
      let end = Int(ends[number])
      if (start..<end).dropFirst().contains(where: { time[Int(order[$0])] < time[Int(order[$0 - 1])] }) {
        // The event's number makes the order whole: equal times stay as they stand.
        order[start..<end].sort { (time[Int($0)], $0) < (time[Int($1)], $1) }
      }
      start = end
    }
    return order
  }

  /// Sessions of item numbers, cut where a gap is above `idleTimeout`, as ``SessionRules`` has it.
  private func cut(_ order: [Int32], idleTimeout: Int64) -> SessionTable {
    var table = SessionTable()
    table.items.reserveCapacity(order.count)
    var last: Int32 = -1
    var greatest = EventTime.min
    for event in order {
      let (session, time) = (session[Int(event)], time[Int(event)])
      if session != last || time - greatest > idleTimeout {
        if last >= 0 { table.end(time: greatest) }
        last = session
        greatest = time
      }
      greatest = max(greatest, time)
      table.items.append(item[Int(event)])
    }
    if last >= 0 { table.end(time: greatest) }
    return table
  }
}

extension SessionTable {
  /// Ends a session whose items have been appended to ``items``.
  fileprivate mutating func end(time: EventTime) {
    starts.append(items.count)
    times.append(time)
  }
}

extension TrainingData {
  /// Sessions, times and ids as one number (FNV-1a over 64-bit words, with a final mix); the same on every machine.
  func hash() -> UInt64 {
    var hash = StableHash()
    hash.add(UInt64(sessions.count))
    for start in sessions.starts { hash.add(UInt64(start)) }
    for item in sessions.items { hash.add(UInt64(bitPattern: Int64(item))) }
    for item in unfiltered?.items ?? [] { hash.add(UInt64(bitPattern: Int64(item))) }
    for time in sessions.times { hash.add(UInt64(bitPattern: time)) }
    var id: [UInt8] = []
    for row in 0..<vocabulary.count {
      id.removeAll(keepingCapacity: true)
      vocabulary.appendID(of: ItemIndex(row), to: &id)
      hash.add(UInt64(id.count))
      for byte in id { hash.add(UInt64(byte)) }
    }
    return hash.value
  }
}

/// A hash that is the same in every process (Fowler, Noll & Vo's FNV-1a, a word at a time): to recognise data, not to keep out an enemy.
struct StableHash {
  private var state: UInt64 = 0xCBF2_9CE4_8422_2325

  /// The hash of what was added.
  var value: UInt64 {
    var mixed = state
    mixed = (mixed ^ (mixed >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    return mixed ^ (mixed >> 33)
  }

  /// Adds a word.
  mutating func add(_ word: UInt64) {
    state = (state ^ word) &* 0x0000_0100_0000_01B3
    state ^= state >> 29
  }
}
