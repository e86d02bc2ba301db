private import CLimits

/// Seconds for one operation, over several runs.
struct Sample {
  /// Sorted.
  private(set) var seconds: [Double]

  /// Takes `runs` runs of `body`, each repeated until it has taken `least` seconds, after one that warms up. `body` does `operations`
  /// operations.
  init(runs: Int, operations: Int, least: Double = 0.002, _ body: () -> Void) {
    var repeats = 1
    while true {
      let elapsed = Sample.time(repeats, body)
      if elapsed >= least || repeats >= 1 << 24 { break }
      repeats *= 2
    }
    seconds = []
    for _ in 0..<runs { seconds.append(Sample.time(repeats, body) / Double(repeats * operations)) }
    seconds.sort()
  }

  /// Runs that were timed elsewhere.
  init(seconds: [Double]) { self.seconds = seconds.sorted() }

  /// The samples of threads that worked side by side, as one machine: rates add up.
  init(together samples: [Sample]) {
    let runs = samples.map(\.seconds.count).min() ?? 0
    seconds = (0..<runs).map { run in 1 / samples.reduce(0) { $0 + 1 / $1.seconds[run] } }
  }

  private static func time(_ repeats: Int, _ body: () -> Void) -> Double {
    let start = limits_now()
    for _ in 0..<repeats { body() }
    return limits_now() - start
  }

  /// The median.
  var median: Double { seconds[seconds.count / 2] }
  /// The fastest run.
  var best: Double { seconds[0] }
  /// Half of the distance between the quartiles, of the median.
  var spread: Double { (seconds[seconds.count * 3 / 4] - seconds[seconds.count / 4]) / 2 / median }
  /// Operations a second, by the median.
  var rate: Double { 1 / median }
}
