/// Counts of durations in log-linear buckets, as HdrHistogram has them: 32 buckets for each doubling, so a quantile is right to
/// about 3 %. Fixed memory; recording allocates nothing.
public struct Histogram: Sendable {
  private static let subBuckets = 32
  private var counts = [Int](repeating: 0, count: 60 * subBuckets)
  /// Values recorded.
  public private(set) var count = 0
  /// Largest value recorded.
  public private(set) var largest = 0

  /// An empty histogram.
  public init() {}

  /// Records `times` values of `value` (nanoseconds, or any other unit); below zero counts as zero.
  public mutating func record(_ value: Int, times: Int = 1) {
    let value = max(0, value)
    counts[Histogram.bucket(value)] += times
    count += times
    largest = max(largest, value)
  }

  /// Adds what another histogram recorded.
  public mutating func add(_ other: Histogram) {
    for index in counts.indices { counts[index] += other.counts[index] }
    count += other.count
    largest = max(largest, other.largest)
  }

  /// The value that a share of `quantile` (0…1) of the recorded values does not exceed, to a bucket's width; 0 where nothing is recorded.
  public func value(at quantile: Double) -> Int {
    guard count > 0 else { return 0 }
    let rank = max(1, Int((quantile * Double(count)).rounded(.up)))
    var seen = 0
    for (bucket, number) in counts.enumerated() where number > 0 {
      seen += number
      if seen >= rank { return min(largest, Histogram.upperBound(bucket)) }
    }
    return largest
  }

  private static func bucket(_ value: Int) -> Int {
    if value < subBuckets { return value }
    let shift = Int.bitWidth - value.leadingZeroBitCount - 6
    return (shift + 1) * subBuckets + (value >> shift) - subBuckets
  }

  private static func upperBound(_ bucket: Int) -> Int {
    if bucket < subBuckets { return bucket }
    let shift = bucket / subBuckets - 1
    return ((bucket % subBuckets + subBuckets + 1) << shift) - 1
  }
}
