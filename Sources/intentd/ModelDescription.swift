import Foundation
import Sequential

/// What `intentd inspect` says of a model.
struct ModelDescription {
  private let loaded: LoadedModel

  init(_ loaded: LoadedModel) { self.loaded = loaded }

  var text: String {
    let configuration = loaded.directory.configuration
    var rows: [(String, String)] = [
      ("model", "\(configuration.name) version \(configuration.version)"),
      ("architecture", architecture(configuration)),
      ("items", grouped(configuration.itemCount)),
      ("output", "\(configuration.output.rawValue), \(configuration.itemBias ? "with" : "without") item bias"),
      ("parameters", grouped(loaded.model.parameterCount)),
      ("longest window", "\(configuration.maxLength) items"),
      ("beyond it", beyond(configuration)),
      ("mode", mode(configuration)),
      ("kernel", loaded.model.kernel.rawValue),
    ]
    rows += memory(configuration)
    for metric in loaded.directory.metrics { rows.append((metric.name, text(metric.value))) }
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { $0.0.padding(toLength: width + 2, withPad: " ", startingAt: 0) + $0.1 }.joined(separator: "\n")
  }

  private func architecture(_ configuration: ModelConfiguration) -> String {
    switch configuration.architecture {
    case .sasrec(let sasrec):
      """
      SASRec: hidden \(sasrec.hiddenSize), \(sasrec.blocks) blocks, \(sasrec.heads) heads, FFN \(sasrec.ffnSize) \
      (\(sasrec.activation.rawValue)), norm \(sasrec.norm.rawValue), positions \(sasrec.positions.rawValue), padding \
      \(configuration.padding.rawValue)
      """
    case .recurrent(let recurrent):
      """
      \(recurrent.cell == .gru ? "GRU" : "LSTM"): layers \(recurrent.layerSizes.map { "\($0)" }.joined(separator: ", ")), \
      input \(input(recurrent.input)), gates \(recurrent.gates.rawValue), output size \(configuration.outputSize), padding \
      \(configuration.padding.rawValue)
      """
    }
  }

  private func input(_ input: RecurrentConfiguration.Input) -> String {
    switch input {
    case .embedding(let size): "embedding of \(size)"
    case .oneHot: "one-hot"
    }
  }

  private func mode(_ configuration: ModelConfiguration) -> String {
    if configuration.isIncremental { return "incremental: a click costs one step" }
    let why =
      configuration.padding == .none
      ? "positions count from the end, so a new click moves every earlier one"
      : "the model sees its padding, which a new click shortens"
    return "recompute: \(why); a click costs its whole window of at most \(configuration.maxLength)"
  }

  /// What is seen of a session that is longer than the longest window, and where that differs from what a model that was trained
  /// elsewhere sees there: nearly always its newest L items.
  private func beyond(_ configuration: ModelConfiguration) -> String {
    let longest = configuration.maxLength
    guard configuration.isIncremental else { return "the newest \(longest) events" }
    return """
      the newest \((longest + 1) / 2) to \(longest) events, by turns; a model that was trained on its newest \(longest), or on whole \
      sessions, scores otherwise from event \(longest + 1) on
      """
  }

  /// What a session costs in RAM.
  private func memory(_ configuration: ModelConfiguration) -> [(String, String)] {
    guard configuration.isIncremental else { return [("memory a session", "0 bytes: nothing is kept")] }
    return SequentialModel.KeysValues.allCases.compactMap { kind in
      let layout = loaded.model.makeEncoder(slots: 1, budget: 0, keysValues: kind).layout
      if layout.pagesPerSession == 1, layout.positionsPerPage == configuration.maxLength {
        return kind == .fp32 ? ("memory a session", "\(grouped(layout.pageBytes)) bytes, whatever its length") : nil
      }
      let longest = layout.bytes(for: configuration.maxLength)
      return (
        "memory a session (\(kind.rawValue))",
        """
        \(grouped(layout.pageBytes / layout.positionsPerPage)) bytes a position, in pages of \(layout.positionsPerPage); \
        \(grouped(longest)) at the longest window
        """
      )
    }
  }

  private func text(_ value: ModelMetric.Value) -> String {
    switch value {
    case .number(let number): number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
    case .text(let text): text
    case .flag(let flag): "\(flag)"
    }
  }

  private func grouped(_ number: Int) -> String {
    var digits = ""
    for (place, digit) in String(number).reversed().enumerated() {
      if place > 0, place % 3 == 0 { digits.append(",") }
      digits.append(digit)
    }
    return String(digits.reversed())
  }
}
