private import Glibc

/// The process's standard error, as logs and progress use it.
public enum StandardError {
  /// Writes all of `text`; what cannot be written is lost, as there is nowhere left to say so.
  public static func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// True where it is a terminal.
  public static var isTerminal: Bool { isatty(2) == 1 }
}

/// Milliseconds since 1970-01-01 UTC by the wall clock: for logs only, nothing is judged by it.
func wallClock() -> Int64 {
  var now = timespec()
  unsafe clock_gettime(CLOCK_REALTIME, &now)
  return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
}
