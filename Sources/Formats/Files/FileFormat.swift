internal import Events

/// How a file writes events.
public enum FileFormat: Sendable, Equatable {
  /// A table, one event a line.
  case table(TableLayout)
  /// JSON, one record a line.
  case json(JSONMapping)
  /// One session a line: items separated by blanks, oldest first. The line's number is the session's id; the running
  /// number of an event in its file is its origin's offset, and as many milliseconds after 2000-01-01 its time.
  case sequences

  /// Every name that ``init(name:mapping:)`` knows.
  public static let names = [
    "auto", "gru4rec", "yoochoose", "retailrocket", "diginetica", "sasrec", "sequences", "native", "metarank",
    "segment", "ga4",
    "jsonl", "csv", "tsv",
  ]

  /// The format of that name, or nil for `auto`: see ``detect(_:file:)``. `csv`, `tsv` and `jsonl` take a `mapping`
  /// (`session=…,item=…,time=…`), as ``TableLayout/init(separator:columns:)`` and ``JSONMapping/init(parsing:)`` read it.
  public init?(name: String, mapping: String? = nil) throws(FormatsFailure) {
    let table = Self.table(named: name)
    if let mapping, !["csv", "tsv", "jsonl"].contains(name) {
      throw .invalidMapping(text: mapping, why: "only csv, tsv and jsonl take a mapping, not \(name)")
    }
    switch (name, mapping) {
    case ("auto", _): return nil
    case ("sequences", _): self = .sequences
    case ("jsonl", nil): self = .json(.native)
    case ("jsonl", let mapping?): self = .json(try JSONMapping(parsing: mapping))
    case ("csv", let mapping?):
      self = .table(try TableLayout(separator: .character(UInt8(ascii: ",")), columns: mapping))
    case ("tsv", let mapping?): self = .table(try TableLayout(separator: .tab, columns: mapping))
    case ("csv", nil), ("tsv", nil):
      throw .invalidMapping(text: "", why: "\(name) needs to know its columns")
    default:
      if let table {
        self = .table(table)
      } else if let preset = JSONMapping(preset: name) {
        self = .json(preset)
      } else {
        throw .unknownFormat(name: name)
      }
    }
  }

  /// What a command line asks for: the format `name`, with the names of `columns` where there are any. With those, `auto` goes by the
  /// ending of the first of `files`: .csv, .tsv, .jsonl or .json, each also with .gz behind.
  public init?(name: String, columns: [String: String], files: [String]) throws(FormatsFailure) {
    let mapping = columns.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    var name = name
    if name == "auto", !mapping.isEmpty {
      var path = files.first ?? ""
      if path.hasSuffix(".gz") { path.removeLast(3) }
      let endings = [".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".json": "jsonl"]
      guard let ending = endings.keys.first(where: { path.hasSuffix($0) }) else {
        throw .invalidMapping(
          text: mapping, why: "the ending of the file does not tell its format: name it, csv, tsv or jsonl")
      }
      name = endings[ending] ?? name
    }
    try self.init(name: name, mapping: mapping.isEmpty ? nil : mapping)
  }

  private static func table(named name: String) -> TableLayout? {
    switch name {
    case "gru4rec": .gru4rec
    case "yoochoose": .yoochoose
    case "retailrocket": .retailrocket
    case "diginetica": .diginetica
    case "sasrec": .sasrec
    default: nil
    }
  }

  /// True where sessions are users or visitors, so that visits are cut from them by the idle timeout (30 minutes is the
  /// custom); false where a session's id names one visit.
  public var cutsVisits: Bool {
    switch self {
    case .table(let layout): layout == .retailrocket
    case .json(let mapping): mapping.cutsVisits
    case .sequences: false
    }
  }

  /// True where events carry no time of their own and their order stands for it.
  public var isOrderOnly: Bool {
    switch self {
    case .sequences: true
    case .table(let layout): layout.time == .lineNumber
    case .json: false
    }
  }

  /// The format of a file that begins with `beginning`; a failure lists the formats where it can't be told.
  ///
  /// Known headers and JSON keys decide; else lines of three or four commas with an ISO time second are Yoochoose's, lines of
  /// two numbers each are SASRec's, lines of blank-separated items of differing number are sequences.
  public static func detect(_ beginning: Span<UInt8>, file: String) throws(FormatsFailure) -> FileFormat {
    let isCut = beginning.count > 16 << 10
    var lines = beginning.text(first: 16 << 10).split { $0.isNewline }
    if isCut, lines.count > 1 { lines.removeLast() }
    guard let first = lines.first else { throw .undetectedFormat(file: file) }
    if first.first == "{" {
      return .json(json(first))
    }
    if let known = knownHeader(first) { return .table(known) }
    let cells = first.split(separator: ",", omittingEmptySubsequences: false)
    if cells.count == 3 || cells.count == 4, EventTimeText.parse(Array(cells[1].utf8).span, as: .iso) != nil {
      return .table(.yoochoose)
    }
    guard !first.contains(","), !first.contains(";"), !first.contains("\t") else { throw .undetectedFormat(file: file) }
    let widths = lines.map { $0.split(separator: " ").count }
    let areNumbers = lines.allSatisfy { $0.split(separator: " ").allSatisfy { UInt64($0) != nil } }
    if widths.allSatisfy({ $0 == 2 }), widths.count > 1, areNumbers { return .table(.sasrec) }
    if Set(widths).count > 1, areNumbers { return .sequences }
    throw .undetectedFormat(file: file)
  }

  private static func json(_ line: Substring) -> JSONMapping {
    if line.contains("\"event\"") && line.contains("\"timestamp\"") && line.contains("\"id\"") { return .metarank }
    if line.contains("\"anonymousId\"") || line.contains("\"originalTimestamp\"") { return .segment }
    if line.contains("\"user_pseudo_id\"") && line.contains("\"event_timestamp\"") { return .ga4 }
    return .native
  }

  private static func knownHeader(_ line: Substring) -> TableLayout? {
    func has(_ names: [String], _ separator: Character) -> Bool {
      let cells = Set(line.split(separator: separator).map { $0.filter { $0 != "\"" && $0 != "\u{FEFF}" } })
      return names.allSatisfy { cells.contains($0) }
    }
    if has(["SessionId", "ItemId", "Time"], "\t") { return .gru4rec }
    if has(["timestamp", "visitorid", "event", "itemid"], ",") { return .retailrocket }
    if has(["eventdate", "timeframe"], ";") { return .diginetica }
    return nil
  }
}
