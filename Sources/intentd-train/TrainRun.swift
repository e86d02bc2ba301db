import Control
import Events
import Foundation
import Platform
import Sequential
import Synchronization
import Training

/// One call: reads, plans, searches, trains, writes. Everything for a person goes to standard error.
struct TrainRun {
  private let options: TrainOptions
  private let console: Console
  /// The model directory, without slashes at its end.
  private let output: String

  init(_ options: TrainOptions) {
    self.options = options
    console = Console(isQuiet: options.isQuiet)
    output = TrainRun.trimmed(options.output)
  }

  /// Something that is wrong before training begins.
  struct Refusal: Error, CustomStringConvertible {
    let description: String
  }

  /// Does it, and returns the status to end with.
  func run() throws -> Int32 {
    // Before any other thread starts: they inherit that the signals are blocked.
    let request = StopRequest()
    let signals = try SignalWaiter { request.note($0) }
    defer { signals.stop() }
    try Places(options, output).check()
    let input: TrainInput
    do { input = try TrainInput(options) { request.status != nil } } catch {
      // Whatever it stumbled on in the end: it was asked to stop.
      if let status = request.status { return interrupted(status) }
      throw error
    }
    say(input)
    if let status = request.status { return interrupted(status) }
    var settings = input.settings
    var trials: [Tuning.Trial]?
    var runOptions = input.runOptions(options, name: name)
    runOptions.refits = options.refits
    runOptions.resumeFile = resumeFile
    runOptions.resumes = options.resumes
    // Before hours of search too: what does not fit is refused, and a person sees what is to come.
    var training = try TrainingRun(settings, input.data, input.split, runOptions)
    console.say(try training.plan().text)
    if let count = options.tune {
      let found = try tune(input, count, request)
      if let status = request.status { return interrupted(status) }
      guard let best = Tuning.best(found) else {
        throw Refusal(description: "every trial diverged. Give a lower --learning-rate.")
      }
      settings = best.settings
      trials = found
      console.say(TrainingText.table(found), "the best settings: \(TrainingText.arguments(settings))", "")
      training = try TrainingRun(settings, input.data, input.split, runOptions)
      console.say(try training.plan().text)
    }
    if let older = try training.setAside() { console.warn("an earlier training's resume file is now \(older)") }
    let outcome = try training.run(callbacks(request))
    console.clear()
    if outcome.end == .interrupted {
      return interrupted(request.status ?? ProcessSignal.terminate.exitStatus, outcome)
    }
    return try finish(outcome, trials)
  }

  /// Writes what came of it.
  private func finish(_ outcome: TrainingRun.Outcome, _ trials: [Tuning.Trial]?) throws -> Int32 {
    if outcome.model != nil {
      try outcome.write(to: output)
      try? FileManager.default.removeItem(atPath: resumeFile)
    }
    try TrainReport(files: options.files, model: output, trials: trials, training: outcome.report)
      .write(to: options.report, plot: options.plot)
    if let quality = outcome.report.search?.quality { console.say("", TrainingText.table(quality)) }
    if case .failed(let failure) = outcome.end {
      console.warn("\(failure)")
      console.warn(outcome.remainder(at: output))
      return 1
    }
    console.say(
      String(
        format: "%@: %d items, trained for %d epoch%@ in %.1f s", output, outcome.model?.vocabulary.count ?? 0,
        outcome.report.epochs, outcome.report.epochs == 1 ? "" : "s", outcome.report.seconds))
    return 0
  }

  /// The trials of a search for settings.
  private func tune(_ input: TrainInput, _ count: Int, _ request: StopRequest) throws -> [Tuning.Trial] {
    guard input.split.holdOut != nil else { throw Refusal(description: "--tune needs something to measure on") }
    let tuning = Tuning(around: input.settings, count: count, fixed: options.settings.fixedDimensions)
    console.say("searching \(tuning.candidates.count) settings")
    func score(_ number: Int, _ settings: TrainingSettings) throws -> Double? {
      var runOptions = input.runOptions(options, name: name)
      runOptions.refits = false
      var callbacks = TrainingRun.Callbacks()
      callbacks.progress = { console.show($0) }
      callbacks.isStopped = { request.status != nil }
      let outcome = try TrainingRun(settings, input.data, input.split, runOptions).run(callbacks)
      console.clear()
      if outcome.end == .interrupted { return nil }
      return outcome.report.figure ?? .nan
    }
    return try tuning.run(
      budget: options.tuneBudget.map { Double($0) / 1000 }, seconds: { Double(MonotonicClock.nanoseconds) / 1e9 },
      evaluate: score,
      finished: { trial in
        console.say(
          String(
            format: "trial %d: %@, %.0f s; %@", trial.number,
            trial.score.map { String(format: "%.4f", $0) } ?? trial.failure ?? "diverged",
            trial.seconds, TrainingText.arguments(trial.settings)))
      })
  }

  private func callbacks(_ request: StopRequest) -> TrainingRun.Callbacks {
    var callbacks = TrainingRun.Callbacks()
    callbacks.progress = { console.show($0) }
    callbacks.epoch = { console.show($1, $0) }
    callbacks.isStopped = { request.status != nil }
    return callbacks
  }

  /// Says what there is of a training that a signal ended: of `outcome`, or, where that is nil, of one that did not begin.
  private func interrupted(_ status: Int32, _ outcome: TrainingRun.Outcome? = nil) -> Int32 {
    console.warn(TrainingText.interruption(outcome, resumeFile: resumeFile))
    return status
  }

  /// What was read, and what will be done with it.
  private func say(_ input: TrainInput) {
    let counts = input.data.counts
    console.say("read \(counts.summary)")
    for message in counts.messages { console.say("  \(message)") }
    let held = input.split.validation == .none ? "nothing" : "\(input.split.validation)"
    console.say(
      "\(input.settings.architecture.rawValue) with \(input.settings.objective.rawValue), windows of \(input.settings.maxLength); "
        + "held out: \(held)")
  }

  /// Where the training can go on from.
  private var resumeFile: String { "\(output).training" }

  /// The model's name: at most 128 bytes of the directory's.
  private var name: String {
    if let name = options.name { return name }
    let last = URL(fileURLWithPath: output).lastPathComponent
    var name = ""
    for character in last where name.utf8.count + String(character).utf8.count <= 128 { name.append(character) }
    return name.isEmpty ? "model" : name
  }

  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    return path
  }
}

/// That a signal asked the process to end.
final class StopRequest: Sendable {
  private let number = Atomic<Int32>(0)

  /// Takes a signal.
  func note(_ signal: ProcessSignal) { number.store(signal.exitStatus, ordering: .relaxed) }

  /// The status to end with; nil where nobody asked.
  var status: Int32? {
    let status = number.load(ordering: .relaxed)
    return status == 0 ? nil : status
  }
}
