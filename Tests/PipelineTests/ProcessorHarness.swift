import Events
import Pipeline
import Sequential

/// A click of a test.
struct Click: Equatable {
  var session: String
  var item: String
  var time: EventTime
  var partition: Int32 = 0
  var offset: Int64
}

/// Clicks put through a processor in batches; what came out, a line a click.
struct ProcessorHarness: ~Copyable {
  var processor: BatchProcessor<PlainStore, PlainEncoder>
  /// Commits that sessions asked for.
  private(set) var commits = 0
  /// Predictions that are to be published.
  private(set) var published = 0
  private var output = PredictionBatch()

  init(_ model: SequentialModel, _ options: PipelineOptions, _ contents: PlainStoreContents) throws {
    processor = try BatchProcessor(
      model, options, store: PlainStore(contents: contents, keep: options.rules.keep), encoder: PlainEncoder())
  }

  /// Works on `clicks` as one batch, committing where it must, trying again where the store fails.
  mutating func process(_ clicks: [Click], tries: Int = 1, stateOnly: Bool = false) throws -> [String] {
    var batch = EventBatch(capacity: max(1, clicks.count))
    for click in clicks {
      let session = batch.bytes.appendBytes(Array(click.session.utf8).span)
      let item = batch.bytes.appendBytes(Array(click.item.utf8).span)
      var event = Event(
        session: session, item: item, time: click.time,
        origin: Origin(partition: click.partition, offset: click.offset))
      event.isStateOnly = stateOnly
      batch.append(event)
    }
    var lines: [String] = []
    var next = 0
    var failures = 0
    while next < clicks.count {
      do {
        output.removeAll()
        let end = try processor.process(batch, from: next, into: &output)
        for prediction in output.predictions { lines.append(output.bytes.text(prediction.encoded)) }
        published += output.predictions.count(where: \.isPublished)
        if end == next {
          processor.noteCommit()
          commits += 1
        }
        next = end
      } catch {
        failures += 1
        if failures >= tries { throw error }
      }
    }
    return lines
  }
}

/// A small random model and random clicks for it.
struct Scenario {
  let model: SequentialModel
  var options: PipelineOptions
  var clicks: [Click] = []

  init(seed: UInt64, family: Family, sessions: Int, clicks count: Int) throws {
    var random = SplitMix(seed: seed)
    model = SmallModel.make(family, seed: seed)
    options = PipelineOptions(maxLength: model.configuration.maxLength)
    options.topK = 5
    options.rules.idleTimeout = 10_000
    options.cacheBytes = 1 << 20
    var offsets: [Int32: Int64] = [:]
    var time: EventTime = 1_700_000_000_000
    for _ in 0..<count {
      let session = "s\(random.below(sessions))"
      let partition = Int32(session.utf8.reduce(0) { $0 &+ Int($1) } % 3)
      let item = random.below(12) == 0 ? "unheard-of" : "\(random.below(model.configuration.itemCount))"
      time += EventTime(random.below(40) == 0 ? 20_000 : random.below(900) - 50)
      clicks.append(
        Click(session: session, item: item, time: time, partition: partition, offset: offsets[partition, default: 0]))
      offsets[partition, default: 0] += 1
    }
  }

  /// What each click gets from a processor that never forgets and is given one click at a time.
  func expected() throws -> (lines: [String], contents: PlainStoreContents) {
    let contents = PlainStoreContents()
    var roomy = options
    roomy.cacheBytes = 64 << 20
    var harness = try ProcessorHarness(model, roomy, contents)
    return (try clicks.flatMap { try harness.process([$0]) }, contents)
  }
}

/// A seeded generator of whole numbers.
struct SplitMix {
  private var state: UInt64
  init(seed: UInt64) { state = seed &+ 0x1234_5678 }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}

enum Family: CaseIterable {
  case incremental
  case recurrent
  case recompute
}

enum SmallModel {
  /// A model of the family with random weights, 40 items "0"…"39" and L = 7.
  static func make(_ family: Family, seed: UInt64) -> SequentialModel {
    let architecture: ModelConfiguration.Architecture =
      family == .recurrent
      ? .recurrent(RecurrentConfiguration(cell: .gru, layerSizes: [12], input: .embedding(size: 12)))
      : .sasrec(
        SASRecConfiguration(
          hiddenSize: 16, blocks: 2, heads: 2, ffnSize: 24, norm: .pre, activation: .relu, layerNormEpsilon: 1e-5,
          finalNorm: true, positions: family == .recompute ? .end : .start))
    let configuration = ModelConfiguration(
      name: "small", itemCount: 40, maxLength: 7, output: .tied, architecture: architecture)
    var random = SplitMix(seed: seed)
    var tensors: [String: Matrix] = [:]
    for tensor in configuration.tensors {
      let isNorm = tensor.name.contains("norm") && tensor.name.hasSuffix("weight")
      let values = (0..<tensor.rows * tensor.columns).map { _ in
        (isNorm ? 1 : 0) + Float(random.below(2001) - 1000) / 2500
      }
      tensors[tensor.name] = Matrix(rows: tensor.rows, columns: tensor.columns, values)
    }
    let ids = (0..<configuration.itemCount).map { Array("\($0)".utf8) }
    return SequentialModel(configuration, weights: Weights(tensors), vocabulary: Vocabulary(ids)!, kernel: .best)
  }
}
