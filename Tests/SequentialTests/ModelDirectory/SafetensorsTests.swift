import TestSupport
import Testing

@testable import Sequential

@Suite("Safetensors")
struct SafetensorsTests {
  private static let tensors = [
    SafetensorsBytes.Tensor(name: "b", shape: [3], values: [1, -0.0, .leastNonzeroMagnitude]),
    SafetensorsBytes.Tensor(name: "a", shape: [2, 2], values: [1.5, -2, 3, .greatestFiniteMagnitude]),
  ]
  private static let specifications = [TensorSpecification("a", [2, 2]), TensorSpecification("b", [3])]

  private func weights(
    _ bytes: [UInt8], _ specifications: [TensorSpecification] = Self.specifications
  ) throws(ModelFailure) -> Weights {
    try SafetensorsFile(bytes: bytes).weights(specifications)
  }

  private func failure(_ header: String, data: Int = 4) -> ModelFailure? {
    do throws(ModelFailure) {
      let file = try SafetensorsFile(
        bytes: SafetensorsBytes.file(header: header, data: [UInt8](repeating: 0, count: data)))
      _ = try file.values()
      return nil
    } catch { return error }
  }

  @Test("tensors are read by name, vectors as one row")
  func reads() throws {
    let weights = try weights(SafetensorsBytes.file(Self.tensors))
    #expect(weights.names == ["a", "b"])
    #expect(weights.parameterCount == 7)
    let a = try #require(weights["a"])
    #expect([a[0, 0], a[0, 1], a[1, 0], a[1, 1]] == [1.5, -2, 3, .greatestFiniteMagnitude])
    let b = try #require(weights["b"])
    #expect(b.rows == 1 && b.columns == 3)
    #expect((0..<3).map { b[0, $0].bitPattern } == Self.tensors[0].values.map(\.bitPattern))
  }

  @Test("every finite F16 is widened exactly")
  func float16() {
    for bits in UInt16.min ... .max {
      let value = HalfPrecision.float(float16: bits)
      let exponent = Int(bits >> 10 & 0x1F)
      let fraction = Double(bits & 0x3FF)
      let sign: Double = bits & 0x8000 == 0 ? 1 : -1
      switch exponent {
      case 0x1F: #expect(fraction == 0 ? value == Float(sign * .infinity) : value.isNaN)
      case 0:
        let expected = sign * fraction * 0x1p-24
        if value.bitPattern != Float(expected).bitPattern { Issue.record("subnormal \(bits)") }
      default:
        var power = 1.0
        for _ in 0..<exponent { power *= 2 }
        let expected = sign * (1 + fraction / 1024) * power / 32768
        if Double(value) != expected { Issue.record("normal \(bits)") }
      }
    }
  }

  @Test("F16 and BF16 are widened, more of them than one chunk holds")
  func halfPrecision() throws {
    let count = 100_000
    for (type, one) in [("F16", UInt16(0x3C00)), ("BF16", UInt16(0x3F80))] {
      var data: [UInt8] = []
      for index in 0..<count { data += SafetensorsBytes.bytes(index == count - 1 ? one | 0x8000 : one) }
      let header = #"{"a":{"dtype":"\#(type)","shape":[\#(count)],"data_offsets":[0,\#(2 * count)]}}"#
      let weights = try weights(
        SafetensorsBytes.file(header: header, data: data), [TensorSpecification("a", [count])])
      let a = try #require(weights["a"])
      #expect(a[0, 0] == 1 && a[0, 40_000] == 1 && a[0, count - 1] == -1)
    }
  }

  @Test("a value that is not finite is named", arguments: [Float.nan, .infinity, -.infinity])
  func notFinite(value: Float) {
    var tensors = Self.tensors
    tensors[1].values[2] = value
    #expect(
      throws: ModelFailure.notFinite(file: "model.safetensors", tensor: "a", index: 2, found: "\(value)")
    ) { try weights(SafetensorsBytes.file(tensors)) }
  }

  @Test("missing, additional and misshapen tensors are named")
  func compared() {
    let bytes = SafetensorsBytes.file(Self.tensors)
    let file = "model.safetensors"
    #expect(throws: ModelFailure.missingTensor(file: file, tensor: "c", shape: [7])) {
      try weights(bytes, Self.specifications + [TensorSpecification("c", [7])])
    }
    #expect(throws: ModelFailure.additionalTensor(file: file, tensor: "b", nearest: nil)) {
      try weights(bytes, [TensorSpecification("a", [2, 2])])
    }
    #expect(throws: ModelFailure.additionalTensor(file: file, tensor: "b", nearest: "bb")) {
      try weights(bytes, [TensorSpecification("a", [2, 2]), TensorSpecification("bb", [3])])
    }
    #expect(throws: ModelFailure.invalidTensor(file: file, tensor: "b", expected: "shape [1, 3]", found: "[3]")) {
      try weights(bytes, [TensorSpecification("a", [2, 2]), TensorSpecification("b", [1, 3])])
    }
    let integers = SafetensorsBytes.file(
      header: #"{"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#, data: [1, 0, 0, 0])
    #expect(throws: ModelFailure.invalidTensor(file: file, tensor: "a", expected: "F32, F16 or BF16", found: "I32")) {
      try weights(integers, [TensorSpecification("a", [1])])
    }
  }

  @Test("integers are read for test data")
  func integers() throws {
    let header = """
      {"i":{"dtype":"I32","shape":[2],"data_offsets":[0,8]},"l":{"dtype":"I64","shape":[1,1],"data_offsets":[8,16]}}
      """
    let data = SafetensorsBytes.bytes(Int32(-1)) + SafetensorsBytes.bytes(Int32.max) + SafetensorsBytes.bytes(Int64.min)
    let values = try SafetensorsFile(bytes: SafetensorsBytes.file(header: header, data: data)).values()
    #expect(values == ["i": .integers([-1, Int(Int32.max)]), "l": .integers([Int.min])])
  }

  @Test(
    "headers that are wrong are refused",
    arguments: [
      "", "[]", "{", "null", #"{"a":1}"#, #"{"a":{}}"#, #"{"__metadata__":1}"#, #"{"__metadata__":{"a":1}}"#,
      #"{"a":{"dtype":"F32","shape":[1]}}"#, #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}"#,
      #"{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}"#,
      #"{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}"#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#,
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
      #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
      #"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#,
      #"{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}"#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#,
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
      #"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]}}"#,
      #"{"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}}"#,
      #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#,
      #"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#,
      #"{"a":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}"#,
      #"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}"#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x"#,
    ])
  func refusedHeaders(header: String) { #expect(failure(header) != nil) }

  @Test("gap, overlap and left-over data are told apart")
  func coverage() {
    func header(_ second: String) -> String {
      #"{"b":{"dtype":"F16","shape":[1],"data_offsets":\#(second)},"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#
    }
    #expect(failure(header("[2,4]")) == nil)
    let expected = "data from offset 2, where the tensor before ends"
    let gap = ModelFailure.invalidTensor(file: "model.safetensors", tensor: "b", expected: expected, found: "4")
    #expect(failure(header("[4,6]"), data: 6) == gap)
    let overlap = ModelFailure.invalidTensor(file: "model.safetensors", tensor: "b", expected: expected, found: "1")
    #expect(failure(header("[1,3]")) == overlap)
    let more = ModelFailure.unreadable(
      file: "model.safetensors", expected: "4 bytes of data for its tensors", found: "5")
    #expect(failure(header("[2,4]"), data: 5) == more)
  }

  @Test("a header length beyond the file or the limit allocates nothing")
  func headerLength() throws {
    for length in [UInt64.max, 1 << 63, 1 << 40, 17 << 20, 9] {
      let bytes = SafetensorsBytes.bytes(length) + Array("{}      ".utf8)
      let count = allocations { #expect(throws: ModelFailure.self) { try SafetensorsFile(bytes: bytes).values() } }
      if let count { #expect(count < 200) }
    }
    #expect(throws: ModelFailure.self) { try SafetensorsFile(bytes: [1, 2, 3]).values() }
    #expect(try SafetensorsFile(bytes: SafetensorsBytes.file(header: "{}", data: [])).values().isEmpty)
  }
}
