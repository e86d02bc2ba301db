import Demo
import Events
import Foundation
import Sequential
import Testing

@Suite struct ShopModelTests {
  @Test func foreseesClicksFarBetterThanPopularity() throws {
    for seed: UInt64 in [1, 7] {
      let shop = Shop(seed: seed)
      let outcome = ShopTrial(of: shop).measure(try ShopModel(shop).served())
      #expect(outcome.model.clicks > 7000 && outcome.model.clicks == outcome.popularity.clicks)
      #expect(outcome.popularity.hitRate > 0.05)
      #expect(outcome.model.hitRate > 4 * outcome.popularity.hitRate)
      #expect(outcome.model.reciprocalRank > 4 * outcome.popularity.reciprocalRank)
      #expect(outcome.model.hitRate > 1.2 * outcome.markov.hitRate)
      #expect(outcome.model.reciprocalRank > 1.1 * outcome.markov.reciprocalRank)
    }
  }

  @Test func writesAModelDirectory() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "intentd-demo-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: url) }
    try ShopModel.write(to: url.path, seed: 3)
    let files = try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
    #expect(files == ["config.json", "items.jsonl", "items.txt", "metrics.json", "model.safetensors"])

    let directory = try ModelDirectory.load(url.path)
    #expect(directory.configuration == ShopModel.configuration)
    #expect(directory.configuration.name == "demo-shop" && directory.configuration.isIncremental)
    let shop = Shop(seed: 3)
    for row: ItemIndex in [0, 123, 999] {
      #expect(directory.vocabulary.id(of: row) == shop.id(of: row))
      #expect(directory.metadata?.title(of: row) == shop.title(of: row))
      #expect(directory.metadata?.category(of: row) == shop.category(of: row))
    }
    let model = SequentialModel(
      directory.configuration, weights: directory.weights, vocabulary: directory.vocabulary, kernel: .best)
    #expect(ShopTrial(of: shop).measure(model).metrics == directory.metrics)
    #expect(directory.metrics.map(\.name).prefix(3) == ["clicks", "hit_rate_at_20", "mrr_at_20"])
  }

  @Test func everyKernelForeseesAlike() throws {
    let shop = Shop(seed: 1)
    let trial = ShopTrial(of: shop, clicks: 1000, history: 100)
    let model = ShopModel(shop)
    let expected = trial.measure(try model.served(on: .portable)).model
    for kernel in Kernel.available {
      let score = trial.measure(try model.served(on: kernel)).model
      #expect(score.clicks == expected.clicks && abs(score.hitRate - expected.hitRate) < 0.003)
    }
  }

  /// LayerNorm must only scale what it is given: mean and length of all embeddings are the same, at every position.
  @Test func embeddingsAreOfOneLength() throws {
    let weights = try ShopModel(Shop(seed: 1)).directory().weights
    let items = try #require(weights["item_embedding.weight"])
    let positions = try #require(weights["position_embedding.weight"])
    var sums: [Float] = []
    var squares: [Float] = []
    for (item, position) in [(0, 0), (1, 63), (500, 20), (999, 31)] {
      let row = (0..<items.columns).map { items[item, $0] + positions[position, $0] }
      sums.append(row.reduce(0, +))
      squares.append(row.reduce(0) { $0 + $1 * $1 })
    }
    #expect(sums.allSatisfy { abs($0 - sums[0]) < 1e-5 } && squares.allSatisfy { abs($0 - squares[0]) < 1e-5 })
  }
}
