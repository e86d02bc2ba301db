import Foundation
import Synchronization
import Testing

@testable import Control

@Suite struct LogTests {
  @Test func recordsCarryLevelLabelAndMetadata() {
    let sink = MemoryLogSink()
    let log = Log(label: "worker", level: .info, metadata: ["worker": 3], to: sink)
    log.info("took a batch", metadata: ["events": 12, "topic": "clicks"])
    log.with(label: "redis", metadata: ["host": "r"]).error("away")
    let records = sink.records
    #expect(records.map(\.level) == [.info, .error])
    #expect(records.map(\.label) == ["worker", "redis"])
    #expect(records[0].fields == [.init("worker", 3), .init("events", 12), .init("topic", "clicks")])
    #expect(records[1].fields == [.init("worker", 3), .init("host", "r")])
  }

  @Test func metadataMayBeCountedTogetherAtRunTime() throws {
    let sink = MemoryLogSink()
    let log = Log(label: "l", metadata: ["worker": 1], to: sink)
    let counters = ["events": 3, "rejected": 0]
    log.log(.info, "working", fields: counters.sorted { $0.key < $1.key }.map { .init($0.key, .init($0.value)) })
    log.log(.debug, "working", fields: [])
    #expect(sink.records.map(\.fields) == [[.init("worker", 1), .init("events", 3), .init("rejected", 0)]])
    let line = LogLine.json(try #require(sink.records.first))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["events"] as? Int == 3)
  }

  @Test func messagesBelowTheLevelAreNotEvenMade() {
    let sink = MemoryLogSink()
    var log = Log(label: "l", level: .warning, to: sink)
    let made = Mutex(0)
    func message() -> String {
      made.withLock { $0 += 1 }
      return "m"
    }
    log.trace(message())
    log.debug(message())
    log.info(message())
    log.notice(message())
    #expect(made.withLock { $0 } == 0 && sink.records.isEmpty)
    log.level = .trace
    for level in Log.Level.allCases { log.log(level, message()) }
    log.warning("w")
    log.critical("c")
    #expect(sink.records.count == Log.Level.allCases.count + 2)
    #expect(Log.Level.debug < .info && Log.Level.critical > .error)
  }

  @Test func textLines() {
    let record = Log.Record(
      time: 1_769_860_800_123, level: .warning, label: "kafka", message: "two\nlines",
      fields: [.init("a", "b c"), .init("n", 1), .init("x", 0.5), .init("ok", true), .init("plain", "p")])
    #expect(
      LogLine.text(record)
        == "2026-01-31T12:00:00.123Z warning kafka: two\\nlines a=\"b c\" n=1 x=0.5 ok=true plain=p\n")
  }

  @Test func jsonLinesParse() throws {
    let record = Log.Record(
      time: 0, level: .info, label: "l\"", message: "tab\t\u{1}",
      fields: [
        .init("level", "shadowed"), .init("nan", .number(.nan)), .init("n", -5), .init("ok", false),
      ])
    let line = LogLine.json(record)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["time"] as? String == "1970-01-01T00:00:00.000Z")
    #expect(object["level"] as? String == "info")
    #expect(object["level_"] as? String == "shadowed")
    #expect(object["label"] as? String == "l\"")
    #expect(object["message"] as? String == "tab\t\u{1}")
    #expect(object["nan"] is NSNull)
    #expect(object["n"] as? Int == -5)
    #expect(object["ok"] as? Bool == false)
    #expect(line.hasSuffix("}\n"))
  }

  @Test func timestampsAreThoseOfTheCalendar() {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    for seconds in stride(from: -3_000_000_000, through: 7_000_000_000, by: 12_345_679) {
      let expected = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
      #expect(LogLine.timestamp(Int64(seconds) * 1000) == expected)
    }
    #expect(LogLine.timestamp(951_782_400_000) == "2000-02-29T00:00:00.000Z")
  }

  @Test func linesOfManyThreadsNeverMix() async {
    let lines = Mutex<[String]>([])
    let sink = LineLogSink(.json) { line in lines.withLock { $0.append(line) } }
    await withTaskGroup { group in
      for task in 0..<8 {
        group.addTask { for _ in 0..<100 { Log(label: "\(task)", to: sink).info("m") } }
      }
    }
    #expect(lines.withLock { $0.count } == 800)
  }
}
