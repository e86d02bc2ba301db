public import Events

/// Sessions' sequences in this process's memory, with the contract of ``RedisSessionStore``, for replay and for trying things out.
/// Belongs to one worker.
///
/// Bounded: when its bytes are used up, the session that was not used for the longest time goes. There is no time to live, since
/// nothing here may ask the wall clock. A session that went and comes back begins anew, as in Redis. After it
/// has filled up, it allocates nothing.
public struct MemorySessionStore: SessionReading, ~Copyable {
  /// Sessions that had to go to make room.
  public private(set) var evictions = 0
  /// Greatest event time of any session that had to go; `.min` where none had.
  public private(set) var evictedTime = EventTime.min
  private let keep: Int
  private let keepsPredictions: Bool
  private var table = SessionTable()
  private var pool: BlockPool
  private var scratch: [UInt8] = []
  private var eventScratch: [UInt8] = []
  private var markScratch: [Mark] = []
  /// By slot, the last offset applied of each partition; -1 for none.
  private var partitionMarks: [Int64] = []

  /// What a session costs besides its blocks, in blocks: its entry, its places in the table and the free list.
  private static let entryBlocks =
    (MemoryLayout<SessionTable.Entry>.stride + 12 + BlockPool.blockBytes - 1)
    / BlockPool.blockBytes
  /// A block with its link.
  private static let blockCost = BlockPool.blockBytes + MemoryLayout<Int32>.stride
  /// The least that makes sense: a few of the largest sessions that there can be.
  private static let leastBytes = 16 << 20

  /// A store of at most `bytes` (at least 16 MiB) for sessions that live by `rules`. Without `keepsPredictions` the latest predictions
  /// are not kept, which is most of the bytes.
  public init(bytes: Int, rules: SessionRules, keepsPredictions: Bool = true) {
    keep = rules.keep
    self.keepsPredictions = keepsPredictions
    pool = BlockPool(limit: max(bytes, Self.leastBytes) / Self.blockCost)
  }

  /// Sessions that are kept.
  public var count: Int { table.count }

  /// Bytes in use.
  public var usedBytes: Int { (pool.used + table.count * Self.entryBlocks) * Self.blockCost }

  /// Reads sessions: see ``SessionStore/read(_:of:into:)``. Fails never.
  public mutating func read(
    _ keys: [ByteRange], of bytes: [UInt8], into readout: inout SessionReadout
  ) throws(SessionStoreFailure) {
    readout.removeAll()
    for key in keys { readSession(bytes.span.extracting(key.indices), into: &readout) }
  }

  /// Compares and appends: see ``SessionStore/append(_:into:)``. Fails only for a session that alone is larger than the store.
  public mutating func append(
    _ appends: borrowing SessionAppends, into outcomes: inout AppendOutcomes
  ) throws(SessionStoreFailure) {
    outcomes.removeAll()
    for append in appends.sessions {
      let id = appends.bytes.span.extracting(append.session.indices)
      let hash = ByteHash.hash(id)
      let found = table.find(id, hash: hash, in: pool)
      guard (found.map { table.entries[Int($0)].last } ?? 0) == append.expected else {
        outcomes.outcomes.append(.conflict(outcomes.readout.sessions.count))
        readSession(id, into: &outcomes.readout)
        continue
      }
      let slot: Int32
      if let found {
        slot = found
        table.touch(slot)
      } else {
        slot = table.add(hash: hash)
      }
      try makeRoom(Self.blocks(for: append, in: appends, keepsPredictions), sparing: slot)
      if found == nil { pool.append(appends.bytes, append.session.indices, to: &table.entries[Int(slot)].id) }
      apply(append, of: appends, to: slot)
      outcomes.outcomes.append(.stored)
    }
    for outcome in outcomes.outcomes where outcome != .stored { return }
    for mark in appends.partitions {
      while partitionMarks.count <= Int(mark.partition) { partitionMarks.append(-1) }
      partitionMarks[Int(mark.partition)] = max(partitionMarks[Int(mark.partition)], mark.offset)
    }
  }

  /// What is known of partitions: see ``SessionStore/marks(of:)``. Always trusted: nothing that was acknowledged is lost while the
  /// process lives.
  public mutating func marks(of partitions: [Int32]) throws(SessionStoreFailure) -> [PartitionMark] {
    partitions.map {
      let isKnown = Int($0) < partitionMarks.count
      return PartitionMark(partition: $0, offset: isKnown ? partitionMarks[Int($0)] : -1, isTrusted: true)
    }
  }

  /// The latest prediction of `session`, encoded; nil where there is none.
  public mutating func storedPrediction(of session: [UInt8]) throws(SessionStoreFailure) -> [UInt8]? {
    guard let slot = table.find(session.span, hash: ByteHash.hash(session.span), in: pool) else { return nil }
    let stream = table.entries[Int(slot)].prediction
    if stream.count == 0 { return nil }
    var bytes: [UInt8] = []
    pool.copy(stream, to: &bytes)
    return bytes
  }

  private mutating func readSession(_ id: Span<UInt8>, into readout: inout SessionReadout) {
    let events = readout.events.count
    let marks = readout.marks.count
    var greatestTime = EventTime.min
    if let slot = table.find(id, hash: ByteHash.hash(id), in: pool) {
      table.touch(slot)
      greatestTime = table.entries[Int(slot)].greatestTime
      scratch.removeAll(keepingCapacity: true)
      pool.copy(table.entries[Int(slot)].events, to: &scratch)
      var index = 0
      while index < scratch.count { CompactEvent.read(scratch, &index, into: &readout) }
      loadMarks(of: slot)
      readout.marks.append(contentsOf: markScratch)
    }
    readout.sessions.append(
      StoredSession(
        events: events..<readout.events.count, marks: marks..<readout.marks.count, greatestTime: greatestTime))
  }

  private mutating func apply(_ append: SessionAppend, of appends: borrowing SessionAppends, to slot: Int32) {
    loadMarks(of: slot)
    let known = markScratch.count
    var areMarksNew = false
    for index in append.events {
      let event = appends.events[index]
      scratch.removeAll(keepingCapacity: true)
      CompactEvent.append(event, items: appends.bytes, to: &scratch, scratch: &eventScratch)
      pool.append(scratch, 0..<scratch.count, to: &table.entries[Int(slot)].events)
      table.entries[Int(slot)].eventCount += 1
      table.entries[Int(slot)].last = event.number
      if let place = markScratch.firstIndex(where: { $0.partition == event.origin.partition }) {
        areMarksNew = areMarksNew || markScratch[place].offset < event.origin.offset
        markScratch[place].offset = max(markScratch[place].offset, event.origin.offset)
      } else {
        markScratch.append(Mark(partition: event.origin.partition, offset: event.origin.offset))
      }
    }
    table.entries[Int(slot)].greatestTime = append.greatestTime
    while table.entries[Int(slot)].eventCount > keep {
      let stream = table.entries[Int(slot)].events
      let count = Int(pool.byte(0, of: stream)) | Int(pool.byte(1, of: stream)) << 8
      pool.dropFirst(count + 2, of: &table.entries[Int(slot)].events)
      table.entries[Int(slot)].eventCount -= 1
    }
    if areMarksNew || markScratch.count > known { storeMarks(of: slot) }
    if keepsPredictions && !append.prediction.isEmpty {
      pool.release(&table.entries[Int(slot)].prediction)
      pool.append(appends.bytes, append.prediction.indices, to: &table.entries[Int(slot)].prediction)
    }
  }

  private mutating func loadMarks(of slot: Int32) {
    markScratch.removeAll(keepingCapacity: true)
    scratch.removeAll(keepingCapacity: true)
    pool.copy(table.entries[Int(slot)].marks, to: &scratch)
    var index = 0
    while index < scratch.count {
      let partition = Int32(truncatingIfNeeded: CompactEvent.takeNumber(scratch, &index))
      markScratch.append(
        Mark(partition: partition, offset: Int64(bitPattern: CompactEvent.takeNumber(scratch, &index))))
    }
  }

  private mutating func storeMarks(of slot: Int32) {
    scratch.removeAll(keepingCapacity: true)
    for mark in markScratch {
      CompactEvent.appendNumber(UInt64(UInt32(bitPattern: mark.partition)), to: &scratch)
      CompactEvent.appendNumber(UInt64(bitPattern: mark.offset), to: &scratch)
    }
    pool.release(&table.entries[Int(slot)].marks)
    pool.append(scratch, 0..<scratch.count, to: &table.entries[Int(slot)].marks)
  }

  /// Most blocks that an append may take, before anything is cut off.
  private static func blocks(
    for append: SessionAppend, in appends: borrowing SessionAppends, _ keepsPredictions: Bool
  ) -> Int {
    var bytes = 0
    for index in append.events { bytes += Int(appends.events[index].item.count) + CompactEvent.overhead }
    var blocks = BlockPool.blocks(for: bytes) + BlockPool.blocks(for: Int(append.session.count))
    // The marks: at most one of fifteen bytes more for each event.
    blocks += BlockPool.blocks(for: append.events.count * 15)
    if keepsPredictions { blocks += BlockPool.blocks(for: Int(append.prediction.count)) }
    return blocks
  }

  /// Lets go of the sessions that were not used for the longest time until `blocks` are free.
  private mutating func makeRoom(_ blocks: Int, sparing slot: Int32) throws(SessionStoreFailure) {
    while pool.used + table.count * Self.entryBlocks + blocks > pool.limit {
      let oldest = table.oldest
      if oldest == slot {
        throw .invalidConfiguration(name: "bytes", why: "one session is larger than the whole store")
      }
      evictedTime = max(evictedTime, table.entries[Int(oldest)].greatestTime)
      pool.release(&table.entries[Int(oldest)].id)
      pool.release(&table.entries[Int(oldest)].events)
      pool.release(&table.entries[Int(oldest)].marks)
      pool.release(&table.entries[Int(oldest)].prediction)
      table.remove(oldest)
      evictions += 1
    }
  }
}
