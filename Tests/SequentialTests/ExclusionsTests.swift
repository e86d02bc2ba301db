import Events
import Testing

@testable import Sequential

@Suite struct ExclusionsTests {
  @Test func holdsWhatWasPutIn() {
    var numbers = Numbers(1)
    var exclusions = Exclusions(blocked: BlockedItems([7, 7, 64, 100_000, .unknown]))
    #expect(exclusions.blocked?.count == 3)
    var lists: [Set<ItemIndex>] = []
    for size in [0, 1, 4, 5, 50, 3000] {
      let list = (0..<size).map { _ in ItemIndex(numbers.next() % 5000) }
      exclusions.append((list + list.prefix(3) + [.unknown]).span)
      lists.append(Set(list))
    }
    #expect(exclusions.count == lists.count)
    for query in 0..<7 {
      for item in [ItemIndex](0..<5000) + [99_999, 100_000, .max] {
        let expected = [7, 64, 100_000].contains(item) || (query < lists.count && lists[query].contains(item))
        #expect(exclusions.contains(item, query: query) == expected)
      }
    }
    exclusions.removeAll()
    #expect(exclusions.count == 0 && exclusions.contains(7, query: 0) && !exclusions.contains(8, query: 1))
  }

  @Test func longListsKeepTheirNewestItems() {
    var exclusions = Exclusions()
    exclusions.append([ItemIndex](0..<ItemIndex(Limits.exclusions + 5)).span)
    #expect(exclusions.truncated == 5)
    #expect(!exclusions.contains(4, query: 0) && exclusions.contains(5, query: 0))
    let newest = exclusions.contains(ItemIndex(Limits.exclusions + 4), query: 0)
    #expect(newest)
  }
}

@Suite struct KernelTests {
  @Test func environmentForcesAKernel() throws {
    #expect(try Kernel.selected(environment: [:]) == .best)
    #expect(try Kernel.selected(environment: ["INTENTD_KERNEL": ""]) == .best)
    for kernel in Kernel.allCases {
      let environment = ["INTENTD_KERNEL": kernel.rawValue]
      if kernel.isAvailable {
        #expect(try Kernel.selected(environment: environment) == kernel)
      } else {
        #expect(throws: KernelError.unavailable(kernel)) { try Kernel.selected(environment: environment) }
      }
    }
    #expect(throws: KernelError.unknown(name: "AVX-512")) {
      try Kernel.selected(environment: ["INTENTD_KERNEL": "AVX-512"])
    }
  }
}
