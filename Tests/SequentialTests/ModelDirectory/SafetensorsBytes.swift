/// Builds safetensors files for tests, right ones and wrong ones.
enum SafetensorsBytes {
  /// A tensor of fp32.
  struct Tensor {
    var name: String
    var shape: [Int]
    var values: [Float]
  }

  /// A file of `header`, as it stands, and `data`.
  static func file(header: String, data: [UInt8]) -> [UInt8] {
    let text = Array(header.utf8)
    return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text + data
  }

  /// A right file of `tensors`.
  static func file(_ tensors: [Tensor]) -> [UInt8] {
    var members = [#""__metadata__":{"format":"pt"}"#]
    var data: [UInt8] = []
    for tensor in tensors {
      let start = data.count
      for value in tensor.values { data += bytes(value.bitPattern) }
      members.append(
        #""\#(tensor.name)":{"dtype":"F32","shape":\#(tensor.shape),"data_offsets":[\#(start),\#(data.count)]}"#)
    }
    return file(header: "{\(members.joined(separator: ","))}", data: data)
  }

  /// Little-endian bytes of `value`.
  static func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    stride(from: 0, to: Value.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> Value($0)) }
  }
}
