import Events
import Formats
import Foundation
import Testing

struct TimeOrderedEventSourceTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  /// Two files of events in random order, with many equal times.
  private func files() throws -> [String] {
    var random = SplitMix(state: 3)
    return try (0..<2).map { file in
      var text = "SessionId\tItemId\tTime\n"
      for line in 0..<3000 {
        text += "s\(random.next() % 50)\t\(file)-\(line)\t\(1_400_000_000 + random.next() % 500)\n"
      }
      return try directory.file("\(file).tsv", text)
    }
  }

  @Test(arguments: [1, 2000, 20_000, 1 << 20])
  func sortsStably(memory: Int) throws {
    let files = try files()
    var plain = try FileEventSource(files, format: nil, partitions: PartitionTable())
    let expected = try drain(&plain).events.enumerated().sorted {
      ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
    }
    if memory == 1 {
      // Every event would be a run of its own.
      var source = try ordered(files, memory)
      #expect(throws: FormatsFailure.tooManyRuns(runs: TimeOrderedEventSource.mostRuns, bytes: 1)) {
        try drain(&source)
      }
      return
    }
    var source = try ordered(files, memory)
    let events = try drain(&source).events
    #expect(events == expected.map(\.element))
    #expect(source.report.events == 6000)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 2)
  }

  private func ordered(_ files: [String], _ memory: Int) throws -> TimeOrderedEventSource {
    TimeOrderedEventSource(
      try FileEventSource(files, format: nil, partitions: PartitionTable()), memory: memory, directory: directory.path)
  }

  @Test func emptyAndFailing() throws {
    let empty = try directory.file("empty.tsv", "SessionId\tItemId\tTime\n")
    var source = try ordered([empty], 1000)
    #expect(try drain(&source).events.isEmpty)
    let missing = "\(directory.path)/none"
    var failing = TimeOrderedEventSource(
      try FileEventSource(files(), format: nil, partitions: PartitionTable()), memory: 1000, directory: missing)
    #expect(throws: FormatsFailure.cannotSort(directory: missing, why: "No such file or directory")) {
      try drain(&failing)
    }
  }
}
