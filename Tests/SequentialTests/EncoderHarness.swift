import Events
import Sequential

/// Sessions played through an encoder as a worker plays them: steps where the window grows, prefills where it drops, where an item is
/// unknown, or where memory was lost.
final class EncoderHarness {
  struct Session {
    var events: [ItemIndex] = []
    /// Known items in memory; nil where there is none.
    var known: Int?
  }

  let model: SequentialModel
  let encoder: any SequenceEncoder
  private(set) var sessions: [Session]
  private var hidden: AlignedBuffer<Float>

  init(_ model: SequentialModel, sessions: Int, keysValues: SequentialModel.KeysValues = .fp32) {
    self.model = model
    self.sessions = Array(repeating: Session(), count: sessions)
    encoder = model.makeEncoder(slots: sessions, budget: 256 << 20, keysValues: keysValues)
    hidden = AlignedBuffer(count: max(1, sessions) * encoder.hiddenSize, repeating: 0)
  }

  /// Forgets what the encoder keeps of a session, as an eviction or a restart does.
  func evict(_ session: Int) {
    encoder.release(slot: session)
    sessions[session].known = nil
  }

  /// The known items of the session's window.
  func window(_ session: Int) -> [ItemIndex] {
    let events = sessions[session].events
    return events.suffix(model.windowRule.length(at: Int64(events.count))).filter { $0 != .unknown }
  }

  /// One event of each of some sessions, side by side; the hidden state after each, nil where no item of the window is known.
  func play(_ events: [(session: Int, item: ItemIndex)]) -> [[Float]?] {
    var wave = Wave()
    var rows: [Int?] = []
    for (session, item) in events {
      sessions[session].events.append(item)
      let ordinal = Int64(sessions[session].events.count)
      let window = window(session)
      guard !window.isEmpty else {
        evict(session)
        rows.append(nil)
        continue
      }
      rows.append(wave.count)
      let known = sessions[session].known
      if item != .unknown, model.windowRule.grows(at: ordinal), let known, known + 1 == window.count {
        precondition(encoder.reserve(slot: session, positions: window.count))
        wave.begin(slot: session, at: known)
        wave.append(item)
      } else {
        encoder.release(slot: session)
        precondition(encoder.reserve(slot: session, positions: window.count))
        wave.begin(slot: session, at: 0)
        for item in window { wave.append(item) }
      }
      sessions[session].known = window.count
    }
    encoder.encode(wave, into: &hidden)
    let size = encoder.hiddenSize
    return rows.map { row in row.map { hidden.values($0 * size..<($0 + 1) * size) } }
  }
}

extension RandomModel {
  /// The model with ids "0", "1", … on `kernel`.
  func served(on kernel: Kernel) -> SequentialModel {
    let ids = (0..<configuration.itemCount).map { Array("\($0)".utf8) }
    return SequentialModel(configuration, weights: weights, vocabulary: Vocabulary(ids)!, kernel: kernel)
  }
}
