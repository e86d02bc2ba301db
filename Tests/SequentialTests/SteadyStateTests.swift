import Events
import Sequential
import TestSupport
import Testing

/// A worker's path from the bytes of an item to the best items, its memory made beforehand.
private final class Path {
  private let model: SequentialModel
  private let encoder: any SequenceEncoder
  private let ids: [[UInt8]]
  private let sessions: Int
  private var known: [Int]
  private var turn = 0
  private var wave = Wave()
  private var hidden: AlignedBuffer<Float>
  private var scratch: TopKScratch
  private var exclusions = Exclusions()
  private var items: [ScoredItem] = []
  private var results: [TopKResult] = []
  private(set) var answers = 0

  init(_ model: SequentialModel, sessions: Int, keysValues: SequentialModel.KeysValues) {
    self.model = model
    self.sessions = sessions
    ids = (0..<model.configuration.itemCount).map { Array("\($0)".utf8) }
    encoder = model.makeEncoder(slots: sessions, budget: 64 << 20, keysValues: keysValues)
    known = Array(repeating: 0, count: sessions)
    hidden = AlignedBuffer(count: 32 * encoder.hiddenSize, repeating: 0)
    scratch = model.catalogue.makeScratch(maximumBatch: 32, maximumK: 20)
  }

  /// One event of each of 32 sessions; a session at its longest window begins anew.
  func advance() {
    wave.removeAll()
    exclusions.removeAll()
    for _ in 0..<32 {
      let session = turn % sessions
      let id = ids[turn &* 7 % ids.count]
      let item = model.vocabulary.index(of: id.span)
      if known[session] == model.configuration.maxLength {
        encoder.release(slot: session)
        known[session] = 0
      }
      precondition(encoder.reserve(slot: session, positions: known[session] + 1))
      wave.begin(slot: session, at: known[session])
      wave.append(item)
      known[session] += 1
      turn += 1
    }
    encoder.step(wave, into: &hidden)
    items.removeAll(keepingCapacity: true)
    results.removeAll(keepingCapacity: true)
    model.catalogue.topK(
      hidden, count: 32, k: 20, exclusions: exclusions, scratch: &scratch, items: &items, results: &results)
    answers += results.count
  }
}

@Suite struct SteadyStateTests {
  enum Served: CaseIterable {
    case sasrec, sasrecBrainFloat, gru

    var model: SequentialModel {
      let configuration =
        switch self {
        case .sasrec, .sasrecBrainFloat:
          ModelConfiguration(
            name: "sasrec", itemCount: 500, maxLength: 50, output: .tied,
            architecture: .sasrec(
              SASRecConfiguration(
                hiddenSize: 64, blocks: 2, heads: 2, ffnSize: 256, norm: .pre, activation: .gelu,
                layerNormEpsilon: 1e-5, finalNorm: true, positions: .start)))
        case .gru:
          ModelConfiguration(
            name: "gru", itemCount: 500, maxLength: 64, output: .untied,
            architecture: .recurrent(RecurrentConfiguration(cell: .gru, layerSizes: [100], input: .oneHot)))
        }
      return RandomModel(configuration, seed: 1).served(on: .best)
    }
  }

  @Test("From an item's bytes to the best items, 100,000 steps allocate nothing", arguments: Served.allCases)
  func allocatesNothing(served: Served) {
    let model = served.model
    let path = Path(model, sessions: 320, keysValues: served == .sasrecBrainFloat ? .bf16 : .fp32)
    // Every session has been at its longest twice.
    for _ in 0..<model.configuration.maxLength * 10 * 2 { path.advance() }
    let before = path.answers
    let counted = allocations { while path.answers - before < 100_000 { path.advance() } }
    #expect(counted == nil || counted == 0)
    #expect(path.answers - before >= 100_000)
  }

  @Test("The count sees an allocation") func control() {
    var buffers: [AlignedBufferOwner] = []
    buffers.reserveCapacity(1)
    let counted = allocations { buffers.append(AlignedBufferOwner()) }
    #expect(counted == nil || counted! > 0)
    #expect(buffers.count == 1)
  }
}

private final class AlignedBufferOwner {
  let buffer = AlignedBuffer<Float>(count: 16, repeating: 0)
}
