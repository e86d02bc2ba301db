import Events
import Sequential
import Testing

@Suite("The plain reference")
struct ReferenceModelTests {
  static func recurrentModel(maxLength: Int, padding: ModelConfiguration.Padding) -> ReferenceModel {
    let recurrent = RecurrentConfiguration(cell: .gru, layerSizes: [1], input: .embedding(size: 1))
    let configuration = ModelConfiguration(
      name: "small", itemCount: 100, maxLength: maxLength, output: .tied, padding: padding,
      architecture: .recurrent(recurrent))
    var random = SplitMix64(seed: 1)
    return ReferenceModel(configuration, RandomModel.weights(for: configuration, &random))
  }

  @Test("the window grows to L, then drops to its newest ⌈L/2⌉ and grows again", arguments: [2, 3, 4, 5, 8, 9])
  func windowGrows(length: Int) {
    let model = Self.recurrentModel(maxLength: length, padding: .none)
    var expected = 0
    for n in 1...40 {
      expected = expected == length ? (length + 1) / 2 : expected + 1
      let events = (0..<n).map { ItemIndex($0) }
      #expect(model.window(events) == Array(events.suffix(expected)))
    }
  }

  @Test("a recomputed model uses the newest L events, and unknown items only count")
  func windowRecomputed() {
    let model = Self.recurrentModel(maxLength: 4, padding: .recurrentPrefix)
    #expect(model.window([0, 1, 2]) == [0, 1, 2])
    #expect(model.window([0, 1, 2, .unknown, 4, 5]) == [2, 4, 5])
    #expect(model.window([.unknown]) == [])
    #expect(model.scores(afterEvents: [0, .unknown, .unknown, .unknown, .unknown]) == nil)
  }

  @Test("every random model gives V finite scores", arguments: RandomModel.Family.allCases)
  func randomModels(family: RandomModel.Family) throws {
    for seed in 0..<40 {
      let model = RandomModel(seed: UInt64(seed), family: family)
      let reference = ReferenceModel(model.configuration, model.weights)
      var random = SplitMix64(seed: UInt64(seed) + 1000)
      let events = RandomModel.events(30, itemCount: model.configuration.itemCount, unknown: 0.1, &random)
      let scores = try #require(reference.scores(afterEvents: events))
      #expect(scores.count == model.configuration.itemCount)
      #expect(scores.allSatisfy { $0.isFinite })
      #expect(model.weights.names == model.configuration.tensors.map(\.name).sorted())
    }
  }
}
