import Foundation
import Training

/// What `--report` writes.
struct TrainReport: Codable {
  /// How the data was split.
  struct Split: Codable {
    var validation: String
    var trainingSessions: Int
    var trainingEvents: Int
    var heldOutSessions: Int
  }

  /// One pass through the data.
  struct Phase: Codable {
    var phase: TrainingPhase
    var bestEpoch: Int?
    var epochs: [EpochRecord]
  }

  /// Files that were read.
  var files: [String]
  /// What was read of them, and what was left out.
  var data: DataCounts
  var sessions: Int
  var events: Int
  var items: Int
  var split: Split
  var settings: TrainingSettings
  /// Values of the model's weights.
  var parameters: Int
  /// Bytes that training was planned to take.
  var memory: Int
  /// Trials of `--tune`.
  var trials: [Tuning.Trial]?
  /// The curves.
  var phases: [Phase] = []
  /// What the best epoch reached on what is held out.
  var quality: RankingQuality?
  /// Seconds from the beginning to the end.
  var seconds = 0.0
  /// The model directory.
  var model: String

  /// Writes it to `path`, and its picture to `plot`.
  func write(to path: String?, plot: String?) throws {
    if let path {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
    if let picture = plot ?? path.map(TrainReport.picture(beside:)) {
      try Data(svg.utf8).write(to: URL(fileURLWithPath: picture), options: .atomic)
    }
  }

  /// `training.svg` for `training.json`.
  static func picture(beside path: String) -> String {
    let end = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    guard let dot = path[end...].lastIndex(of: "."), dot > end else { return path + ".svg" }
    return String(path[..<dot]) + ".svg"
  }

  /// The curves: the loss of each phase, and the figures of the first.
  private var svg: String {
    let losses = phases.map { CurvePicture.Curve($0.phase.rawValue, $0.epochs.map(\.loss)) }
    let figures = phases.first?.epochs.map(\.validation) ?? []
    let panels = [
      CurvePicture.Panel("mean loss by epoch", losses),
      CurvePicture.Panel(
        "what is held out, by epoch",
        [
          CurvePicture.Curve("HR@20", figures.map { $0?.hitRate(20) }),
          CurvePicture.Curve("MRR@20", figures.map { $0?.mrr(20) }),
          CurvePicture.Curve("NDCG@10", figures.map { $0?.ndcg(10) }),
        ]),
    ]
    return CurvePicture(
      "\(settings.architecture.rawValue), \(items) items, \(events) events", panels: panels,
      marked: phases.first?.bestEpoch
    ).svg
  }
}
