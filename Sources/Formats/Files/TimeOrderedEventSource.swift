public import Events

/// The events of files in the order of their times, in bounded memory: `--order time`.
///
/// The sort is stable: events of equal time stay in the order of files and lines. What doesn't fit in memory is sorted in
/// runs, spilled to a temporary file without a name, and merged. The first ``take(into:milliseconds:)`` reads all files.
/// Lines that are not events are counted in the ``report``, and are not handed over: they have no time.
public struct TimeOrderedEventSource: EventSource, ~Copyable {
  /// Most runs that are merged at once.
  public static let mostRuns = 1024
  /// Bytes of events that are sorted in memory, by default.
  public static let defaultMemory = 256 << 20
  /// What has been read.
  public var report: FileReport { source.report }
  /// The format of the files, once it is known.
  public var format: FileFormat? { source.format }

  private var source: FileEventSource
  private let memory: Int
  private let directory: String
  private var isRead = false
  private var run = EventRun()
  private var next = 0
  private var parts: [Range<Int>] = []
  private var file: SpillFile?
  private var runs: [SpilledRun] = []
  /// Numbers of runs as a heap, the earliest first.
  private var heap: [Int] = []

  /// The events of `source` by time, with about `memory` bytes for them; what doesn't fit goes to `directory` (nil:
  /// `TMPDIR`, else `/tmp`).
  public init(_ source: consuming FileEventSource, memory: Int = defaultMemory, directory: String? = nil) {
    self.source = source
    self.memory = memory
    self.directory = directory ?? SpillFile.defaultDirectory
  }

  /// Fills an emptied batch with the next events; the first call reads and sorts, however long that takes.
  public mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(FormatsFailure) -> SourceState {
    if !isRead { try read() }
    while !batch.isFull {
      if parts.isEmpty {
        guard next < run.count else { return .ended }
        EventRecord.read(run.bytes, at: run.start(next), into: &batch)
        next += 1
      } else {
        guard let first = heap.first else { return .ended }
        try runs[first].pop(into: &batch)
        if runs[first].time == nil {
          let last = heap.removeLast()
          if !heap.isEmpty { heap[0] = last }
        }
        sink(0)
      }
    }
    return .open
  }

  /// Nothing to do: files keep no offsets.
  public mutating func commit(except pending: ArraySlice<Event>) throws(FormatsFailure) -> Bool { true }

  private mutating func read() throws(FormatsFailure) {
    var batch = EventBatch()
    var state = SourceState.open
    while state == .open {
      batch.removeAll()
      state = try source.take(into: &batch, milliseconds: 0)
      for event in batch.events {
        if run.byteCount >= memory { try spill() }
        run.append(event, of: batch.bytes)
      }
    }
    isRead = true
    if parts.isEmpty { return run.sort() }
    try spill()
    run = EventRun()
    guard let file else { return }
    for part in parts {
      runs.append(try SpilledRun(file, part, buffer: min(1 << 20, memory / parts.count)))
    }
    heap = Array(runs.indices)
    for index in heap.indices.reversed() { sink(index) }
  }

  private mutating func spill() throws(FormatsFailure) {
    guard !run.isEmpty else { return }
    guard parts.count < Self.mostRuns else { throw .tooManyRuns(runs: parts.count, bytes: memory) }
    run.sort()
    let file = if let open = self.file { open } else { try SpillFile(directory: directory) }
    self.file = file
    let start = file.count
    var block: [UInt8] = []
    for index in 0..<run.count {
      let record = run.start(index)
      block.append(contentsOf: run.bytes[record..<record + EventRecord.count(run.bytes, at: record)])
      if block.count >= 1 << 20 {
        try file.append(block)
        block.removeAll(keepingCapacity: true)
      }
    }
    try file.append(block)
    parts.append(start..<file.count)
    run.removeAll()
  }

  /// Earlier runs hold earlier lines, so that among equal times the smaller number goes first.
  private func isBefore(_ left: Int, _ right: Int) -> Bool {
    guard let leftTime = runs[left].time else { return false }
    guard let rightTime = runs[right].time else { return true }
    return (leftTime, left) < (rightTime, right)
  }

  private mutating func sink(_ start: Int) {
    var index = start
    while 2 * index + 1 < heap.count {
      var child = 2 * index + 1
      if child + 1 < heap.count, isBefore(heap[child + 1], heap[child]) { child += 1 }
      guard isBefore(heap[child], heap[index]) else { return }
      heap.swapAt(index, child)
      index = child
    }
  }
}
