import TestSupport
import Testing

@testable import Sequential

/// Random damage to right files, and nothing happens but a failure that says so.
@Suite("Damaged model files")
struct MutationTests {
  /// Damages `bytes`: flips bits, replaces, inserts or removes bytes, repeats a stretch, or cuts the end off.
  private static func damage(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<random.int(1...3) where !bytes.isEmpty {
      let position = random.int(0...bytes.count - 1)
      switch random.int(0...6) {
      case 0: bytes.removeSubrange(position...)
      case 1: bytes[position] = UInt8(random.int(0...255))
      case 2: bytes.insert(random.pick(Array(#"{}[]",:-0123456789.eE\ntf"#.utf8)), at: position)
      case 3: bytes.remove(at: position)
      case 4:
        let end = min(bytes.count, position + random.int(1...40))
        bytes.insert(contentsOf: bytes[position..<end], at: random.int(0...bytes.count - 1))
      default: bytes[position] ^= 1 << UInt8(random.int(0...7))
      }
    }
    return bytes
  }

  /// A few small models of each family, as bytes.
  private static let samples: [(configuration: [UInt8], weights: [UInt8], tensors: [TensorSpecification])] =
    RandomModel.Family.allCases.flatMap { family in
      (UInt64(0)..<4).map { seed in
        var random = SplitMix64(seed: seed)
        var configuration = family == .sasrec ? RandomModel.sasrec(&random) : RandomModel.recurrent(&random)
        configuration.itemCount = 5
        // Four values each: short enough that damage reaches the header often.
        let tensors = configuration.tensors.prefix(6).map { tensor in
          SafetensorsBytes.Tensor(name: tensor.name, shape: [4], values: (0..<4).map { _ in random.float(-1...1) })
        }
        return (
          Array(configuration.json.utf8), SafetensorsBytes.file(tensors),
          tensors.map { TensorSpecification($0.name, $0.shape) }
        )
      }
    }

  @Test("100,000 damaged safetensors files")
  func weights() throws {
    var random = SplitMix64(seed: 1)
    var refused = 0
    var mostAllocations = 0
    for _ in 0..<100_000 {
      let sample = random.pick(Self.samples)
      let bytes = Self.damage(sample.weights, &random)
      var values = 0
      let count = allocations {
        do throws(ModelFailure) {
          values = try SafetensorsFile(bytes: bytes).weights(sample.tensors).parameterCount
        } catch { refused += 1 }
      }
      mostAllocations = max(mostAllocations, count ?? 0)
      if values * 4 > bytes.count { Issue.record("more values than bytes") }
    }
    #expect(refused > 50_000)
    // A right file takes about 150.
    #expect(mostAllocations < 1000)
  }

  @Test("40,000 damaged configurations")
  func configurations() throws {
    var random = SplitMix64(seed: 2)
    var refused = 0
    for _ in 0..<40_000 {
      let bytes = Self.damage(random.pick(Self.samples).configuration, &random)
      do throws(ModelFailure) {
        let configuration = try ModelConfigurationReader.parse(bytes: bytes)
        let again = try ModelConfigurationReader.parse(bytes: Array(configuration.json.utf8))
        if again != configuration { Issue.record("\(configuration) is not what it was") }
        #expect(configuration.tensors.allSatisfy { $0.rows > 0 && $0.columns > 0 })
      } catch {
        refused += 1
        if error.description.isEmpty { Issue.record("a failure without words") }
      }
    }
    #expect(refused > 20_000)
  }

  @Test("10,000 damaged item lists and metadata")
  func items() {
    var random = SplitMix64(seed: 3)
    let list = Array((0..<20).map { "item-\($0)\n" }.joined().utf8)
    let metadata = Array((0..<20).map { #"{"title":"\u00e4 \#($0)","category":"c","x":[{}]}"# + "\n" }.joined().utf8)
    for _ in 0..<10_000 {
      _ = try? ItemList.parse(bytes: Self.damage(list, &random), count: 20)
      _ = try? ItemMetadata(bytes: Self.damage(metadata, &random), count: 20)
    }
  }
}
