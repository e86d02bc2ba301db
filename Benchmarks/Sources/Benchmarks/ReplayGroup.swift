private import CLimits
private import Foundation
import Replay
import Sequential

/// Clicks from a file through the whole path: reading, sessions, waves, encoding, ranking.
enum ReplayGroup {
  /// The lines for the file and model of `options`, or for 100,000 generated clicks.
  static func lines(_ options: Options) throws -> [Line] {
    guard options.wants("replay") else { return [] }
    let model: SequentialModel
    let file: String
    var generated: URL?
    if let directory = options.model {
      let read = try ModelDirectory.load(directory)
      model = SequentialModel(
        read.configuration, weights: read.weights, vocabulary: read.vocabulary, kernel: .best)
    } else {
      model = Models.sasrec(items: 10_000, length: 50)
    }
    if let clicks = options.clicks {
      file = clicks
    } else {
      let url = FileManager.default.temporaryDirectory.appendingPathComponent("clicks-\(getpid()).tsv")
      try clicks(100_000).write(to: url, atomically: false, encoding: .utf8)
      generated = url
      file = url.path
    }
    defer { if let generated { try? FileManager.default.removeItem(at: generated) } }
    return try [1, 2].map { workers in
      var replay = ReplayOptions(files: [file])
      replay.workers = workers
      replay.limit = 100_000
      var seconds: [Double] = []
      for _ in 0..<(options.isQuick ? 3 : 7) {
        var runner = try ReplayRunner(model, replay, output: nil)
        let report = try runner.run()
        seconds.append(1 / report.speed.clicksPerSecond)
      }
      var line = Line(
        name: "replay of 100k clicks, \(workers) worker\(workers == 1 ? "" : "s")", sample: Sample(seconds: seconds))
      line.cores = workers
      return line
    }
  }

  /// A table in GRU4Rec's form: visits of about eight clicks that interleave, popular items more often.
  private static func clicks(_ count: Int) -> String {
    var numbers = Numbers(6)
    var text = "SessionId\tItemId\tTime\n"
    for click in 0..<count {
      let visit = click / 1600 * 200 + Int(numbers.next() % 200)
      let share = Double(numbers.next() >> 11) * 0x1p-53
      text += "\(visit)\t\(Int(pow(10_000, share)) - 1)\t\(1_396_860_000 + click / 10)\n"
    }
    return text
  }
}
