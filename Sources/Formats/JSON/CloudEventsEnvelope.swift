internal import Events

/// Takes an event's data, and the attributes that say something of it, out of a CloudEvent (the Kafka protocol binding of
/// version 1.0): `data` or `data_base64` of the record in structured mode, the record itself in binary mode, whose attributes
/// are headers. Allocates nothing in steady state.
struct CloudEventsEnvelope {
  /// An attribute that the decoder asks for.
  enum Attribute {
    /// When it happened: where the data does not say.
    case time
    /// What kind of event: where the data does not say.
    case type
    /// One that the mapping names, by its number.
    case mapped(Int)
  }

  /// Where an event's data is.
  enum Data {
    /// The record itself.
    case record
    /// A member of the record, or what was decoded from one.
    case member(FieldValues)
    /// Nowhere.
    case failure(RejectionReason)
  }

  /// An attribute as a time.
  enum AttributeTime {
    case absent
    /// A text; nil where it is no time.
    case text(EventTime?)
    case wrongType
  }

  /// An attribute of the record at hand.
  private enum Value {
    case absent
    case text(ByteRange)
    case wrongType
  }

  private let outer: JSONFields
  /// The data of structured mode, in the same parser.
  private let member: FieldNumbers
  /// The data of structured mode that was decoded from base64, in a parser of its own: the envelope is still needed.
  private let inner: JSONFields
  private let innerNumbers: FieldNumbers
  private let specversion: Int
  private let base64: Int
  /// `time`, `type`, then those of the mapping: as fields of the record and as headers.
  private let attributeFields: [Int]
  private let attributeHeaders: [[UInt8]]
  private var values: [Value]
  /// What ``values`` point to.
  private var bytes: [UInt8] = []
  private var decoded: [UInt8] = []
  private static let contentType = Array("content-type".utf8)
  private static let structured = Array("application/cloudevents".utf8)
  private static let version = Array("ce_specversion".utf8)

  /// An envelope around records of `mapping`, whose paths are in `outer` already.
  init(_ mapping: JSONMapping, outer: JSONFields, _ attributes: AttributeNames) throws(FormatsFailure) {
    self.outer = outer
    member = try FieldNumbers(mapping, in: outer, below: "data", attributes)
    inner = try JSONFields()
    innerNumbers = try FieldNumbers(mapping, in: inner, below: nil, attributes)
    specversion = try outer.add(JSONPath(keys: "specversion"))
    base64 = try outer.add(JSONPath(keys: "data_base64"))
    let names = ["time", "type"] + attributes.all
    var numbers: [Int] = []
    for name in names { numbers.append(try outer.add(JSONPath(keys: name))) }
    attributeFields = numbers
    attributeHeaders = names.map { Array("ce_\($0)".utf8) }
    values = names.map { _ in .absent }
  }

  /// Finds data and attributes of the record that `outer` has read.
  mutating func open(_ outer: JSONFields, _ headers: RecordHeaderView) -> Data {
    bytes.removeAll(keepingCapacity: true)
    guard isStructured(headers) else {
      for index in attributeHeaders.indices {
        values[index] = headers.append(attributeHeaders[index], to: &bytes).map { .text($0) } ?? .absent
        // A header is any bytes; an attribute is text.
        if case .text(let range) = values[index], !EventRules.isText(bytes.span.extracting(range.indices)) {
          return .failure(.invalidText)
        }
      }
      return .record
    }
    for index in attributeFields.indices {
      switch outer.kind(attributeFields[index]) {
      case .absent: values[index] = .absent
      case .string, .integer: values[index] = .text(outer.appendText(attributeFields[index], to: &bytes))
      case .real, .other: values[index] = .wrongType
      }
    }
    switch outer.kind(base64) {
    case .absent: return .member(FieldValues(fields: outer, numbers: member))
    case .string: break
    default: return .failure(.wrongType)
    }
    decoded.removeAll(keepingCapacity: true)
    let range = outer.appendText(base64, to: &decoded)
    guard Base64.decode(&decoded, range.indices) else { return .failure(.malformed) }
    if let fault = inner.read(decoded.span).fault { return .failure(fault) }
    return .member(FieldValues(fields: inner, numbers: innerNumbers))
  }

  /// Appends an attribute's text to `other`: empty where it is absent, nil where it is neither string nor integer.
  func appendText(_ attribute: Attribute, to other: inout [UInt8]) -> ByteRange? {
    switch values[index(attribute)] {
    case .absent: .empty
    case .text(let range): other.appendBytes(range, of: bytes)
    case .wrongType: nil
    }
  }

  /// An attribute as a time; digits are of `unit`.
  func time(_ attribute: Attribute, digits unit: TimeUnit) -> AttributeTime {
    switch values[index(attribute)] {
    case .absent: .absent
    case .text(let range):
      range.isEmpty
        ? .absent : .text(EventTimeText.parseJSON(bytes.span.extracting(range.indices), digits: unit))
    case .wrongType: .wrongType
    }
  }

  private func index(_ attribute: Attribute) -> Int {
    switch attribute {
    case .time: 0
    case .type: 1
    case .mapped(let number): 2 + number
    }
  }

  /// As the content type says; without one, a record that carries its version itself and in no header is structured too: files
  /// have no headers, and some producers forget them.
  private mutating func isStructured(_ headers: RecordHeaderView) -> Bool {
    if let type = headers.append(Self.contentType, to: &bytes) {
      let isCloudEvent = bytes.span.extracting(type.indices).begins(with: Self.structured)
      bytes.removeAll(keepingCapacity: true)
      if isCloudEvent { return true }
    }
    return !headers.contains(Self.version) && outer.kind(specversion) == .string
  }
}

/// Base64 with the alphabet of RFC 4648 section 4.
enum Base64 {
  /// Decodes what stands in `range` of `bytes` and leaves only the outcome there; false where it is no base64. Padding may be
  /// left out.
  static func decode(_ bytes: inout [UInt8], _ range: Range<Int>) -> Bool {
    var end = range.upperBound
    while end > range.lowerBound, range.upperBound - end < 2, bytes[end - 1] == UInt8(ascii: "=") { end -= 1 }
    if end < range.upperBound, range.count % 4 != 0 { return false }
    guard (end - range.lowerBound) % 4 != 1 else { return false }
    var write = range.lowerBound
    var held: UInt32 = 0
    var bits = 0
    for index in range.lowerBound..<end {
      guard let value = value(bytes[index]) else { return false }
      held = held << 6 | value
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes[write] = UInt8(truncatingIfNeeded: held >> UInt32(bits))
        write += 1
      }
    }
    bytes.removeLast(bytes.count - write)
    bytes.removeFirst(range.lowerBound)
    return true
  }

  private static func value(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte) - 65
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte) - 97 + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte) - 48 + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
