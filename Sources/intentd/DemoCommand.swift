import Control
import Demo
import Events
import Foundation
import Kafka
import Pipeline
import Platform
import Replay

/// `intentd demo`: a shop of the program's own, with visitors and a model, served live by `intentd --embedded`'s broker and store. Clicks go
/// to the topic as a shop's would; predictions are read back from theirs.
struct DemoCommand {
  /// Clicks a second: slow enough to watch.
  static let clicksPerSecond = 150.0

  private let options: DemoOptions

  init(_ options: DemoOptions) { self.options = options }

  func run() throws {
    // Before any other thread starts: they inherit that the signals are blocked.
    let mailbox = Mailbox()
    let signals = try SignalWaiter { _ in mailbox.stop(within: 1) }
    defer { signals.stop() }
    let shop = Shop(seed: options.seed)
    let folder = try TemporaryFolder(prefix: "intentd-demo")
    let path = "\(folder.path)/demo-shop"
    print(
      "A shop of \(Shop.itemCount) items in \(shop.categories.count) categories opens; its model is written and loaded."
    )
    try ShopModel.write(to: path, seed: options.seed)
    let loaded = try LoadedModel(path)
    var configuration = try Configuration.parse(
      "{consumer: {offset_reset: earliest}}", file: "demo", environment: [:], model: path, embedded: true)
    configuration.kafka.properties = Daemon.embeddedProperties
    let log = Log(label: "intentd", level: .warning, to: LineLogSink.standardError)
    let broker = try EmbeddedBroker(log: Daemon.kafkaLog(log))
    try broker.createTopic(configuration.consumer.topic, partitions: 4)
    try broker.createTopic(configuration.publisher.topic, partitions: 4)
    print("Served through the broker in this process at \(broker.bootstrapServers): topics ", terminator: "")
    print("\(configuration.consumer.topic) and \(configuration.publisher.topic); kcat can join.\n")
    let parts = WorkerParts(
      loaded.model, configuration, bootstrapServers: broker.bootstrapServers, workers: 1, log: log)
    let daemon = Daemon(parts, mailbox: mailbox)
    let thread = try WorkerThread(name: "daemon") {
      do { try daemon.run() } catch { log.error("\(error)") }
    }
    var show = try DemoShow(shop, loaded, configuration, broker.bootstrapServers)
    try show.run(clicks: options.clicks ?? 2000, isEnding: { mailbox.isStopping })
    mailbox.stop(within: 20)
    thread.join()
    print(try show.summary())
    withExtendedLifetime((broker, folder)) {}
  }
}
