private import Glibc

/// Memory of sessions in pages of one size: a slab allocator with a byte budget.
///
/// A slot (one session) owns up to `pagesPerSlot` pages, in order. Slabs of 2 MiB or more come from the system as they are first needed,
/// aligned and advised for huge pages, and are kept; from then on taking and giving back a page moves one number.
/// Belongs to one worker.
@safe struct PagePool: ~Copyable {
  /// Bytes of one page.
  let pageBytes: Int
  /// Most pages of one slot.
  let pagesPerSlot: Int
  /// Number of slots.
  let slots: Int
  /// Most pages in all, from the budget.
  let pageLimit: Int
  /// Pages that slots own now.
  private(set) var pagesInUse = 0

  let slabShift: Int
  let slabs: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  var pageTable: AlignedBuffer<Int32>
  private var pageCounts: AlignedBuffer<Int32>
  private var slabCount = 0
  private let slabLimit: Int
  private var free: [Int32] = []

  private static let slabBytes = 2 << 20

  /// A pool of `slots` slots within `budget` bytes; `pageBytes` is rounded up to cache lines.
  init(pageBytes: Int, pagesPerSlot: Int, slots: Int, budget: Int) {
    let pageBytes = max(64, (pageBytes + 63) / 64 * 64)
    self.pageBytes = pageBytes
    self.pagesPerSlot = pagesPerSlot
    self.slots = slots
    pageLimit = min(budget / pageBytes, Int(Int32.max) / 2)
    var shift = 0
    while (pageBytes << (shift + 1)) <= PagePool.slabBytes { shift += 1 }
    slabShift = shift
    slabLimit = (pageLimit >> shift) + 1
    unsafe slabs = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: slabLimit)
    unsafe slabs.initialize(repeating: nil, count: slabLimit)
    pageTable = AlignedBuffer(count: slots * pagesPerSlot, repeating: 0)
    pageCounts = AlignedBuffer(count: slots, repeating: 0)
    free.reserveCapacity(min(pageLimit, 1 << 20))
  }

  deinit {
    for index in 0..<slabCount { unsafe Glibc.free(slabs[index]) }
    unsafe slabs.deallocate()
  }

  /// Bytes that the slots' pages take now.
  var bytesInUse: Int { pagesInUse * pageBytes }

  /// Makes sure that `slot` owns at least `pages` pages; false, and nothing changed, where the budget has none left.
  mutating func reserve(slot: Int, pages: Int) -> Bool {
    precondition(pages <= pagesPerSlot)
    let owned = Int(pageCounts[slot])
    let wanted = pages - owned
    guard wanted > 0 else { return true }
    guard pagesInUse + wanted <= pageLimit else { return false }
    for index in owned..<pages {
      if free.isEmpty { addSlab() }
      pageTable[slot * pagesPerSlot + index] = free.removeLast()
    }
    pageCounts[slot] = Int32(pages)
    pagesInUse += wanted
    return true
  }

  /// Gives the pages of `slot` back, all but its first `kept`.
  mutating func release(slot: Int, keeping kept: Int = 0) {
    let owned = Int(pageCounts[slot])
    guard owned > kept else { return }
    for index in (kept..<owned).reversed() { free.append(pageTable[slot * pagesPerSlot + index]) }
    pageCounts[slot] = Int32(kept)
    pagesInUse -= owned - kept
  }

  /// Copies `count` floats of the first page of `slot`, from float `offset` on, to `at` in `buffer`.
  func read(slot: Int, offset: Int, count: Int, into buffer: inout AlignedBuffer<Float>, at: Int) {
    precondition((offset + count) * 4 <= pageBytes && at >= 0 && at + count <= buffer.count)
    unsafe (buffer.base + at).update(from: floats(slot) + offset, count: count)
  }

  /// Copies `count` floats at `at` in `buffer` to the first page of `slot`, from float `offset` on.
  mutating func write(slot: Int, offset: Int, count: Int, from buffer: borrowing AlignedBuffer<Float>, at: Int) {
    precondition((offset + count) * 4 <= pageBytes && at >= 0 && at + count <= buffer.count)
    unsafe (floats(slot) + offset).update(from: buffer.base + at, count: count)
  }

  private func floats(_ slot: Int) -> UnsafeMutablePointer<Float> {
    precondition(pageCounts[slot] > 0)
    let page = Int(pageTable[slot * pagesPerSlot])
    let inside = page & ((1 << slabShift) - 1)
    guard let slab = unsafe slabs[page >> slabShift] else { preconditionFailure("a page without its slab") }
    return unsafe UnsafeMutableRawPointer(slab + inside * pageBytes).assumingMemoryBound(to: Float.self)
  }

  /// Pages that `slot` owns.
  func pages(of slot: Int) -> Int { Int(pageCounts[slot]) }

  private mutating func addSlab() {
    let pages = 1 << slabShift
    // A cache line more: the last vector load of a page may reach behind it.
    let bytes = pages * pageBytes + 64
    var memory: UnsafeMutableRawPointer?
    let alignment = bytes >= PagePool.slabBytes ? PagePool.slabBytes : 4096
    guard unsafe posix_memalign(&memory, alignment, bytes) == 0, let memory = unsafe memory else {
      fatalError("out of memory: the system refused \(bytes) bytes for sessions' memory; lower state.cache_bytes")
    }
    _ = unsafe madvise(memory, bytes, Int32(MADV_HUGEPAGE))
    unsafe memset(memory, 0, bytes)
    unsafe slabs[slabCount] = memory.assumingMemoryBound(to: CChar.self)
    // Pages are handed out in rising order.
    for page in (0..<pages).reversed() { free.append(Int32(slabCount << slabShift | page)) }
    slabCount += 1
  }
}
