import Consumer
import Control
import Events
import Formats
import Foundation
import Kafka
import Pipeline
import Platform
import Publisher
import SessionState

/// The live path, put together: one group thread, and workers that each go from Kafka over sessions in Redis (or memory) to Kafka.
final class Daemon: Sendable {
  /// Properties for clients of the in-process broker, which does not wake a waiting fetch when a record comes.
  static let embeddedProperties = ["fetch.wait.max.ms": "5"]

  /// Seconds that the workers may take to finish once one of them failed.
  private var drainSeconds: Double { Double(parts.configuration.drainTimeout) / 1000 }
  private let mailbox: Mailbox
  private let parts: WorkerParts
  private let board: WorkerBoard
  private let log: Log

  /// A daemon of these parts that ends when `mailbox` says stop.
  init(_ parts: WorkerParts, mailbox: Mailbox) {
    self.parts = parts
    self.mailbox = mailbox
    log = parts.log
    board = WorkerBoard(workers: parts.workers, log)
  }

  /// Serves until the mailbox says stop; throws what the first worker that failed could not get over. Its failure stops all.
  func run() throws {
    while try serveAsOneMember() {
      log.warning("joining the group again: the session timed out, and the old member of this name was fenced")
    }
  }

  /// Serves as a member of the group; true where another one should be tried.
  private func serveAsOneMember() throws -> Bool {
    let group = try ConsumerGroup(parts.source, workers: parts.workers, log: Daemon.kafkaLog(log))
    let groupThread = try WorkerThread(name: "group") { group.run() }
    log.info(
      "serving",
      metadata: ["group": .string(parts.configuration.kafka.groupID), "workers": .init(parts.workers)])
    var threads: [WorkerThread] = []
    do {
      for worker in 0..<parts.workers {
        let thread = try WorkerThread(name: "worker-\(worker)") { [self] in
          do {
            try serve(group, worker)
          } catch {
            // All workers meet what ends the member.
            if group.mayJoinAgain && !mailbox.isStopping { return }
            board.fail(error)
            mailbox.stop(within: drainSeconds)
          }
        }
        threads.append(thread)
      }
    } catch {
      board.fail(error)
      mailbox.stop(within: drainSeconds)
    }
    for thread in threads { thread.join() }
    let joinsAgain = group.mayJoinAgain && !mailbox.isStopping
    group.stop()
    groupThread.join()
    if joinsAgain { return true }
    board.say("ended")
    if let failure = board.failure { throw failure }
    return false
  }

  /// A worker thread's life.
  private func serve(_ group: ConsumerGroup, _ worker: Int) throws {
    let partitions = PartitionTable()
    guard let address = parts.configuration.redis.address else {
      try serve(parts.memoryStore(), group, worker, partitions)
      return
    }
    var store = try parts.redisStore(address, partitions)
    let level: Log.Level = worker == 0 ? .info : .debug
    // Redis may come later than the daemon; the worker waits for it.
    do throws(SessionStoreFailure) {
      if let server = try store.connect() {
        log.log(
          level, "connected to Redis",
          metadata: ["address": .string(address.maskedURL), "version": .string(server.version)])
        if let warning = server.warning, worker == 0 { log.warning(warning) }
      }
    } catch {
      if error.disposition == .halt { throw error }
      log.warning(
        "Redis does not answer yet",
        metadata: ["address": .string(address.maskedURL), "reason": .init(describing: error)])
    }
    try serve(store, group, worker, partitions)
  }

  private func serve<Store: SessionStore & ~Copyable>(
    _ store: consuming Store, _ group: ConsumerGroup, _ worker: Int, _ partitions: PartitionTable
  ) throws {
    let (mailbox, board) = (mailbox, board)
    board.begin(worker)
    // While a call waits, it asks whether to go on: a sign of life.
    let goOn = {
      group.beat(worker, .waiting)
      return !mailbox.isOverdue
    }
    let transactions = try parts.transactions(worker, goOn: goOn)
    let sink = try parts.sink(transactions, partitions, goOn: goOn)
    do throws(KafkaFailure) {
      // Before the first record: an earlier process of this name may have left a transaction open that hides its partitions' offsets.
      try transactions?.start {
        group.beat(worker, .waiting)
        return !mailbox.isStopping
      }
    } catch {
      if mailbox.isStopping { return }
      throw error
    }
    let source = KafkaEventSource(
      group, worker: worker, decoder: try parts.decoder(), partitions: partitions, transactions: transactions,
      goOn: { !mailbox.isOverdue })
    var lastNoted = ContinuousClock.now
    var running = Worker(
      source: source, sink: sink, processor: try parts.processor(store, partitions), mailbox: mailbox,
      commitMilliseconds: Int(parts.configuration.publisher.commitInterval),
      wait: { milliseconds in
        group.beat(worker, .waiting)
        Daemon.sleep(milliseconds, until: mailbox)
      },
      news: { news in
        if case .worked = news { group.beat(worker, .working) }
        board.take(news, of: worker)
      },
      watch: { running in
        guard ContinuousClock.now - lastNoted >= .seconds(1) else { return }
        lastNoted = .now
        board.note(worker, WorkerSnapshot(running, transactions?.counts))
      })
    defer {
      // One that is left open hides what follows it from readers of committed records until it times out.
      do throws(KafkaFailure) { try transactions?.abort() } catch {
        log.warning("a transaction is left to its time-out", metadata: ["reason": .init(describing: error)])
      }
      board.note(worker, WorkerSnapshot(running, transactions?.counts))
    }
    try running.run()
  }

  /// Sleeps for so long, or, once `mailbox` says stop, for a fifth of a second at most.
  private static func sleep(_ milliseconds: Int, until mailbox: Mailbox) {
    var left = milliseconds
    while left > 0 {
      let step = min(left, 100)
      Thread.sleep(forTimeInterval: Double(step) / 1000)
      left = mailbox.isStopping ? min(left - step, 100) : left - step
    }
  }

  /// librdkafka's lines as ours.
  static func kafkaLog(_ log: Log) -> KafkaLog {
    let log = log.with(label: "kafka")
    return { line in
      let (text, thread) = parted(line.message)
      let metadata: Log.Metadata =
        thread.map { ["facility": .string(line.facility), "thread": .string($0)] }
        ?? ["facility": .string(line.facility)]
      // Said by every client: that the in-process broker makes topics by itself (it does not), and that a property is for the
      // other kind of client (all clients get the same).
      if ["AUTOCREATE", "CONFWARN"].contains(line.facility) { return log.debug(text, metadata: metadata) }
      switch line.level {
      case .error: log.error(text, metadata: metadata)
      case .warning: log.warning(text, metadata: metadata)
      case .notice: log.info(text, metadata: metadata)
      default: log.debug(text, metadata: metadata)
      }
    }
  }

  /// A line of librdkafka's without the thread that it begins with, `[thrd:NAME]: `, which says the broker; and the thread.
  private static func parted(_ message: String) -> (text: String, thread: String?) {
    guard message.hasPrefix("[thrd:"), let end = message.firstRange(of: "]: ") else { return (message, nil) }
    return (String(message[end.upperBound...]), String(message[..<end.lowerBound].dropFirst(6)))
  }
}
