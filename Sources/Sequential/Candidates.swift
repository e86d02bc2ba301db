/// For each query of a pass: the k best lower bounds so far, whose least is the threshold, and the rows that may
/// still be among the k best. Also the memory in which rows are ranked by their fp32 scores.
struct Candidates: ~Copyable, Sendable {
  let maximumK: Int
  /// Most survivors of one query: the k best, those that the bound can't tell from them, and what one tile may add.
  let capacity: Int
  /// `[queries][maximumK]` min-heap.
  private var lowers: AlignedBuffer<Double>
  private var lowerCounts: AlignedBuffer<Int32>
  /// A row whose score is surely below this is out; the k-th best lower bound, or a lesser one.
  var thresholds: AlignedBuffer<Double>
  /// `[queries][capacity]` row and upper bound.
  private(set) var rows: AlignedBuffer<Int32>
  private var uppers: AlignedBuffer<Double>
  private(set) var counts: AlignedBuffer<Int32>
  /// What a query of the pass has come to.
  var states: AlignedBuffer<State>
  /// `[max(capacity, k)]` for ranking: fp32 scores and sort keys.
  var scores: AlignedBuffer<Float>
  private(set) var keys: AlignedBuffer<UInt64>
  private(set) var keyCount = 0

  enum State: UInt8, BitwiseCopyable {
    case scanning, fallback, notFinite
  }

  init(queries: Int, k: Int) {
    maximumK = k
    capacity = 4 * k + 1024
    lowers = AlignedBuffer(count: queries * k, repeating: 0)
    lowerCounts = AlignedBuffer(count: queries, repeating: 0)
    thresholds = AlignedBuffer(count: queries, repeating: -.infinity)
    rows = AlignedBuffer(count: queries * capacity, repeating: 0)
    uppers = AlignedBuffer(count: queries * capacity, repeating: 0)
    counts = AlignedBuffer(count: queries, repeating: 0)
    states = AlignedBuffer(count: queries, repeating: .scanning)
    scores = AlignedBuffer(count: capacity, repeating: 0)
    keys = AlignedBuffer(count: capacity, repeating: 0)
  }

  mutating func removeAll(query: Int) {
    lowerCounts[query] = 0
    thresholds[query] = -.infinity
    counts[query] = 0
    states[query] = .scanning
  }

  /// Index of the first survivor of `query` in ``rows``.
  func firstRow(query: Int) -> Int { query * capacity }

  /// Takes in a row whose fp32 score lies in `lower...upper`; false where the survivors don't fit.
  mutating func insert(row: Int32, lower: Double, upper: Double, query: Int, k: Int) -> Bool {
    raise(with: lower, query: query, k: k)
    if Int(counts[query]) == capacity {
      keepBest(query: query)
      // A buffer that stays nearly full would be searched again for each row.
      if Int(counts[query]) > capacity - capacity / 4 { return false }
    }
    let index = query * capacity + Int(counts[query])
    rows[index] = row
    uppers[index] = upper
    counts[query] += 1
    return true
  }

  /// Drops the survivors whose upper bound is below the threshold.
  mutating func keepBest(query: Int) {
    let first = query * capacity
    let threshold = thresholds[query]
    var kept = first
    for index in first..<first + Int(counts[query]) where !(uppers[index] < threshold) {
      rows[kept] = rows[index]
      uppers[kept] = uppers[index]
      kept += 1
    }
    counts[query] = Int32(kept - first)
  }

  /// Takes a lower bound into the k best, where it is above the threshold.
  private mutating func raise(with lower: Double, query: Int, k: Int) {
    guard lower > thresholds[query] else { return }
    let root = query * maximumK
    let count = Int(lowerCounts[query])
    var index: Int
    if count < k {
      index = count
      while index > 0, lowers[root + (index - 1) / 2] > lower {
        lowers[root + index] = lowers[root + (index - 1) / 2]
        index = (index - 1) / 2
      }
      lowerCounts[query] = Int32(count + 1)
    } else {
      index = 0
      while true {
        var child = index * 2 + 1
        guard child < k else { break }
        if child + 1 < k, lowers[root + child + 1] < lowers[root + child] { child += 1 }
        guard lowers[root + child] < lower else { break }
        lowers[root + index] = lowers[root + child]
        index = child
      }
    }
    lowers[root + index] = lower
    if Int(lowerCounts[query]) == k { thresholds[query] = lowers[root] }
  }

  // MARK: Ranking

  /// A key whose order is that of answers: greater scores first, equal scores by row. `score` is finite and not −0.
  static func key(score: Float, row: Int32) -> UInt64 {
    let bits = score.bitPattern
    let descending = bits >> 31 == 0 ? ~(bits | 0x8000_0000) : bits
    return UInt64(descending) << 32 | UInt64(UInt32(bitPattern: row))
  }

  /// The score in a key.
  static func score(_ key: UInt64) -> Float {
    let descending = UInt32(key >> 32)
    return Float(bitPattern: descending >> 31 == 0 ? ~descending & 0x7FFF_FFFF : descending)
  }

  mutating func removeKeys() { keyCount = 0 }

  /// Adds a row to be ranked; room for it must be there.
  mutating func append(key: UInt64) {
    keys[keyCount] = key
    keyCount += 1
  }

  /// True where ``offer(key:k:)`` would take `key`.
  func isWanted(key: UInt64, k: Int) -> Bool { keyCount < k || key < keys[0] }

  /// Adds a row where it is among the `k` best so far: a max-heap of keys.
  mutating func offer(key: UInt64, k: Int) {
    if keyCount < k {
      var index = keyCount
      keyCount += 1
      while index > 0, keys[(index - 1) / 2] < key {
        keys[index] = keys[(index - 1) / 2]
        index = (index - 1) / 2
      }
      keys[index] = key
    } else if key < keys[0] {
      var index = 0
      while true {
        var child = index * 2 + 1
        guard child < k else { break }
        if child + 1 < k, keys[child + 1] > keys[child] { child += 1 }
        guard keys[child] > key else { break }
        keys[index] = keys[child]
        index = child
      }
      keys[index] = key
    }
  }

  /// Sorts the keys: Shell's sort, which needs no memory and is quick for the few dozen there are.
  mutating func sortKeys() {
    var gap = keyCount / 2
    while gap > 0 {
      for index in gap..<keyCount {
        let key = keys[index]
        var hole = index
        while hole >= gap, keys[hole - gap] > key {
          keys[hole] = keys[hole - gap]
          hole -= gap
        }
        keys[hole] = key
      }
      gap = gap == 2 ? 1 : gap * 5 / 11
    }
  }
}
