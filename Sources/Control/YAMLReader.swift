private import CYaml

/// Reads YAML with libyaml's event interface. Owns the parser; nothing of libyaml leaves this file.
///
/// Configuration needs little of YAML: one document of sections, lists and values. Anchors, aliases and tags are refused, and
/// size and depth are bounded, so that a file cannot unfold into more than it holds.
@safe struct YAMLReader: ~Copyable {
  /// Largest document, in bytes.
  static let bytes = 1 << 20
  /// Deepest nesting.
  static let depth = 16

  /// The content of the document `text`; an empty document is an empty section. `file` is for messages.
  static func read(_ text: String, file: String) throws(ControlFailure) -> YAMLNode {
    guard text.utf8.count <= bytes else {
      throw .yaml(file: file, line: 1, column: 1, problem: "larger than \(bytes) bytes")
    }
    var reader = try YAMLReader(text, file: file)
    return try reader.document()
  }

  private let file: String
  // At one address for its whole life: libyaml keeps a pointer to the parser in the parser.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let input: UnsafeMutableBufferPointer<UInt8>

  private init(_ text: String, file: String) throws(ControlFailure) {
    self.file = file
    let bytes = Array(text.utf8)
    unsafe input = .allocate(capacity: max(bytes.count, 1))
    _ = unsafe input.initialize(from: bytes)
    unsafe parser = .allocate(capacity: 1)
    unsafe parser.initialize(to: yaml_parser_t())
    // Without memory it leaves a parser that knows no input; the first event then fails.
    if unsafe yaml_parser_initialize(parser) == 1 {
      unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
    }
  }

  deinit {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
    unsafe input.deallocate()
  }

  /// What libyaml reports, as far as a configuration needs it.
  private enum Token {
    case scalar(String, isPlain: Bool)
    case sequenceStart
    case mappingStart
    case end
    case documentStart
    case streamEnd
    case other
  }

  private mutating func document() throws(ControlFailure) -> YAMLNode {
    var (token, line) = try next()
    while case .other = token { (token, line) = try next() }
    if case .streamEnd = token { return YAMLNode(content: .mapping([]), line: 1) }
    (token, line) = try next()
    let root = try node(token, line: line, depth: 1)
    (token, line) = try next()
    while case .other = token { (token, line) = try next() }
    if case .streamEnd = token { return root }
    throw .yaml(file: file, line: line, column: 1, problem: "a second document; a configuration is one")
  }

  private mutating func node(_ token: Token, line: Int, depth: Int) throws(ControlFailure) -> YAMLNode {
    guard depth <= Self.depth else {
      throw .yaml(file: file, line: line, column: 1, problem: "nested deeper than \(Self.depth) levels")
    }
    switch token {
    case .scalar(let text, let isPlain): return YAMLNode(content: .scalar(text, isPlain: isPlain), line: line)
    case .sequenceStart:
      var items: [YAMLNode] = []
      while true {
        let (token, itemLine) = try next()
        if case .end = token { return YAMLNode(content: .sequence(items), line: line) }
        items.append(try node(token, line: itemLine, depth: depth + 1))
      }
    case .mappingStart: return YAMLNode(content: .mapping(try entries(depth: depth)), line: line)
    case .end, .documentStart, .streamEnd, .other:
      throw .yaml(file: file, line: line, column: 1, problem: "the document ends too early")
    }
  }

  private mutating func entries(depth: Int) throws(ControlFailure) -> [YAMLNode.Entry] {
    var entries: [YAMLNode.Entry] = []
    var lines: [String: Int] = [:]
    while true {
      let (token, line) = try next()
      if case .end = token { return entries }
      guard case .scalar(let key, _) = token else {
        throw .yaml(file: file, line: line, column: 1, problem: "a key must be a single value")
      }
      if let first = lines.updateValue(line, forKey: key) {
        throw .yaml(file: file, line: line, column: 1, problem: "\(key) stands here and in line \(first)")
      }
      let (value, valueLine) = try next()
      entries.append(.init(key: key, line: line, value: try node(value, line: valueLine, depth: depth + 1)))
    }
  }

  /// The next event of the document and its line.
  private mutating func next() throws(ControlFailure) -> (token: Token, line: Int) {
    var event = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
    defer { unsafe yaml_event_delete(&event) }
    let line = unsafe event.start_mark.line + 1
    let column = unsafe event.start_mark.column + 1
    switch unsafe event.type {
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      let hasTag = unsafe scalar.tag != nil
      let hasAnchor = unsafe scalar.anchor != nil
      try refuse(anchor: hasAnchor, tag: hasTag, line, column)
      let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
      return (.scalar(unsafe String(decoding: bytes, as: UTF8.self), isPlain: isPlain), line)
    case YAML_SEQUENCE_START_EVENT:
      let start = unsafe event.data.sequence_start
      try refuse(anchor: unsafe start.anchor != nil, tag: unsafe start.tag != nil, line, column)
      return (.sequenceStart, line)
    case YAML_MAPPING_START_EVENT:
      let start = unsafe event.data.mapping_start
      try refuse(anchor: unsafe start.anchor != nil, tag: unsafe start.tag != nil, line, column)
      return (.mappingStart, line)
    case YAML_ALIAS_EVENT:
      throw .yaml(file: file, line: line, column: column, problem: "aliases (*name) are not allowed")
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return (.end, line)
    case YAML_DOCUMENT_START_EVENT: return (.documentStart, line)
    case YAML_STREAM_END_EVENT: return (.streamEnd, line)
    default: return (.other, line)
    }
  }

  private func refuse(anchor: Bool, tag: Bool, _ line: Int, _ column: Int) throws(ControlFailure) {
    if anchor { throw .yaml(file: file, line: line, column: column, problem: "anchors (&name) are not allowed") }
    if tag { throw .yaml(file: file, line: line, column: column, problem: "tags (!name) are not allowed") }
  }

  private func failure() -> ControlFailure {
    let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "cannot be read"
    let context = unsafe parser.pointee.context.map { unsafe String(cString: $0) + ": " } ?? ""
    let mark = unsafe parser.pointee.problem_mark
    return .yaml(file: file, line: mark.line + 1, column: mark.column + 1, problem: context + problem)
  }
}
