import Glibc
import Platform
import Synchronization

/// Threads that do one thing together, again and again: fork and join in well under a microsecond while they are busy, so that steps of a
/// few hundred microseconds can be shared out.
///
/// The caller is one of them. Whoever waits first spins, then yields, then sleeps, so that a long wait costs next to nothing.
final class ThreadTeam: Sendable {
  /// Number of threads, the caller's among them.
  let count: Int
  private let crew: Crew
  private let threads: [WorkerThread]

  /// A team of `count`; `count` - 1 threads are started.
  init(_ count: Int) throws(TrainingFailure) {
    precondition(count >= 1)
    self.count = count
    let crew = Crew(count)
    self.crew = crew
    var threads: [WorkerThread] = []
    for index in 1..<max(count, 1) {
      do throws(PlatformFailure) {
        threads.append(try WorkerThread(name: "training \(index)") { crew.serve(index) })
      } catch {
        crew.close()
        for thread in threads { thread.join() }
        throw .platform(error)
      }
    }
    self.threads = threads
  }

  deinit {
    crew.close()
    for thread in threads { thread.join() }
  }

  /// Calls `work` with 0..<``count``, each on a thread of its own, and returns when all calls have. What a call throws is thrown, of several
  /// the one of the lowest number.
  func attempt(_ work: (Int) throws(TrainingFailure) -> Void) throws(TrainingFailure) {
    if count == 1 { return try work(0) }
    if let failure = crew.share(work) { throw failure }
  }

  /// The same for work that can't fail.
  func run(_ work: (Int) -> Void) {
    if count == 1 { return work(0) }
    _ = crew.share(work)
  }
}

/// What the threads of a team share. A round is announced by `round`, and over when `done` has counted every thread but the caller.
private final class Crew: @unchecked Sendable {
  typealias Work = (Int) throws(TrainingFailure) -> Void

  private let count: Int
  private let round = Atomic<Int>(0)
  private let done = Atomic<Int>(0)
  private let isClosed = Atomic<Bool>(false)
  /// Written by the caller before `round` grows, read by the others after.
  private var work: Work?
  /// One a thread: its own failure in this round.
  private let failures: [Failure]

  private final class Failure {
    var value: TrainingFailure?
  }

  init(_ count: Int) {
    self.count = count
    failures = (0..<count).map { _ in Failure() }
  }

  func share(_ work: Work) -> TrainingFailure? {
    withoutActuallyEscaping(work) { work in
      self.work = work
      done.store(0, ordering: .relaxed)
      round.add(1, ordering: .releasing)
      attempt(work, 0)
      wait { done.load(ordering: .acquiring) == count - 1 }
      self.work = nil
    }
    return failures.lazy.compactMap(\.value).first
  }

  func serve(_ index: Int) {
    var seen = 0
    while true {
      wait { round.load(ordering: .acquiring) != seen || isClosed.load(ordering: .acquiring) }
      if isClosed.load(ordering: .acquiring) { return }
      seen += 1
      if let work { attempt(work, index) }
      done.add(1, ordering: .releasing)
    }
  }

  func close() { isClosed.store(true, ordering: .releasing) }

  private func attempt(_ work: Work, _ index: Int) {
    failures[index].value = nil
    do throws(TrainingFailure) { try work(index) } catch { failures[index].value = error }
  }

  /// Spins for some microseconds, then yields for about a millisecond, then sleeps between looks.
  private func wait(until isOver: () -> Bool) {
    for _ in 0..<4000 where isOver() { return }
    for _ in 0..<1000 {
      if isOver() { return }
      sched_yield()
    }
    while !isOver() { usleep(100) }
  }
}
