/// When to try again after failures: at once after the first, then after ever longer pauses, each shortened by chance so that
/// many processes do not come back at the same moment.
struct BackOff {
  private let first: Duration
  private let longest: Duration
  private var failures = 0
  private var notBefore: ContinuousClock.Instant?

  init(first: Duration = .milliseconds(50), longest: Duration = .seconds(2)) {
    self.first = first
    self.longest = longest
  }

  /// How long it is too early still; nil where it is time.
  var pause: Duration? {
    guard let notBefore else { return nil }
    let left = notBefore - ContinuousClock.now
    return left > .zero ? left : nil
  }

  /// Notes a failure.
  mutating func failed() {
    let doubled = min(first * (1 << min(failures, 16)), longest)
    notBefore = ContinuousClock.now + doubled * Double.random(in: 0.5...1)
    failures += 1
  }

  /// Notes a success.
  mutating func succeeded() {
    failures = 0
    notBefore = nil
  }
}
