import Events
import Testing

@testable import Pipeline

@Suite struct SessionCacheTests {
  @Test("Holds what a dictionary with a least-recently-used rule holds") func againstModel() {
    var random = SplitMix(seed: 9)
    var cache = SessionCache(capacity: 40, itemsPerSession: 3)
    var recency: [String] = []
    var numbers: [String: Int64] = [:]
    for batch in Int64(1)...4000 {
      let name = "session-\(random.below(120))"
      let bytes = Array(name.utf8)
      let id = ByteRange(start: 0, count: bytes.count)
      if random.below(10) == 0, let slot = cache.find(id, of: bytes) {
        cache.remove(slot)
        recency.removeAll { $0 == name }
        numbers[name] = nil
        continue
      }
      if let slot = cache.find(id, of: bytes) {
        #expect(cache[slot].number == numbers[name])
        cache[slot].batch = batch
      } else {
        #expect(numbers[name] == nil)
        var forgotten = 0
        let slot = cache.insert(id, of: bytes, batch: batch) { _, _ in forgotten += 1 }
        #expect(slot != nil)
        if recency.count == 40 {
          #expect(forgotten == 1)
          numbers[recency.removeFirst()] = nil
        }
        cache[slot!].number = batch
        numbers[name] = batch
      }
      recency.removeAll { $0 == name }
      recency.append(name)
      #expect(cache.count == recency.count)
    }
    #expect(cache.evictions > 100)
  }

  @Test("Sessions of the batch at hand are not forgotten") func pinned() {
    var cache = SessionCache(capacity: 2, itemsPerSession: 1)
    let bytes = Array("abc".utf8)
    for start in 0..<2 {
      let slot = cache.insert(ByteRange(start: start, count: 1), of: bytes, batch: 7) { _, _ in }
      #expect(slot != nil)
    }
    let refused = cache.insert(ByteRange(start: 2, count: 1), of: bytes, batch: 7) { _, _ in }
    #expect(refused == nil)
    let taken = cache.insert(ByteRange(start: 2, count: 1), of: bytes, batch: 8) { _, _ in }
    #expect(taken != nil)
  }

  @Test("Marks of many partitions are all kept") func marks() {
    var cache = SessionCache(capacity: 2, itemsPerSession: 1)
    let bytes = Array("a".utf8)
    let slot = cache.insert(ByteRange(start: 0, count: 1), of: bytes, batch: 1) { _, _ in }!
    for partition in Int32(0)..<9 {
      cache.raiseMark(slot: slot, Mark(partition: partition, offset: Int64(partition) + 10))
    }
    cache.raiseMark(slot: slot, Mark(partition: 8, offset: 5))
    let kept = (Int32(0)..<10).map { cache.mark(slot: slot, partition: $0) }
    #expect(kept == [10, 11, 12, 13, 14, 15, 16, 17, 18, -1])
    cache.clear(slot)
    #expect(cache.mark(slot: slot, partition: 8) == -1)
  }
}
