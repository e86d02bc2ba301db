// The one file that talks to simdjson. simdjson's rule: a parser, and the strings that it hands out, belong to one thread
// and last until the next document; so nothing here outlives a call of `read`.
private import CSimdjson
internal import Events

/// What a field of a record holds.
enum JSONKind {
  case absent
  case string
  case integer
  case real
  case other
}

/// Reads records one by one and picks out the configured fields. Owns simdjson's parser and its padded buffer; allocates
/// only for a record longer than any before.
@safe final class JSONFields {
  /// What became of a record.
  enum Status {
    case read
    case malformed
    case invalidText
    case tooLong
    case wrongType
  }

  /// Deepest nesting of a record.
  private static let depth = 128
  private let handle: OpaquePointer

  init() throws(FormatsFailure) {
    guard let handle = unsafe json_fields_new(Limits.recordBytes, Self.depth) else { throw .outOfMemory }
    unsafe self.handle = handle
  }

  deinit { unsafe json_fields_free(handle) }

  /// Adds a field; its number, the same for the same path.
  func add(_ path: JSONPath) throws(FormatsFailure) -> Int {
    // The keys lie side by side in one array while C copies them.
    var keys: [UInt8] = []
    var ranges: [Range<Int>?] = []
    for step in path.steps {
      switch step {
      case .key(let key):
        ranges.append(keys.count..<keys.count + key.utf8.count)
        keys.append(contentsOf: key.utf8)
      case .index: ranges.append(nil)
      }
    }
    keys.append(0)
    let number = unsafe keys.withUnsafeBufferPointer { bytes in
      var steps = unsafe [json_step]()
      for (step, range) in zip(path.steps, ranges) {
        switch step {
        case .key:
          let start = range?.lowerBound ?? 0
          let step = unsafe json_step(key: bytes.baseAddress! + start, length: range?.count ?? 0, index: 0)
          unsafe steps.append(step)
        case .index(let index): unsafe steps.append(json_step(key: nil, length: 0, index: index))
        }
      }
      return unsafe json_fields_add(handle, steps, steps.count)
    }
    guard number >= 0 else { throw .outOfMemory }
    return Int(number)
  }

  /// Reads a record.
  func read(_ record: Span<UInt8>) -> Status {
    let status = unsafe record.withUnsafeBufferPointer { unsafe json_fields_read(handle, $0.baseAddress, $0.count) }
    switch status {
    case JSON_OK: return .read
    case JSON_INVALID_UTF8: return .invalidText
    case JSON_TOO_LONG: return .tooLong
    case JSON_WRONG_ROOT: return .wrongType
    default: return .malformed
    }
  }

  /// What field `number` holds; null counts as absent.
  func kind(_ number: Int) -> JSONKind {
    switch unsafe json_fields_value(handle, Int32(number)).kind {
    case JSON_ABSENT, JSON_NULL: .absent
    case JSON_STRING: .string
    case JSON_INTEGER, JSON_UNSIGNED: .integer
    case JSON_REAL: .real
    default: .other
    }
  }

  /// The number in field `number`, rounded half away from zero; nil where there is none within 64 bits.
  func integer(_ number: Int) -> Int64? {
    let value = unsafe json_fields_value(handle, Int32(number))
    switch unsafe value.kind {
    case JSON_INTEGER: return unsafe value.integer
    case JSON_REAL: return Int64(exactly: unsafe value.real.rounded(.toNearestOrAwayFromZero))
    default: return nil
    }
  }

  /// Calls `body` with the text of a string field.
  func withText<Result>(_ number: Int, _ body: (Span<UInt8>) -> Result) -> Result {
    let value = unsafe json_fields_value(handle, Int32(number))
    let text = unsafe UnsafeBufferPointer(start: value.bytes, count: Int(value.length))
    return unsafe body(text.span)
  }

  /// Appends the text of a string, or the digits of an integer, to `bytes`; says where they stand.
  func appendText(_ number: Int, to bytes: inout [UInt8]) -> ByteRange {
    let start = bytes.count
    let value = unsafe json_fields_value(handle, Int32(number))
    switch unsafe value.kind {
    case JSON_STRING:
      unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: value.bytes, count: Int(value.length)))
    case JSON_INTEGER: unsafe bytes.appendDecimal(value.integer)
    case JSON_UNSIGNED: unsafe bytes.appendDecimal(UInt64(bitPattern: value.integer))
    default: break
    }
    return ByteRange(start: start, count: bytes.count - start)
  }

  /// Appends the shortest decimal text that reads back as `value`, which is finite.
  static func append(_ value: Float, to bytes: inout [UInt8]) {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { text in
      let count = unsafe json_write_float(value, text.baseAddress!)
      unsafe bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[..<count]))
    }
  }
}

extension [UInt8] {
  /// Appends `value` in decimal digits.
  mutating func appendDecimal(_ value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    appendDecimal(value.magnitude)
  }

  /// Appends `value` in decimal digits.
  mutating func appendDecimal(_ value: UInt64) {
    var magnitude = value
    let start = count
    repeat {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10))
      magnitude /= 10
    } while magnitude > 0
    var low = start
    var high = count - 1
    while low < high {
      swapAt(low, high)
      low += 1
      high -= 1
    }
  }
}
