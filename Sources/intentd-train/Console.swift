import Control
import Foundation
import Platform
import Training

/// What a person sees on standard error: the plan, a line that is drawn over on a terminal, a line an epoch everywhere, a table at the end.
final class Console {
  private let isQuiet: Bool
  private var bar: ProgressBar?
  private var drawn: TrainingPhase?

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  /// Writes lines, unless it is to be quiet.
  func say(_ lines: String...) {
    guard !isQuiet else { return }
    clear()
    StandardError.write(lines.joined(separator: "\n") + "\n")
  }

  /// Writes a line even where it is to be quiet.
  func warn(_ line: String) {
    clear()
    StandardError.write("intentd train: \(line)\n")
  }

  /// Draws how far a phase is.
  func show(_ progress: TrainingProgress) {
    guard !isQuiet else { return }
    if drawn != progress.phase || bar == nil {
      bar = ProgressBar(
        progress.phase.rawValue, total: progress.epochs * max(1, progress.steps), width: Terminal.error.width,
        isTerminal: Terminal.error.isTerminal)
      drawn = progress.phase
    }
    bar?.update(
      done: (progress.epoch - 1) * max(1, progress.steps) + progress.step, now: MonotonicClock.nanoseconds,
      secondsLeft: progress.secondsLeft,
      note: String(
        format: "epoch %d/%d  loss %.4f  %.0f events/s", progress.epoch, progress.epochs, progress.loss,
        progress.eventsPerSecond))
  }

  /// One line for an epoch that is done.
  func show(_ record: EpochRecord, _ phase: TrainingPhase) {
    var line = String(
      format: "%@ epoch %d: loss %.4f, %.1f s", phase.rawValue, record.epoch, record.loss, record.seconds)
    if let quality = record.validation {
      line += String(
        format: "; HR@20 %.4f, MRR@20 %.4f, NDCG@10 %.4f", quality.hitRate(20), quality.mrr(20), quality.ndcg(10))
    }
    say(line)
  }

  /// Ends the line that is drawn over: the next one begins anew.
  func clear() {
    bar?.finish()
    bar = nil
  }
}

/// Texts of the end of a training.
enum TrainingText {
  /// What was measured, by length of the list and by position in the session.
  static func table(_ quality: RankingQuality) -> String {
    var rows = [["k", "HR", "MRR", "NDCG"]]
    rows += quality.lists.map { ["\($0.k)", four($0.hitRate), four($0.mrr), four($0.ndcg)] }
    var text =
      "\(quality.targets) targets were held out, \(quality.unknownTargets) of them unknown or without a known past:\n"
      + columns(rows)
    if quality.positions.count > 1 {
      rows = [["events before", "targets", "HR@20", "MRR@20"]]
      rows += quality.positions.map { [$0.name, "\($0.targets)", four($0.hitRate20), four($0.mrr20)] }
      text += "\n" + columns(rows)
    }
    return text
  }

  /// The trials of a search for settings, the best one marked.
  static func table(_ trials: [Tuning.Trial]) -> String {
    guard let first = trials.first else { return "" }
    let best = Tuning.best(trials)?.number
    var rows = [["trial"] + Tuning.words(first.settings).map(\.name) + ["figure", "seconds"]]
    rows += trials.map { trial in
      ["\(trial.number)\(trial.number == best ? " *" : "")"] + Tuning.words(trial.settings).map(\.value)
        + [trial.score.map(four) ?? trial.failure ?? "diverged", String(format: "%.0f", trial.seconds)]
    }
    return columns(rows)
  }

  /// What a search varies, as it is given on the command line.
  static func arguments(_ settings: TrainingSettings) -> String {
    Tuning.words(settings).map { name, value in
      guard name == Tuning.Dimension.size.rawValue else { return "--\(name) \(value)" }
      return settings.architecture == .sasrec
        ? "--hidden-size \(settings.hiddenSize) --ffn-size \(settings.ffnSize)"
        : "--layers \(value) --embedding-size \(settings.embeddingSize)"
    }.joined(separator: " ")
  }

  /// What there is of a training that was asked to end, and how it goes on; nil is one that did not begin.
  static func interruption(_ outcome: TrainingRun.Outcome?, resumeFile: String) -> String {
    guard let outcome else { return "ended before training began; nothing was written" }
    guard outcome.isResumable else {
      return
        "ended in the first epoch; nothing was written, as session-parallel training goes on from whole epochs only"
    }
    let place = outcome.report.settings.batching == .windows ? "where it was" : "from the last whole epoch"
    return "ended so that it can go on \(place): the same command with --resume does (\(resumeFile))"
  }

  private static func four(_ value: Double) -> String { String(format: "%.4f", value) }

  private static func columns(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ")
    }.joined(separator: "\n") + "\n"
  }
}
