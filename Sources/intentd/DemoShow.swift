import Baselines
import Control
import Demo
import Events
import Foundation
import Kafka
import Pipeline
import Replay
import Sequential

/// The visitors and the audience of the demo: produces the shop's clicks, reads the predictions back, shows both, and keeps score.
struct DemoShow: ~Copyable {
  /// What is read of a published prediction.
  private struct Published: Decodable {
    struct Scored: Decodable {
      var item: String
    }
    var session: String
    var item: String
    var time: Int64
    var predictions: [Scored]
  }

  private let shop: Shop
  private let loaded: LoadedModel
  private let producer: KafkaProducer
  private let topic: KafkaProducer.Topic
  private var reader: TopicReader
  private let decoder = JSONDecoder()
  private var evaluator: Evaluator
  private var baselines: [BaselineEvaluation]
  /// When each click was produced, by session and time.
  private var produced: [String: ContinuousClock.Instant] = [:]
  private var latest: [String: [ItemIndex]] = [:]
  private var latencies = Histogram()
  private var shown = 0
  private var received = 0

  init(_ shop: Shop, _ loaded: LoadedModel, _ configuration: Configuration, _ bootstrapServers: String) throws {
    let kafka = KafkaConfiguration(
      bootstrapServers: bootstrapServers, clientID: "demo-shop", properties: Daemon.embeddedProperties)
    let producer = try KafkaProducer(kafka, queueRecords: 10_000, queueBytes: 16 << 20, log: { _ in })
    let topic = try producer.topic(configuration.consumer.topic)
    // Baselines learn from the clicks of earlier visitors.
    var history = ShopHistory(shop, clicks: 50_000)
    let visits = try VisitHistory(learningFrom: &history)
    reader = try TopicReader(kafka, topic: configuration.publisher.topic)
    self.shop = shop
    self.loaded = loaded
    self.producer = producer
    self.topic = topic
    evaluator = Evaluator(name: "demo-shop (live)", catalogue: Shop.itemCount)
    baselines = [
      BaselineEvaluation(PopularityBaseline(visits)),
      BaselineEvaluation(LastItemBaseline.markov(visits, backsOff: true)),
    ]
  }

  /// Produces `clicks` clicks and shows what comes back, until all have their prediction or `isEnding` says so.
  mutating func run(clicks: Int, isEnding: () -> Bool) throws {
    var simulation = ShopSimulation(shop: shop, seed: shop.seed)
    try awaitDaemon(&simulation, isEnding)
    let began = ContinuousClock.now
    for number in 1..<max(1, clicks) {
      guard !isEnding(), let click = simulation.next() else { break }
      try produce(click)
      observe(click)
      let due = began + .seconds(Double(number) / DemoCommand.clicksPerSecond)
      while true {
        try receive(milliseconds: max(0, Int((due - ContinuousClock.now) / .milliseconds(1))))
        if ContinuousClock.now >= due { break }
      }
    }
    _ = try producer.flush(milliseconds: 5000)
    let deadline = ContinuousClock.now + .seconds(30)
    while received < produced.count, ContinuousClock.now < deadline, !isEnding() { try receive(milliseconds: 200) }
  }

  /// The first click alone: while its prediction is awaited, the daemon joins its group.
  private mutating func awaitDaemon(_ simulation: inout ShopSimulation, _ isEnding: () -> Bool) throws {
    guard let click = simulation.next() else { return }
    try produce(click)
    observe(click)
    let deadline = ContinuousClock.now + .seconds(30)
    while received == 0, ContinuousClock.now < deadline, !isEnding() { try receive(milliseconds: 200) }
    latencies = Histogram()
  }

  private mutating func produce(_ click: ShopEvent) throws {
    var key: [UInt8] = []
    var value: [UInt8] = []
    click.appendSessionID(to: &key)
    click.appendJSON(of: shop, to: &value)
    while !(try producer.produce(to: topic, key: key.span, value: value.span)) { try producer.poll(milliseconds: 10) }
    try producer.poll(milliseconds: 0)
    produced["\(click.sessionID) \(click.time)"] = ContinuousClock.now
  }

  /// Gives the click to the baselines.
  private mutating func observe(_ click: ShopEvent) {
    var batch = EventBatch(capacity: 1)
    batch.append(click, of: shop)
    for index in baselines.indices { baselines[index].observe(batch) }
  }

  /// Takes the next prediction, if one comes in time.
  private mutating func receive(milliseconds: Int) throws {
    guard let record = try reader.next(milliseconds: milliseconds), let value = record.value else { return }
    let published = try decoder.decode(Published.self, from: Data(value))
    received += 1
    if let began = produced["\(published.session) \(published.time)"] {
      latencies.record(Int((ContinuousClock.now - began) / .nanoseconds(1)))
    }
    let item = loaded.model.vocabulary.index(of: Array(published.item.utf8).span)
    let list = published.predictions.map { loaded.model.vocabulary.index(of: Array($0.item.utf8).span) }
    show(published.session, item, list)
    evaluator.observe(session: Array(published.session.utf8).span, time: published.time, target: item, predicted: list)
    latest[published.session] = list
  }

  /// One line: the click, where the prediction before it had its item, and what comes next. All of the first fifty, then one in
  /// twenty-five.
  private mutating func show(_ session: String, _ item: ItemIndex, _ list: [ItemIndex]) {
    shown += 1
    guard shown <= 50 || shown % 25 == 0 else { return }
    let verdict: String
    if let before = latest[session] {
      verdict = before.firstIndex(of: item).map { "foreseen at \($0 + 1)" } ?? "not foreseen"
    } else {
      verdict = "comes in"
    }
    let next = list.prefix(3).map { shop.title(of: $0) }.joined(separator: " · ")
    let columns = [session.padding(12), shop.title(of: item).padding(26), verdict.padding(14), next]
    print("\(String(shown).padding(6))\(columns.joined(separator: "  "))")
  }

  /// The final table.
  mutating func summary() throws -> String {
    var rows = [evaluator.finish()]
    for index in baselines.indices { rows.append(baselines[index].finish()) }
    let table = EvaluationReport(targets: .all, rows: rows).table()
    return String(
      format: "\n%d clicks in, %d predictions out; click to prediction: p50 %.1f ms, p99 %.1f ms\n\n", produced.count,
      received, Double(latencies.value(at: 0.5)) / 1e6, Double(latencies.value(at: 0.99)) / 1e6) + table
  }
}

extension String {
  /// Padded or cut to `width` characters.
  fileprivate func padding(_ width: Int) -> String {
    count > width ? String(prefix(width - 1)) + "…" : self + String(repeating: " ", count: width - count)
  }
}

extension EventBatch {
  /// Adds a click of the demo's shop.
  fileprivate mutating func append(_ click: ShopEvent, of shop: Shop) {
    let start = bytes.count
    click.appendSessionID(to: &bytes)
    let session = ByteRange(start: start, count: bytes.count - start)
    let itemStart = bytes.count
    shop.vocabulary.appendID(of: click.item, to: &bytes)
    append(
      Event(
        session: session, item: ByteRange(start: itemStart, count: bytes.count - itemStart), time: click.time,
        origin: Origin(partition: 0, offset: 0)))
  }
}

/// The clicks of the shop's earlier visitors, as a source of events.
private struct ShopHistory: EventSource, ~Copyable {
  enum Failure: PortFailure {
    var disposition: Disposition { .halt }
    var description: String { "" }
  }

  private var simulation: ShopSimulation
  private let shop: Shop
  private var left: Int

  init(_ shop: Shop, clicks: Int) {
    self.shop = shop
    simulation = ShopSimulation(shop: shop, seed: ~shop.seed)
    left = clicks
  }

  mutating func take(into batch: inout EventBatch, milliseconds: Int) throws(Failure) -> SourceState {
    while !batch.isFull {
      guard left > 0, let click = simulation.next() else { return .ended }
      batch.append(click, of: shop)
      left -= 1
    }
    return .open
  }

  mutating func commit(except pending: ArraySlice<Event>) throws(Failure) -> Bool { true }
}
