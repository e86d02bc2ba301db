private import CPlatform
private import Glibc
private import Synchronization

/// A signal that the process answers to.
public enum ProcessSignal: Int32, Sendable, CaseIterable {
  /// Control-C at a terminal.
  case interrupt = 2
  /// A polite request to end, as `systemd` and `docker stop` make it.
  case terminate = 15
  /// A request to read configuration and model again.
  case hangup = 1

  /// Status by which a shell reports that this signal ended a process.
  public var exitStatus: Int32 { 128 + rawValue }
}

/// Waits for signals on a thread of its own, so that their handling is ordinary code.
///
/// Create it first thing in the process, on the main thread: threads started later inherit that the signals are blocked.
/// SIGPIPE is ignored from then on. A second request to end ends the process at once, with status 130 or 143.
public final class SignalWaiter: Sendable {
  private let thread: WorkerThread

  /// Blocks `signals` and calls `action` for each that arrives.
  public convenience init(
    _ signals: [ProcessSignal] = [.interrupt, .terminate],
    action: @escaping @Sendable (ProcessSignal) -> Void
  ) throws(PlatformFailure) {
    try self.init(signals, action: action, end: { _exit($0) })
  }

  /// The same with `end` in place of the end of the process.
  init(
    _ signals: [ProcessSignal], action: @escaping @Sendable (ProcessSignal) -> Void,
    end: @escaping @Sendable (Int32) -> Void
  ) throws(PlatformFailure) {
    let numbers = signals.map(\.rawValue)
    let code = unsafe platform_signals_block(numbers, Int32(numbers.count))
    guard code == 0 else { throw .signals(code: code) }
    thread = try WorkerThread(name: "signals") {
      var requests = 0
      while true {
        let number = unsafe platform_signal_wait(numbers, Int32(numbers.count))
        guard number > 0, let signal = ProcessSignal(rawValue: number) else { return }
        if signal != .hangup { requests += 1 }
        if requests > 1 && signal != .hangup {
          end(signal.exitStatus)
        } else {
          action(signal)
        }
      }
    }
  }

  /// Delivers `signal` to the waiting thread alone.
  func send(_ signal: ProcessSignal) { thread.send(signal.rawValue) }

  /// Stops waiting. The signals stay blocked.
  public func stop() {
    thread.stopSignalWait()
    thread.join()
  }
}
