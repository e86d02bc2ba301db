import Control
import Events
import Foundation
import Sequential

/// `intentd inspect DIR`: what a model directory holds; with `--session "a,b,c"`, what it predicts for a typed session.
struct InspectCommand {
  private let options: InspectOptions

  init(_ options: InspectOptions) { self.options = options }

  func run() throws {
    let loaded = try LoadedModel(options.directory)
    if options.session.isEmpty {
      print(ModelDescription(loaded).text)
    } else if options.logits {
      try printLogits(loaded)
    } else {
      printPrediction(loaded)
    }
  }

  /// A table of the next items.
  private func printPrediction(_ loaded: LoadedModel) {
    let typed = TypedSession(loaded.model)
    let items = options.session.map { loaded.model.vocabulary.index(of: Array($0.utf8).span) }
    for (id, item) in zip(options.session, items) where item == .unknown {
      StandardError.write("\(id) is not in the catalogue: it counts for the window and is passed over\n")
    }
    guard let hidden = typed.hidden(after: items) else {
      StandardError.write("no item of the window is known: an empty prediction\n")
      return
    }
    for (place, scored) in typed.best(hidden, options.topK).enumerated() {
      let id = loaded.model.vocabulary.id(of: scored.item)
      let words = [
        loaded.directory.metadata?.title(of: scored.item), loaded.directory.metadata?.category(of: scored.item),
      ]
      let about = words.compactMap { $0 }.joined(separator: " · ")
      print("\(place + 1)\t\(id)\t\(scored.score)" + (about.isEmpty ? "" : "\t\(about)"))
    }
  }

  /// One line of JSON an event: `{"position":1,"known":1,"logits":[…]}`, null where nothing is known.
  private func printLogits(_ loaded: LoadedModel) throws {
    let typed = TypedSession(loaded.model)
    let items = options.session.map { loaded.model.vocabulary.index(of: Array($0.utf8).span) }
    for count in 1...items.count {
      let session = Array(items.prefix(count))
      let known = typed.window(session).count
      let scores = typed.hidden(after: session).map { hidden in
        typed.scores(hidden).map { "\($0)" }.joined(separator: ",")
      }
      print("{\"position\":\(count),\"known\":\(known),\"logits\":\(scores.map { "[\($0)]" } ?? "null")}")
    }
  }
}

/// A session that somebody typed, through the encoder and the catalogue that serve.
struct TypedSession {
  private let model: SequentialModel
  private let encoder: any SequenceEncoder

  init(_ model: SequentialModel) {
    self.model = model
    let layout = model.makeEncoder(slots: 1, budget: 0).layout
    encoder = model.makeEncoder(slots: 1, budget: layout.bytes(for: model.configuration.maxLength))
  }

  /// The known items of the window after `items`.
  func window(_ items: [ItemIndex]) -> [ItemIndex] {
    items.suffix(model.windowRule.length(at: Int64(items.count))).filter { $0 != .unknown }
  }

  /// The hidden state after `items`; nil where no item of the window is known.
  func hidden(after items: [ItemIndex]) -> [Float]? {
    let window = window(items)
    guard !window.isEmpty else { return nil }
    var wave = Wave()
    wave.begin(slot: 0, at: 0)
    for item in window { wave.append(item) }
    encoder.release(slot: 0)
    _ = encoder.reserve(slot: 0, positions: window.count)
    var hidden = AlignedBuffer<Float>(count: encoder.hiddenSize, repeating: 0)
    encoder.prefill(wave, into: &hidden)
    return hidden.values(0..<encoder.hiddenSize)
  }

  /// The `count` best items, best first.
  func best(_ hidden: [Float], _ count: Int) -> [ScoredItem] {
    var scratch = model.catalogue.makeScratch(maximumBatch: 1, maximumK: count)
    var items: [ScoredItem] = []
    var results: [TopKResult] = []
    model.catalogue.topK(
      AlignedBuffer(hidden), count: 1, k: count, exclusions: Exclusions(), scratch: &scratch, items: &items,
      results: &results)
    return items
  }

  /// The score of every item, in the order of their rows.
  func scores(_ hidden: [Float]) -> [Float] { model.catalogue.scores(AlignedBuffer(hidden)) }
}
