import Events
import Kafka
import Testing

@testable import Consumer

@Suite struct HandedOverTests {
  private func begun(_ slots: [Int32] = [0], committed: Int64? = nil) -> HandedOver {
    var places = HandedOver()
    for slot in slots {
      places.begin(slot, epoch: 1)
      if let committed { places.learn(slot, committed: committed) }
    }
    return places
  }

  @Test func aRecordIsHandedOverOnce() {
    var places = begun()
    let found1 = places.note(1, offset: 5)
    #expect(found1 == .refused)
    let found2 = places.note(0, offset: 5)
    #expect(found2 == .fresh)
    let found3 = places.note(0, offset: 5)
    #expect(found3 == .behind)
    let found4 = places.note(0, offset: 4)
    #expect(found4 == .behind)
    let found5 = places.note(0, offset: 9)
    #expect(found5 == .fresh)
    places.end(0)
    let found6 = places.note(0, offset: 10)
    #expect(found6 == .refused)
  }

  @Test func onlyWhatIsDoneIsCommitted() {
    var places = begun([0, 1])
    for offset in Int64(0)..<10 {
      _ = places.note(0, offset: offset)
      _ = places.note(1, offset: offset)
    }
    #expect(places.uncommitted().isEmpty)
    let pending = [
      Event(session: .empty, item: .empty, time: 0, origin: Origin(partition: 1, offset: 4)),
      Event(session: .empty, item: .empty, time: 0, origin: Origin(partition: 1, offset: 6)),
    ]
    places.finish(except: pending[...])
    #expect(places.uncommitted() == [PartitionOffset(partition: 0, next: 10), PartitionOffset(partition: 1, next: 4)])
    places.committed(places.uncommitted())
    #expect(places.uncommitted().isEmpty)
    #expect(places.open == [1])
    places.takeBack()
    #expect(places.rewinds == [PartitionOffset(partition: 1, next: 4)])
    let found7 = places.note(1, offset: 10)
    #expect(found7 == .refused)
    places.rewound(except: [])
    let found8 = places.note(1, offset: 4)
    #expect(found8 == .fresh)
  }

  @Test func aRebuildThatWasAskedForEndsWithTheFirstNewRecord() {
    var places = begun(committed: 80)
    places.rebuild(0, from: 70, isAskedFor: true)
    #expect(places.rewinds == [PartitionOffset(partition: 0, next: 70)])
    places.rewound(except: [])
    let first = places.note(0, offset: 70)
    #expect(first == .stateOnly)
    let isEarly = places.endsRebuild(0, offset: 70)
    #expect(!isEarly)
    // What was handed over since is dropped with its batch, and comes again.
    places.takeBackAll()
    #expect(places.rewinds == [PartitionOffset(partition: 0, next: 70)])
    places.rewound(except: [])
    let fresh = places.note(0, offset: 80)
    #expect(fresh == .fresh)
    let hasEnded = places.endsRebuild(0, offset: 80)
    #expect(hasEnded)
    let isSaidTwice = places.endsRebuild(0, offset: 81)
    #expect(!isSaidTwice)
  }

  @Test func whatIsRebuiltIsStateOnlyAndMovesNoOffset() {
    var places = begun(committed: 80)
    places.rebuild(0, from: 60)
    places.rewound(except: [])
    for offset in Int64(60)..<80 {
      let found9 = places.note(0, offset: offset)
      #expect(found9 == .stateOnly)
    }
    places.finish(except: [])
    #expect(places.uncommitted().isEmpty)
    let found10 = places.note(0, offset: 80)
    #expect(found10 == .fresh)
    places.finish(except: [])
    #expect(places.uncommitted() == [PartitionOffset(partition: 0, next: 81)])
  }

  @Test func takingAllBackGoesToTheCommittedOffsetButNotPastWhatIsRebuilt() {
    var places = begun(committed: 80)
    for offset in Int64(80)..<90 { _ = places.note(0, offset: offset) }
    places.finish(except: [])
    places.takeBackAll()
    #expect(places.rewinds == [PartitionOffset(partition: 0, next: 80)])
    places.rebuild(0, from: 60)
    places.rewound(except: [])
    for offset in Int64(60)..<70 { _ = places.note(0, offset: offset) }
    let pending = [Event(session: .empty, item: .empty, time: 0, origin: Origin(partition: 0, offset: 65))]
    places.finish(except: pending[...])
    places.takeBackAll()
    #expect(places.rewinds == [PartitionOffset(partition: 0, next: 65)])

    var fresh = begun()
    for offset in Int64(3)..<9 { _ = fresh.note(0, offset: offset) }
    fresh.takeBackAll()
    #expect(fresh.rewinds == [PartitionOffset(partition: 0, next: 3)])
    let found11 = fresh.end(0)
    #expect(found11 == false)
  }
}
