import Events
import Formats
import Pipeline
import Sequential
import SessionState
import TestSupport
import Testing

/// Clicks of the same sessions, over and over: in batches through a processor, over a store in memory, to predictions in JSON.
private struct Feed: ~Copyable {
  var processor: BatchProcessor<MemorySessionStore, JSONPredictionEncoder>
  private(set) var predictions = 0
  private var batch = EventBatch()
  private var output = PredictionBatch()
  private let sessions = (0..<60).map { Array("session-\($0)".utf8) }
  private let items = (0..<42).map { Array("\($0)".utf8) }
  private var random = SplitMix(seed: 3)
  private var time: EventTime = 1_700_000_000_000
  /// All offsets have the same number of digits.
  private var offset: Int64 = 1_000_000

  init(_ family: Family, cacheBytes: Int, exclude: ExclusionMode) throws {
    let model = SmallModel.make(family, seed: 3)
    var options = PipelineOptions(maxLength: model.configuration.maxLength)
    options.topK = 10
    options.exclude = exclude
    options.rules.idleTimeout = 60_000
    options.cacheBytes = cacheBytes
    let partitions = PartitionTable()
    for partition in Int32(0)..<4 { _ = partitions.slot(topic: "clicks", partition: partition) }
    processor = try BatchProcessor(
      model, options, store: MemorySessionStore(bytes: 16 << 20, rules: options.rules),
      encoder: JSONPredictionEncoder(
        vocabulary: model.vocabulary, model: ModelLabel(name: "small", version: "1", kernel: "any"),
        partitions: partitions, origins: .topic, clock: { 1_700_000_000_000 }))
  }

  /// One batch, committed.
  mutating func advance(clicks: Int = 100) throws {
    batch.removeAll()
    for _ in 0..<clicks {
      // Two items are none of the model's, and now and then all sessions begin another visit.
      let (session, item) = (random.below(sessions.count), random.below(items.count))
      time += random.below(400) == 0 ? 100_000 : 100
      batch.append(
        Event(
          session: batch.bytes.appendBytes(ByteRange(start: 0, count: sessions[session].count), of: sessions[session]),
          item: batch.bytes.appendBytes(ByteRange(start: 0, count: items[item].count), of: items[item]), time: time,
          origin: Origin(partition: Int32(session % 4), offset: offset)))
      offset += 1
    }
    var next = 0
    while next < batch.events.count {
      output.removeAll()
      let end = try processor.process(batch, from: next, into: &output)
      predictions += output.predictions.count
      if end == next { processor.noteCommit() }
      next = end
    }
    processor.noteCommit()
  }
}

/// Between the ports, a click costs no allocation.
@Suite struct SteadyStateTests {
  @Test(
    "From a batch of events to stored and encoded predictions, 20,000 clicks allocate nothing",
    arguments: Family.allCases, [ExclusionMode.none, .seen])
  func allocatesNothing(family: Family, exclude: ExclusionMode) throws {
    // Room for all sessions, and for so few that most are forgotten and read again all the time.
    for cacheBytes in [4 << 20, family == .incremental ? 60_000 : 6_000] {
      var feed = try Feed(family, cacheBytes: cacheBytes, exclude: exclude)
      // Larger batches first: memory grows to what the largest batch takes.
      for _ in 0..<300 { try feed.advance(clicks: 130) }
      let (predictions, before) = (feed.predictions, feed.processor.counters)
      let counted = try allocations { for _ in 0..<200 { try feed.advance() } }
      let after = feed.processor.counters
      #expect(counted ?? 0 == 0, "with \(cacheBytes) bytes")
      #expect(feed.predictions - predictions == 20_000)
      #expect(after.visits > before.visits && after.steps + after.prefills > before.steps + before.prefills)
      #expect((after.evictions > before.evictions) == (cacheBytes < 1 << 20))
    }
  }

  @Test("The count sees what a new session costs") func control() throws {
    var feed = try Feed(.incremental, cacheBytes: 4 << 20, exclude: .none)
    let counted = try allocations { try feed.advance() }
    #expect(counted == nil || counted! > 0)
  }
}
