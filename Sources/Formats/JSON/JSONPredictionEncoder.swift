public import Events

/// What made the predictions; it stands in each of them.
public struct ModelLabel: Sendable, Equatable {
  /// The model's name.
  public var name: String
  /// The version of its weights.
  public var version: String
  /// The kernel that scored: bits are equal on the same kernel.
  public var kernel: String

  /// The label of a model.
  public init(name: String, version: String, kernel: String) {
    self.name = name
    self.version = version
    self.kernel = kernel
  }
}

/// How a prediction names the origin of its event.
public enum OriginStyle: Sendable {
  /// `"source":{"topic":"clicks","partition":3,"offset":42}`
  case topic
  /// `"source":{"file":"clicks.tsv","line":12}`
  case file
}

/// Writes predictions as JSON, one object without a line end. Belongs to one worker; allocates nothing in steady state.
///
///     {"session":"s","item":"i","time":1396860669277,"user":"u","type":"click",
///     "predictions":[{"item":"j","score":1.25,"rank":1}],"model":{"name":"m","version":"v","kernel":"avx512"},
///     "source":{"topic":"clicks","partition":3,"offset":42},"processed_at":1396860669291,"latency_ms":9}
///
/// (in one line); `user` and `type` stand there where the event has them, `status` only where nothing was predicted. Scores
/// are the shortest decimals that read back as the same 32 bits. `processed_at` and `latency_ms` stand at the end, and only where there is a
/// clock: without them a prediction sent again, or replayed, is the same bytes.
public struct JSONPredictionEncoder: PredictionEncoder, ~Copyable {
  private let vocabulary: Vocabulary
  private let partitions: PartitionTable
  private let style: OriginStyle
  /// `],"model":{…},"source":`
  private let model: [UInt8]
  /// The source's object up to its offset, by slot; empty until it is needed.
  private var sources: [[UInt8]] = []
  private let clock: (() -> EventTime)?
  private var now: EventTime = 0
  private let words = Words()

  /// The pieces between the values.
  private struct Words {
    let session = Array(#"{"session":"#.utf8)
    let item = Array(#","item":"#.utf8)
    let time = Array(#","time":"#.utf8)
    let user = Array(#","user":"#.utf8)
    let type = Array(#","type":"#.utf8)
    let status = Array(#","status":""#.utf8)
    let predictions = Array(#","predictions":["#.utf8)
    let firstItem = Array(#"{"item":""#.utf8)
    let score = Array(#"","score":"#.utf8)
    let rank = Array(#","rank":"#.utf8)
    let processed = Array(#"},"processed_at":"#.utf8)
    let latency = Array(#","latency_ms":"#.utf8)
  }

  /// An encoder for a model with that catalogue, and events whose origins stand in `partitions`. With a `clock`, which is read once a
  /// batch, predictions say when they were made, and how long after their event's record.
  public init(
    vocabulary: Vocabulary, model: ModelLabel, partitions: PartitionTable, origins: OriginStyle,
    clock: (() -> EventTime)? = nil
  ) {
    self.clock = clock
    self.vocabulary = vocabulary
    self.partitions = partitions
    style = origins
    var bytes = Array(#"],"model":{"name":"#.utf8)
    bytes.appendJSON(model.name)
    bytes.append(contentsOf: Array(#","version":"#.utf8))
    bytes.appendJSON(model.version)
    bytes.append(contentsOf: Array(#","kernel":"#.utf8))
    bytes.appendJSON(model.kernel)
    bytes.append(contentsOf: Array(#"},"source":"#.utf8))
    self.model = bytes
  }

  /// Reads the clock for the predictions to come.
  public mutating func begin() { if let clock { now = clock() } }

  /// Appends the encoded prediction of `event` to `bytes`.
  public mutating func encode(
    _ prediction: Prediction, items: [ScoredItem], of event: Event, eventBytes: [UInt8], into bytes: inout [UInt8]
  ) {
    _ = bytes.appendBytes(words.session.span)
    bytes.appendJSON(event.session, of: eventBytes)
    _ = bytes.appendBytes(words.item.span)
    bytes.appendJSON(event.item, of: eventBytes)
    _ = bytes.appendBytes(words.time.span)
    bytes.appendDecimal(event.time)
    if !event.user.isEmpty {
      _ = bytes.appendBytes(words.user.span)
      bytes.appendJSON(event.user, of: eventBytes)
    }
    if !event.type.isEmpty {
      _ = bytes.appendBytes(words.type.span)
      bytes.appendJSON(event.type, of: eventBytes)
    }
    if prediction.status != .predicted {
      _ = bytes.appendBytes(words.status.span)
      bytes.append(contentsOf: prediction.status.rawValue.utf8)
      bytes.append(UInt8(ascii: "\""))
    }
    _ = bytes.appendBytes(words.predictions.span)
    appendItems(prediction, items, to: &bytes)
    _ = bytes.appendBytes(model.span)
    appendSource(event.origin, to: &bytes)
    if clock != nil {
      _ = bytes.appendBytes(words.processed.span)
      bytes.appendDecimal(now)
      _ = bytes.appendBytes(words.latency.span)
      bytes.appendDecimal(now - event.recordTime)
    } else {
      bytes.append(UInt8(ascii: "}"))
    }
    bytes.append(UInt8(ascii: "}"))
  }

  private func appendItems(_ prediction: Prediction, _ items: [ScoredItem], to bytes: inout [UInt8]) {
    var rank: Int64 = 0
    for index in prediction.itemIndices {
      let scored = items[index]
      rank += 1
      if rank > 1 {
        bytes.append(UInt8(ascii: "}"))
        bytes.append(UInt8(ascii: ","))
      }
      _ = bytes.appendBytes(words.firstItem.span)
      let start = bytes.count
      vocabulary.appendID(of: scored.item, to: &bytes)
      bytes.escapeJSON(from: start)
      _ = bytes.appendBytes(words.score.span)
      JSONFields.append(scored.score, to: &bytes)
      _ = bytes.appendBytes(words.rank.span)
      bytes.appendDecimal(rank)
    }
    if rank > 0 { bytes.append(UInt8(ascii: "}")) }
  }

  /// Appends the source's object but for its end. What is the same for a partition is made once.
  private mutating func appendSource(_ origin: Origin, to bytes: inout [UInt8]) {
    let slot = Int(origin.partition)
    while sources.count <= slot { sources.append([]) }
    if sources[slot].isEmpty { sources[slot] = source(of: partitions.names[slot]) }
    bytes.append(contentsOf: sources[slot])
    bytes.appendDecimal(origin.offset)
  }

  private func source(of name: PartitionTable.Name) -> [UInt8] {
    var bytes: [UInt8] = []
    switch style {
    case .topic:
      bytes.append(contentsOf: Array(#"{"topic":"#.utf8))
      bytes.appendJSON(name.topic)
      bytes.append(contentsOf: Array(#","partition":"#.utf8))
      bytes.appendDecimal(Int64(name.partition))
      bytes.append(contentsOf: Array(#","offset":"#.utf8))
    case .file:
      bytes.append(contentsOf: Array(#"{"file":"#.utf8))
      bytes.appendJSON(name.topic)
      bytes.append(contentsOf: Array(#","line":"#.utf8))
    }
    return bytes
  }
}
