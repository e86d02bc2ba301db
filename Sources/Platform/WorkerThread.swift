private import CPlatform
private import Glibc
private import Synchronization

/// A named thread of the operating system. Every signal is blocked in it.
///
/// What runs on it may block for as long as it likes: it belongs to no pool.
public final class WorkerThread: Sendable {
  /// Its name, as debuggers and `top -H` show the first 15 bytes of it.
  public let name: String
  private let handle: Mutex<pthread_t?>

  /// Starts a thread that runs `body`.
  public init(name: String, _ body: sending @escaping () -> Void) throws(PlatformFailure) {
    self.name = name
    let work = Work(body)
    let context = unsafe Unmanaged.passRetained(work)
    var thread = pthread_t()
    let code = unsafe platform_thread_start(&thread, name, runWork, context.toOpaque())
    guard code == 0 else {
      unsafe context.release()
      throw .thread(name: name, code: code)
    }
    handle = Mutex(thread)
  }

  /// Waits until the body has returned. Further calls return at once.
  public func join() {
    let thread = handle.withLock { handle in
      defer { handle = nil }
      return handle
    }
    if let thread { pthread_join(thread, nil) }
  }

  /// Ends a wait for signals on this thread.
  func stopSignalWait() {
    handle.withLock { if let thread = $0 { _ = platform_signal_stop(thread) } }
  }

  /// Sends `signal` to this thread alone.
  func send(_ signal: Int32) {
    handle.withLock { if let thread = $0 { _ = pthread_kill(thread, signal) } }
  }

  deinit {
    // Nobody waits for it any more: its memory goes when it ends.
    handle.withLock { if let thread = $0 { _ = pthread_detach(thread) } }
  }
}

/// The body on its way through C: not generic, so that it can be passed as one pointer.
private final class Work {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

private func runWork(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let context = unsafe context {
    let work = unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
    work.body()
  }
  return nil
}
