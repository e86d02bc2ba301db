private import CPlatform

/// Readings of the clocks that durations are measured with. Never the time of day.
public enum MonotonicClock {
  /// Nanoseconds since some moment before the process began; never goes back.
  public static var nanoseconds: Int64 { platform_clock(0) }

  /// Nanoseconds of CPU that all threads of the process have used.
  public static var processCPU: Int64 { platform_clock(1) }

  /// Nanoseconds of CPU that the calling thread has used.
  public static var threadCPU: Int64 { platform_clock(2) }
}
