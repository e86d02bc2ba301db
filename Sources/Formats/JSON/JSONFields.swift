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
    // The keys and texts lie side by side in one array while C copies them.
    var bytes: [UInt8] = []
    var places: [(key: Range<Int>?, text: Range<Int>?, index: Int)] = []
    func place(_ text: String) -> Range<Int> {
      bytes.append(contentsOf: text.utf8)
      return bytes.count - text.utf8.count..<bytes.count
    }
    for step in path.steps {
      switch step {
      case .key(let key): places.append((place(key), nil, 0))
      case .index(let index): places.append((nil, nil, index))
      case .entry(let key, let text): places.append((place(key), place(text), 0))
      }
    }
    bytes.append(0)
    let number = unsafe bytes.withUnsafeBufferPointer { bytes in
      let base = bytes.baseAddress!
      let steps = unsafe places.map { place in
        unsafe json_step(
          key: place.key.map { unsafe base + $0.lowerBound }, length: place.key?.count ?? 0,
          text: place.text.map { unsafe base + $0.lowerBound }, text_length: place.text?.count ?? 0, index: place.index)
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

  /// The time in field `number`, a number of `unit`s, rounded half away from zero; nil where there is none within 64 bits.
  func time(_ number: Int, _ unit: TimeUnit) -> EventTime? {
    let value = unsafe json_fields_value(handle, Int32(number))
    switch unsafe value.kind {
    case JSON_INTEGER: return unsafe unit.milliseconds(value.integer)
    case JSON_REAL: return unsafe unit.milliseconds(value.real)
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
