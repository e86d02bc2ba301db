import Events
import Foundation
import Pipeline
import Replay
import Sequential
import Testing

@Suite struct ReplayRunnerTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "replay-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  /// A GRU of 12 units over items "0"…"19" with made-up weights.
  private var model: SequentialModel {
    let configuration = ModelConfiguration(
      name: "small", itemCount: 20, maxLength: 6, output: .tied,
      architecture: .recurrent(RecurrentConfiguration(cell: .gru, layerSizes: [12], input: .embedding(size: 12))))
    var tensors: [String: Matrix] = [:]
    for (number, tensor) in configuration.tensors.enumerated() {
      let values = (0..<tensor.rows * tensor.columns).map { Float(($0 * 37 + number * 11) % 101 - 50) / 80 }
      tensors[tensor.name] = Matrix(rows: tensor.rows, columns: tensor.columns, values)
    }
    return SequentialModel(
      configuration, weights: Weights(tensors), vocabulary: Vocabulary((0..<20).map { Array("\($0)".utf8) })!,
      kernel: .best)
  }

  private func file(_ name: String, _ rows: [(session: String, item: Int, time: Int)], tail: String = "") throws
    -> String
  {
    let text = "SessionId\tItemId\tTime\n" + rows.map { "\($0.session)\t\($0.item)\t\($0.time)\n" }.joined() + tail
    let path = folder.appending(path: name).path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  /// Lines of output without their source, and the report.
  private func replay(
    _ files: [String], _ change: (inout ReplayOptions) -> Void = { _ in }
  ) throws -> (lines: [String], report: ReplayReport) {
    var options = ReplayOptions(files: files)
    options.topK = 5
    change(&options)
    let output = folder.appending(path: "out-\(UUID().uuidString)").path
    var runner = try ReplayRunner(model, options, output: output)
    let report = try runner.run()
    let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
    return (lines.map { String($0.prefix(upTo: $0.range(of: #","source""#)!.lowerBound)) }, report)
  }

  @Test("By time, an unsorted file gives what the sorted one gives") func orderByTime() throws {
    let base = 1_400_000_000
    let rows = (0..<300).map { (session: "s\($0 % 7)", item: $0 * 13 % 20, time: base + $0 * 211 % 977 * 10) }
    let sorted = rows.sorted { $0.time < $1.time }
    let unsorted = try replay([file("u.tsv", rows)]) { $0.order = .time }
    let expected = try replay([file("s.tsv", sorted)])
    #expect(unsorted.lines == expected.lines)
    #expect(unsorted.lines.count == 300)
    #expect(unsorted.report.counters["redelivered"] == 0 && unsorted.report.counters["events"] == 300)
  }

  @Test("A file named twice is read twice") func sameFileTwice() throws {
    let rows = (0..<20).map { (session: "s", item: $0, time: 1_400_000_000 + $0) }
    let twice = try replay([file("t.tsv", rows), file("t.tsv", rows)])
    #expect(twice.lines.count == 40)
    #expect(twice.lines.allSatisfy { !$0.contains("status") })
    #expect(twice.report.counters["steps"]! + twice.report.counters["prefills"]! == 40)
  }

  @Test("Under strict, what came before the bad line is written", arguments: [1, 2, 1000], [1, 2])
  func strict(batch: Int, workers: Int) throws {
    let rows = (0..<10).map { (session: "s\($0 % 3)", item: $0, time: 1_400_000_000 + $0) }
    let path = try file("b.tsv", rows, tail: "no event\n")
    var options = ReplayOptions(files: [path])
    options.strict = true
    options.batch = batch
    options.workers = workers
    let output = folder.appending(path: "strict").path
    var runner = try ReplayRunner(model, options, output: output)
    #expect {
      _ = try runner.run()
    } throws: { error in
      "\(error)".contains("b.tsv:12")
    }
    let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").count
    #expect(lines == 10)
  }

  @Test("Seen are the newest items as they are served live, or those of the whole visit") func seen() throws {
    let rows = (0..<600).map { (session: "s\($0 * 31 % 40)", item: $0 * $0 % 19, time: 1_400_000_000 + $0) }
    let path = try file("seen.tsv", rows)
    var seen: [String: [Int]] = [:]
    let visits = rows.map { row in
      seen[row.session, default: []].append(row.item)
      return seen[row.session]!
    }
    for seesWholeVisit in [false, true] {
      var first: ReplayReport?
      for workers in [1, 3] {
        let got = try replay([path]) {
          $0.topK = 20
          $0.exclude = .seen
          $0.seesWholeVisit = seesWholeVisit
          $0.workers = workers
          $0.evaluate = true
          $0.targets = .last
        }
        for (line, items) in zip(got.lines, visits) {
          let object = try #require(try JSONSerialization.jsonObject(with: Data((line + "}").utf8)) as? [String: Any])
          let predictions = try #require(object["predictions"] as? [[String: Any]])
          let shown = predictions.compactMap { ($0["item"] as? String).flatMap { Int($0) } }
          #expect(Set(shown) == Set(0..<20).subtracting(seesWholeVisit ? items : items.suffix(6)))
        }
        #expect(got.lines.count == 600)
        #expect(first == nil || first?.evaluation == got.report.evaluation)
        first = got.report
      }
    }
  }

  @Test("Workers and blocks change nothing, evaluation included") func workers() throws {
    let rows = (0..<2000).map { (session: "s\($0 * 31 % 97)", item: $0 * 7 % 23, time: 1_400_000_000 + $0) }
    let path = try file("w.tsv", rows)
    let expected = try replay([path]) { $0.evaluate = true }
    for workers in [1, 2, 5] {
      for batch in [1, 13, 4096] {
        let got = try replay([path]) {
          $0.workers = workers
          $0.batch = batch
          $0.evaluate = true
        }
        #expect(got.lines == expected.lines)
        #expect(got.report.evaluation == expected.report.evaluation)
      }
    }
  }
}
