import Kafka

/// Watches the workers' heartbeats, from the group thread: the group itself would never notice that a worker is stuck, as polling goes on
/// without it.
struct GroupWatch {
  private struct Seen {
    var beats = 0
    var since = ContinuousClock.now
    var isReported = false
    var heldUpSince: ContinuousClock.Instant?
    var isPaused = false
  }

  /// Silence that is worth a line.
  private let silence: Duration
  /// Time that a worker waits for a server before fetching for it ends.
  private let heldUp: Duration
  private var workers: [Seen]

  init(workers count: Int, silence: Duration = .seconds(30), heldUp: Duration = .seconds(10)) {
    workers = Array(repeating: Seen(), count: count)
    self.silence = silence
    self.heldUp = heldUp
  }

  /// Says which workers are silent or move again; `setPaused` is called for one that has waited long for a server.
  mutating func look(
    at pulses: [WorkerPulse], now: ContinuousClock.Instant = .now, log: KafkaLog,
    setPaused: (_ isPaused: Bool, _ worker: Int) -> Void
  ) {
    for worker in workers.indices {
      let pulse = pulses[worker]
      let beats = pulse.count
      if beats != workers[worker].beats || pulse.doing == .resting {
        if workers[worker].isReported {
          let time = "\((now - workers[worker].since) / .seconds(1))".prefix { $0 != "." }
          log(
            KafkaLogLine(level: .notice, facility: "WORKER", message: "worker \(worker) moves again after \(time) s"))
        }
        workers[worker].beats = beats
        workers[worker].since = now
        workers[worker].isReported = false
      } else if !workers[worker].isReported && now - workers[worker].since > silence {
        workers[worker].isReported = true
        let time = silence / .seconds(1)
        log(
          KafkaLogLine(
            level: .error, facility: "WORKER",
            message: "worker \(worker) has given no sign of life for \(Int(time)) s; it was \(pulse.doing.words)"))
      }
      watchWait(of: worker, pulse, now, setPaused)
    }
  }

  private mutating func watchWait(
    of worker: Int, _ pulse: WorkerPulse, _ now: ContinuousClock.Instant,
    _ setPaused: (_ isPaused: Bool, _ worker: Int) -> Void
  ) {
    guard pulse.isHeldUp else {
      workers[worker].heldUpSince = nil
      workers[worker].isPaused = false
      return
    }
    let since = workers[worker].heldUpSince ?? now
    workers[worker].heldUpSince = since
    if !workers[worker].isPaused && now - since > heldUp {
      workers[worker].isPaused = true
      setPaused(true, worker)
    }
  }
}
