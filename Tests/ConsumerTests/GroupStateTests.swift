import Kafka
import Testing

@testable import Consumer

@Suite struct GroupStateTests {
  private func places(_ numbers: [Int32]) -> [TopicPartition] {
    numbers.map { TopicPartition(topic: "clicks", partition: $0) }
  }

  @Test func eachPartitionGoesToTheWorkerWithTheFewest() throws {
    var state = GroupState(workers: 3)
    let first = state.assign(places([4, 0, 1, 3, 2])).map(\.worker)
    #expect(first == [0, 1, 2, 0, 1])
    #expect(state.seats.map(\.partitions.count) == [2, 2, 1])
    let second = state.assign(places([9])).map(\.worker)
    #expect(second == [2])
    // Two of worker 0 go; what comes goes there, what stays stays.
    _ = state.beginRevocation(places([0, 3]), isLost: false, deadline: .now)
    _ = state.endRevocation()
    let third = state.assign(places([7, 8])).map(\.worker)
    #expect(third == [0, 0])
    #expect(state.owner(of: places([1])[0]) == 1)
    state.seats[1].isRetired = true
    let last = state.assign(places([20, 21, 22])).map(\.worker)
    #expect(!last.contains(1))
  }

  @Test func revokedPartitionsKeepTheirEpochUntilTheyAreReleasedOrOutOfTime() throws {
    var state = GroupState(workers: 2)
    _ = state.assign(places([0, 1, 2, 3]))
    let epoch = try #require(state.seats[0].partitions[places([0])[0]])
    _ = try state.enter(0)
    let owners = state.beginRevocation(places([0]), isLost: false, deadline: .now + .seconds(1))
    #expect(owners == [0])
    #expect(state.unreleased == [0])
    #expect(state.seats[0].partitions[places([0])[0]] == epoch)
    // Its next take tells the worker to yield; it is not let in.
    let found = try state.enter(0)
    let entry = try #require(found)
    #expect(entry.isYielding && !entry.isInside)
    let isLast = state.release(0)
    #expect(isLast)
    #expect(state.unreleased.isEmpty)
    _ = state.endRevocation()
    #expect(state.seats[0].partitions[places([0])[0]] == nil)
    let later = try state.enter(0)
    guard let news = later?.news, case .gone(let place)? = news.first else {
      Issue.record("nothing was told")
      return
    }
    #expect(place.partition == 0)
    // The same partition again is another epoch.
    _ = state.assign(places([0]))
    #expect(state.seats[0].partitions[places([0])[0]] ?? 0 > epoch)
  }

  @Test func lostPartitionsAreNobodysAtOnce() throws {
    var state = GroupState(workers: 2)
    _ = state.assign(places([0, 1]))
    let owners = state.beginRevocation(places([0, 1]), isLost: true, deadline: .now)
    #expect(owners == [0, 1])
    #expect(state.seats.allSatisfy { $0.partitions.isEmpty })
    #expect(state.unreleased.isEmpty)
  }

  @Test func nobodyEntersWhileTheGateIsClosedOrHisPartitionsArePaused() throws {
    var state = GroupState(workers: 2)
    state.isGateClosed = true
    let closed = try state.enter(0)
    #expect(closed?.isInside == nil)
    state.isGateClosed = false
    state.seats[0].paused = places([0])
    let paused = try state.enter(0)
    #expect(paused?.isInside == nil)
    #expect(state.seats[0].wantsResume)
    let open = try state.enter(1)
    #expect(open?.isInside == true)
    #expect(state.seats[1].isConsuming)
    let isNews = state.fail(.instanceFenced(detail: "test"))
    #expect(isNews)
    #expect(throws: KafkaFailure.self) { _ = try state.enter(1) }
  }

  @Test func onlyAMemberThatLostItsSessionMayJoinAgain() {
    var steady = GroupState(workers: 1)
    _ = steady.assign(places([0]))
    _ = steady.fail(.instanceFenced(detail: "a rival"))
    #expect(!steady.mayJoinAgain)
    var lost = GroupState(workers: 1)
    _ = lost.assign(places([0]))
    _ = lost.beginRevocation(places([0]), isLost: true, deadline: .now)
    var denied = lost
    _ = lost.fail(.instanceFenced(detail: "its own old self"))
    #expect(lost.mayJoinAgain)
    _ = denied.fail(.denied(operation: "reading", code: "x", detail: "y"))
    #expect(!denied.mayJoinAgain)
  }

  @Test func aLossDuringARevocationIsALossOfTheSession() {
    var state = GroupState(workers: 1)
    state.noteLoss()
    #expect(state.lastLoss == nil, "nothing is given up, so nothing of it is lost")
    _ = state.assign(places([0]))
    _ = state.beginRevocation(places([0]), isLost: false, deadline: .now + .seconds(1))
    state.noteLoss()
    let first = state.lastLoss
    #expect(first != nil)
    // Each look at the same loss is the same loss.
    state.noteLoss()
    #expect(state.lastLoss == first)
    _ = state.endRevocation()
    _ = state.fail(.instanceFenced(detail: "its own old self"))
    #expect(state.mayJoinAgain)
  }
}
