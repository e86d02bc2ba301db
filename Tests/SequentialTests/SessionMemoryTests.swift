import Events
import Testing

@testable import Sequential

@Suite struct SessionMemoryTests {
  private func sasrec(width: Int = 64, blocks: Int = 2, length: Int = 50) -> SequentialModel {
    RandomModel(
      ModelConfiguration(
        name: "sasrec", itemCount: 20, maxLength: length, output: .tied,
        architecture: .sasrec(
          SASRecConfiguration(
            hiddenSize: width, blocks: blocks, heads: 1, ffnSize: 16, norm: .pre, activation: .relu,
            layerNormEpsilon: 1e-5, positions: .start))), seed: 3
    ).served(on: .best)
  }

  private func recurrent(_ cell: RecurrentConfiguration.Cell, _ sizes: [Int]) -> SequentialModel {
    RandomModel(
      ModelConfiguration(
        name: "recurrent", itemCount: 20, maxLength: 30, output: .untied,
        architecture: .recurrent(RecurrentConfiguration(cell: cell, layerSizes: sizes, input: .embedding(size: 8)))),
      seed: 4
    ).served(on: .best)
  }

  @Test("A SASRec session of 50 items, d 64, 2 blocks: 51.2 KB in fp32, 25.6 KB in bf16, beside a page's rounding")
  func sasrecBytes() {
    for (keysValues, bytes, bound) in [(SequentialModel.KeysValues.fp32, 4, 53_000), (.bf16, 2, 26_000)] {
      let layout = sasrec().makeEncoder(slots: 1, budget: 1 << 20, keysValues: keysValues).layout
      let position = 2 * 2 * 64 * bytes
      #expect(layout.positionsPerPage == 16)
      #expect(layout.pageBytes == 16 * position)
      #expect(50 * position <= bound)
      for positions in 1...50 {
        #expect(layout.bytes(for: positions) == (positions + 15) / 16 * 16 * position)
        #expect(layout.bytes(for: positions) - positions * position < layout.pageBytes)
      }
      #expect(layout.bytes(for: 51) == layout.bytes(for: 50))
    }
  }

  @Test("An odd width costs one number a key more in bf16") func oddWidth() {
    let layout = sasrec(width: 15, blocks: 1, length: 16).makeEncoder(slots: 1, budget: 1 << 20, keysValues: .bf16)
      .layout
    #expect(layout.pageBytes == (16 * 2 * (16 + 15) + 63) / 64 * 64)
  }

  @Test("A recurrent session is its state, padded to 16, whatever its length") func recurrentBytes() {
    let gru = recurrent(.gru, [100]).makeEncoder(slots: 1, budget: 1 << 20).layout
    #expect(gru.bytes(for: 1) == 112 * 4 && gru.bytes(for: 30) == 112 * 4)
    let lstm = recurrent(.lstm, [100, 16]).makeEncoder(slots: 1, budget: 1 << 20).layout
    #expect(lstm.bytes(for: 1) == 2 * (112 + 16) * 4)
  }

  @Test("Memory in use follows what is reserved and released") func memoryInUse() {
    let encoder = sasrec().makeEncoder(slots: 3, budget: 1 << 20)
    #expect(encoder.memoryInUse == 0)
    #expect(encoder.reserve(slot: 0, positions: 1) && encoder.reserve(slot: 1, positions: 50))
    #expect(encoder.memoryInUse == encoder.layout.bytes(for: 1) + encoder.layout.bytes(for: 50))
    #expect(encoder.reserve(slot: 0, positions: 16))
    #expect(encoder.memoryInUse == encoder.layout.bytes(for: 16) + encoder.layout.bytes(for: 50))
    encoder.release(slot: 1)
    encoder.release(slot: 1)
    #expect(encoder.memoryInUse == encoder.layout.bytes(for: 1))
  }
}

@Suite struct PagePoolTests {
  private func expect(
    _ pool: inout PagePool, slot: Int, pages: Int, isReserved: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let got = pool.reserve(slot: slot, pages: pages)
    #expect(got == isReserved, sourceLocation: sourceLocation)
  }

  @Test("The budget is kept, and a refusal changes nothing") func budget() {
    var pool = PagePool(pageBytes: 1024, pagesPerSlot: 4, slots: 4, budget: 6 * 1024 + 1000)
    #expect(pool.pageLimit == 6)
    expect(&pool, slot: 0, pages: 4)
    expect(&pool, slot: 1, pages: 3, isReserved: false)
    #expect(pool.pages(of: 1) == 0 && pool.pagesInUse == 4)
    expect(&pool, slot: 1, pages: 2)
    #expect(pool.bytesInUse == 6 * 1024)
    expect(&pool, slot: 2, pages: 1, isReserved: false)
    pool.release(slot: 0, keeping: 1)
    #expect(pool.pages(of: 0) == 1 && pool.pagesInUse == 3)
    expect(&pool, slot: 2, pages: 3)
  }

  @Test("Slots never share a page, whatever is reserved and released") func ownership() {
    var pool = PagePool(pageBytes: 200_000, pagesPerSlot: 5, slots: 40, budget: 120 * 200_064)
    var numbers = SplitMix64(seed: 9)
    for _ in 0..<5000 {
      let slot = numbers.int(0...39)
      if numbers.chance(0.4) {
        pool.release(slot: slot, keeping: numbers.int(0...2))
      } else {
        _ = pool.reserve(slot: slot, pages: numbers.int(1...5))
      }
    }
    var seen: Set<Int32> = []
    var owned = 0
    for slot in 0..<40 {
      owned += pool.pages(of: slot)
      for index in 0..<pool.pages(of: slot) { seen.insert(pool.pageTable[slot * 5 + index]) }
    }
    #expect(owned == pool.pagesInUse && seen.count == owned && owned <= 120)
    #expect(seen.allSatisfy { Int($0) < (120 >> pool.slabShift + 1) << pool.slabShift })
  }

  @Test("Pages given back are taken again before a new slab") func reuse() {
    var pool = PagePool(pageBytes: 1 << 20, pagesPerSlot: 2, slots: 3, budget: 64 << 20)
    #expect(pool.slabShift == 1)
    expect(&pool, slot: 0, pages: 2)
    let first = [pool.pageTable[0], pool.pageTable[1]]
    #expect(first == [0, 1])
    pool.release(slot: 0)
    expect(&pool, slot: 2, pages: 2)
    #expect(Set([pool.pageTable[4], pool.pageTable[5]]) == Set(first))
    expect(&pool, slot: 1, pages: 1)
    #expect(pool.pageTable[2] >= 2)
  }

  @Test("What is written to a slot's page is read from it") func content() {
    var pool = PagePool(pageBytes: 64, pagesPerSlot: 1, slots: 100, budget: 6400)
    var buffer = AlignedBuffer<Float>(count: 16, repeating: 0)
    for slot in 0..<100 {
      expect(&pool, slot: slot, pages: 1)
      for lane in 0..<16 { buffer[lane] = Float(slot * 16 + lane) }
      pool.write(slot: slot, offset: 0, count: 16, from: buffer, at: 0)
    }
    for slot in 0..<100 {
      pool.read(slot: slot, offset: 8, count: 8, into: &buffer, at: 0)
      #expect(buffer[0] == Float(slot * 16 + 8) && buffer[7] == Float(slot * 16 + 15))
    }
  }
}
