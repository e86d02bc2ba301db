/// Bytes in blocks of one size, chained into streams: what grows at one end and is cut at the other, without allocations, and
/// without fragments that nothing fits into. Address space for all blocks is reserved at the beginning; memory is used as blocks are.
struct BlockPool: ~Copyable {
  /// Bytes of a block.
  static let blockBytes = 64

  /// A run of bytes over chained blocks. Empty until it is appended to; belongs to one pool.
  struct Stream: BitwiseCopyable {
    /// First and last block; -1 where there is none.
    fileprivate var head: Int32 = -1
    fileprivate var tail: Int32 = -1
    /// Where in the first block it begins.
    fileprivate var start: Int32 = 0
    /// Its length in bytes.
    fileprivate(set) var count: Int32 = 0
  }

  /// Most blocks.
  let limit: Int
  /// Blocks that streams hold.
  private(set) var used = 0
  private var bytes: [UInt8] = []
  /// By block, the next one of its stream, or of the free ones.
  private var next: [Int32] = []
  private var free: Int32 = -1

  /// A pool of at most `limit` blocks.
  init(limit: Int) {
    self.limit = min(limit, Int(Int32.max))
    bytes.reserveCapacity(self.limit * Self.blockBytes)
    next.reserveCapacity(self.limit)
  }

  /// Most blocks that appending `count` bytes may take.
  static func blocks(for count: Int) -> Int { count / blockBytes + 2 }

  /// Appends `source` to `stream`. The caller has made sure that there is room.
  mutating func append(_ source: [UInt8], _ range: Range<Int>, to stream: inout Stream) {
    var index = range.lowerBound
    while index < range.upperBound {
      // 0 is the beginning of a block that is yet to come: a stream holds no block without a byte in it.
      let offset = (Int(stream.start) + Int(stream.count)) % Self.blockBytes
      if offset == 0 { extend(&stream) }
      let room = min(Self.blockBytes - offset, range.upperBound - index)
      let place = Int(stream.tail) * Self.blockBytes + offset
      for step in 0..<room { bytes[place + step] = source[index + step] }
      index += room
      stream.count += Int32(room)
    }
  }

  /// Copies all of `stream` behind the end of `output`.
  func copy(_ stream: Stream, to output: inout [UInt8]) {
    var block = stream.head
    var offset = Int(stream.start)
    var left = Int(stream.count)
    while left > 0 {
      let run = min(Self.blockBytes - offset, left)
      let place = Int(block) * Self.blockBytes + offset
      for step in 0..<run { output.append(bytes[place + step]) }
      left -= run
      offset = 0
      block = next[Int(block)]
    }
  }

  /// True where `stream` holds exactly `other`.
  func equals(_ stream: Stream, _ other: Span<UInt8>) -> Bool {
    guard Int(stream.count) == other.count else { return false }
    var block = stream.head
    var offset = Int(stream.start)
    for index in other.indices {
      if offset == Self.blockBytes {
        offset = 0
        block = next[Int(block)]
      }
      if bytes[Int(block) * Self.blockBytes + offset] != other[index] { return false }
      offset += 1
    }
    return true
  }

  /// The byte at `index` of `stream`; only for its first bytes, since it walks the chain.
  func byte(_ index: Int, of stream: Stream) -> UInt8 {
    var block = stream.head
    var offset = Int(stream.start) + index
    while offset >= Self.blockBytes {
      offset -= Self.blockBytes
      block = next[Int(block)]
    }
    return bytes[Int(block) * Self.blockBytes + offset]
  }

  /// Cuts the first `count` bytes off and frees the blocks that nothing is left of.
  mutating func dropFirst(_ count: Int, of stream: inout Stream) {
    precondition(count <= Int(stream.count))
    if count == Int(stream.count) { return release(&stream) }
    var offset = Int(stream.start) + count
    while offset >= Self.blockBytes {
      let block = stream.head
      stream.head = next[Int(block)]
      next[Int(block)] = free
      free = block
      used -= 1
      offset -= Self.blockBytes
    }
    stream.start = Int32(offset)
    stream.count -= Int32(count)
  }

  /// Empties `stream` and frees its blocks.
  mutating func release(_ stream: inout Stream) {
    var block = stream.head
    while block >= 0 {
      let following = block == stream.tail ? -1 : next[Int(block)]
      next[Int(block)] = free
      free = block
      used -= 1
      block = following
    }
    stream = Stream()
  }

  private mutating func extend(_ stream: inout Stream) {
    precondition(used < limit, "the caller made room")
    var block = free
    if block >= 0 {
      free = next[Int(block)]
    } else {
      block = Int32(next.count)
      next.append(-1)
      for _ in 0..<Self.blockBytes { bytes.append(0) }
    }
    next[Int(block)] = -1
    used += 1
    if stream.head < 0 {
      stream.head = block
    } else {
      next[Int(stream.tail)] = block
    }
    stream.tail = block
  }
}
