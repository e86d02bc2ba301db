/// The types of values that the safetensors format knows.
public enum SafetensorsType: String, Sendable, CaseIterable {
  case bool = "BOOL"
  case uint8 = "U8"
  case int8 = "I8"
  case float8E5M2 = "F8_E5M2"
  case float8E4M3 = "F8_E4M3"
  case int16 = "I16"
  case uint16 = "U16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int32 = "I32"
  case uint32 = "U32"
  case float32 = "F32"
  case float64 = "F64"
  case int64 = "I64"
  case uint64 = "U64"

  /// Bytes of a value.
  public var size: Int {
    switch self {
    case .bool, .uint8, .int8, .float8E5M2, .float8E4M3: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .float64, .int64, .uint64: 8
    }
  }
}

/// The checked header of a safetensors file.
public struct SafetensorsHeader: Sendable, Equatable {
  /// Longest header that is read, in bytes.
  public static let maximumBytes = 16 << 20
  /// Most tensors of a file.
  public static let maximumTensors = 10_000
  /// Most dimensions of a tensor.
  public static let maximumRank = 8

  /// A tensor's place in the file.
  public struct Tensor: Sendable, Equatable {
    /// Name.
    public let name: String
    /// Type of its values.
    public let type: SafetensorsType
    /// Sizes, outermost first; empty for a scalar.
    public let shape: [Int]
    /// Its bytes, counted from the end of the header.
    public let offsets: Range<Int>

    /// Number of values.
    public var count: Int { offsets.count / type.size }
  }

  /// The tensors in the order of their data.
  public let tensors: [Tensor]

  /// Parses and checks the JSON `bytes` of the header of `file`, which has `dataBytes` bytes behind it.
  ///
  /// Every tensor's type is known, its offsets span what its shape needs, and together they cover the data without gap
  /// or overlap.
  public init(bytes: [UInt8], dataBytes: Int, file: String) throws(ModelFailure) {
    var scanner = JSONScanner(bytes, file: file)
    var keys = try scanner.beginObject()
    var tensors: [Tensor] = []
    while let key = try scanner.nextKey(&keys) {
      if key == "__metadata__" {
        var metadata = try scanner.beginObject()
        while try scanner.nextKey(&metadata) != nil { _ = try scanner.string() }
        continue
      }
      guard tensors.count < Self.maximumTensors else {
        throw .unreadable(file: file, expected: "at most \(Self.maximumTensors) tensors", found: "more")
      }
      tensors.append(try Self.tensor(key, &scanner, dataBytes: dataBytes))
    }
    try scanner.finish()
    tensors.sort { ($0.offsets.lowerBound, $0.offsets.upperBound) < ($1.offsets.lowerBound, $1.offsets.upperBound) }
    var end = 0
    for tensor in tensors {
      guard tensor.offsets.lowerBound == end else {
        throw .invalidTensor(
          file: file, tensor: tensor.name, expected: "data from offset \(end), where the tensor before ends",
          found: "\(tensor.offsets.lowerBound)")
      }
      end = tensor.offsets.upperBound
    }
    guard end == dataBytes else {
      throw .unreadable(file: file, expected: "\(end) bytes of data for its tensors", found: "\(dataBytes)")
    }
    self.tensors = tensors
  }

  private static func tensor(
    _ name: String, _ scanner: inout JSONScanner, dataBytes: Int
  ) throws(ModelFailure) -> Tensor {
    let file = scanner.file
    var type: SafetensorsType?
    var shape: [Int]?
    var offsets: [Int]?
    var keys = try scanner.beginObject()
    while let key = try scanner.nextKey(&keys) {
      switch key {
      case "dtype":
        let found = try scanner.string()
        type = SafetensorsType(rawValue: found)
        guard type != nil else {
          throw .invalidTensor(
            file: file, tensor: name, expected: "a dtype of the safetensors format", found: quoted(found))
        }
      case "shape": shape = try sizes(name, "at most \(maximumRank) sizes", maximumRank, &scanner)
      case "data_offsets": offsets = try sizes(name, "two data_offsets", 2, &scanner)
      default:
        throw .invalidTensor(
          file: file, tensor: name, expected: "dtype, shape and data_offsets only", found: quoted(key))
      }
    }
    guard let type, let shape, let offsets else {
      throw .invalidTensor(
        file: file, tensor: name, expected: "dtype, shape and data_offsets", found: "not all of them")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= dataBytes else {
      throw .invalidTensor(
        file: file, tensor: name, expected: "data_offsets in order within \(dataBytes) bytes", found: "\(offsets)")
    }
    var needed = type.size
    for size in shape {
      let (product, overflow) = needed.multipliedReportingOverflow(by: size)
      needed = overflow ? Int.max : product
    }
    guard needed == offsets[1] - offsets[0] else {
      throw .invalidTensor(
        file: file, tensor: name, expected: "data_offsets that span \(needed) bytes for \(type.rawValue) \(shape)",
        found: "\(offsets[1] - offsets[0])")
    }
    return Tensor(name: name, type: type, shape: shape, offsets: offsets[0]..<offsets[1])
  }

  private static func sizes(
    _ name: String, _ expected: String, _ limit: Int, _ scanner: inout JSONScanner
  ) throws(ModelFailure) -> [Int] {
    var sizes: [Int] = []
    try scanner.beginArray()
    while try scanner.hasElement(sizes.count) {
      let value = try scanner.value()
      guard case .integer(let size) = value, size >= 0 else {
        throw .invalidTensor(
          file: scanner.file, tensor: name, expected: "non-negative integers", found: value.summary)
      }
      guard sizes.count < limit else {
        throw .invalidTensor(file: scanner.file, tensor: name, expected: expected, found: "more")
      }
      sizes.append(size)
    }
    return sizes
  }
}
