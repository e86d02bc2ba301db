/// A safetensors file (or the bytes of one) that is read once, header first, then tensor by tensor in the order of the data.
public struct SafetensorsFile: ~Copyable {
  /// What the file holds.
  public let header: SafetensorsHeader
  private var file: ModelFile

  /// Opens the file at `path`; reads and checks its header.
  public init(path: String) throws(ModelFailure) {
    try self.init(ModelFile(path: path, limit: Int.max))
  }

  /// Reads and checks the header of `bytes`, which messages call `name`.
  public init(bytes: [UInt8], name: String = "model.safetensors") throws(ModelFailure) {
    try self.init(ModelFile(bytes: bytes, path: name))
  }

  init(_ file: consuming ModelFile) throws(ModelFailure) {
    guard file.size >= 8 else {
      throw .unreadable(file: file.path, expected: "eight bytes of header length", found: "\(file.size) bytes")
    }
    var length: UInt64 = 0
    for (index, byte) in try file.read(8).enumerated() { length |= UInt64(byte) << UInt64(8 * index) }
    let limit = min(SafetensorsHeader.maximumBytes, file.remaining)
    guard length <= UInt64(limit) else {
      throw .unreadable(file: file.path, expected: "a header of at most \(limit) bytes", found: "\(length)")
    }
    let bytes = try file.read(Int(length))
    header = try SafetensorsHeader(bytes: bytes, dataBytes: file.remaining, file: file.path)
    self.file = file
  }

  /// Reads the data as the weights that `specifications` ask for, widened to fp32 where it is F16 or BF16.
  ///
  /// Names, shapes and types are compared before anything is allocated. Every value is finite.
  public consuming func weights(_ specifications: [TensorSpecification]) throws(ModelFailure) -> Weights {
    try compare(specifications)
    var tensors: [String: Matrix] = [:]
    for tensor in header.tensors {
      let isVector = tensor.shape.count == 1
      tensors[tensor.name] = Matrix(
        rows: isVector ? 1 : tensor.shape[0], columns: isVector ? tensor.shape[0] : tensor.shape[1],
        storage: try floats(tensor))
    }
    return Weights(tensors)
  }

  private borrowing func compare(_ specifications: [TensorSpecification]) throws(ModelFailure) {
    var found: [String: SafetensorsHeader.Tensor] = [:]
    for tensor in header.tensors { found[tensor.name] = tensor }
    let expected = Set(specifications.map(\.name))
    let missing = specifications.filter { found[$0.name] == nil }
    for tensor in header.tensors where !expected.contains(tensor.name) {
      throw .additionalTensor(
        file: file.path, tensor: tensor.name,
        nearest: Sequential.nearest(to: tensor.name, among: missing.map(\.name)))
    }
    for specification in specifications {
      guard let tensor = found[specification.name] else {
        throw .missingTensor(file: file.path, tensor: specification.name, shape: specification.shape)
      }
      guard tensor.shape == specification.shape else {
        throw .invalidTensor(
          file: file.path, tensor: tensor.name, expected: "shape \(specification.shape)", found: "\(tensor.shape)")
      }
      guard [.float32, .float16, .bfloat16].contains(tensor.type) else {
        throw .invalidTensor(
          file: file.path, tensor: tensor.name, expected: "F32, F16 or BF16", found: tensor.type.rawValue)
      }
    }
  }

  /// Reads the next tensor, which is of one of the three types, as fp32.
  private mutating func floats(_ tensor: SafetensorsHeader.Tensor) throws(ModelFailure) -> AlignedBuffer<Float> {
    if tensor.type == .float32 {
      var values = try file.readFloats(tensor.count)
      for index in 0..<values.count {
        let value = Float(bitPattern: UInt32(littleEndian: values[index].bitPattern))
        values[index] = value
        if !value.isFinite { throw notFinite(tensor, index, value) }
      }
      return values
    }
    var values = AlignedBuffer<Float>(count: tensor.count, repeating: 0)
    var done = 0
    while done < tensor.count {
      let bytes = try file.read(min(tensor.count - done, 1 << 15) * 2)
      for index in 0..<bytes.count / 2 {
        let bits = UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8
        let value = tensor.type == .float16 ? HalfPrecision.float(float16: bits) : HalfPrecision.float(bfloat16: bits)
        values[done + index] = value
        if !value.isFinite { throw notFinite(tensor, done + index, value) }
      }
      done += bytes.count / 2
    }
    return values
  }

  private borrowing func notFinite(_ tensor: SafetensorsHeader.Tensor, _ index: Int, _ value: Float) -> ModelFailure {
    .notFinite(file: file.path, tensor: tensor.name, index: index, found: "\(value)")
  }

  /// A tensor of any shape: what test data holds besides weights.
  enum Values: Sendable, Equatable {
    case floats([Float])
    case integers([Int])
  }

  /// Reads all tensors, I32 and I64 too, into arrays by name. For test data: allocates.
  consuming func values() throws(ModelFailure) -> [String: Values] {
    var values: [String: Values] = [:]
    for tensor in header.tensors {
      switch tensor.type {
      case .float32, .float16, .bfloat16:
        let buffer = try floats(tensor)
        values[tensor.name] = .floats(buffer.values(0..<buffer.count))
      case .int32, .int64:
        let bytes = try file.read(tensor.offsets.count)
        values[tensor.name] = .integers(Self.integers(bytes, size: tensor.type.size))
      default:
        throw .invalidTensor(
          file: file.path, tensor: tensor.name, expected: "F32, F16, BF16, I32 or I64", found: tensor.type.rawValue)
      }
    }
    return values
  }

  private static func integers(_ bytes: [UInt8], size: Int) -> [Int] {
    stride(from: 0, to: bytes.count, by: size).map { start in
      var bits: UInt64 = 0
      for index in 0..<size { bits |= UInt64(bytes[start + index]) << UInt64(8 * index) }
      return size == 4 ? Int(Int32(truncatingIfNeeded: bits)) : Int(truncatingIfNeeded: bits)
    }
  }
}

/// The two 16-bit types of floating point, widened to fp32 without loss.
enum HalfPrecision {
  /// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
  static func float(float16 bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 0x1F
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:
      // A subnormal is fraction · 2⁻²⁴, which fp32 holds as a normal number.
      let magnitude = Float(fraction) * 0x1p-24
      return sign == 0 ? magnitude : -magnitude
    case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }

  /// bfloat16: the upper half of an fp32.
  static func float(bfloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
}
