public import Events

/// What `items.jsonl` says of each item: its line as it stands, its title and its category.
public struct ItemMetadata: Sendable {
  /// Longest line, in bytes.
  public static let maximumLineBytes = Limits.recordBytes

  /// The categories that occur, in the order of their first item.
  public let categories: [String]
  /// Index in ``categories`` of each row's category; -1 where it has none.
  private let categoryOfRow: [Int32]
  private let bytes: [UInt8]
  private let lines: [Range<Int>]

  /// Number of items.
  public var count: Int { lines.count }

  /// The metadata of `count` items in `bytes`, a JSON object a line; errors name the line in `file`, from 1.
  ///
  /// `title` and `category` are strings where present (null counts as absent); other keys may hold anything.
  public init(bytes: [UInt8], count: Int, file: String = "items.jsonl") throws(ModelFailure) {
    var lines: [Range<Int>] = []
    var categories: [String] = []
    var categoryOfRow: [Int32] = []
    var indexOfCategory: [String: Int32] = [:]
    var cutter = LineCutter(bytes)
    while let line = cutter.next() {
      guard lines.count < count else {
        throw .unreadable(file: file, expected: "\(count) lines, the item_count of config.json", found: "more")
      }
      guard line.count <= Self.maximumLineBytes else {
        throw .invalidLine(
          file: file, line: lines.count + 1, expected: "at most \(Self.maximumLineBytes) bytes", found: "\(line.count)")
      }
      var index: Int32 = -1
      if let category = try Self.scan(bytes, line, number: lines.count + 1, file).category {
        index = indexOfCategory[category] ?? Int32(categories.count)
        if index == categories.count {
          indexOfCategory[category] = index
          categories.append(category)
        }
      }
      categoryOfRow.append(index)
      lines.append(line)
    }
    guard lines.count == count else {
      throw .unreadable(
        file: file, expected: "\(count) lines, the item_count of config.json", found: "\(lines.count)")
    }
    self.categories = categories
    self.categoryOfRow = categoryOfRow
    self.bytes = bytes
    self.lines = lines
  }

  /// Index in ``categories`` of the category of row `item`, or nil.
  public func categoryIndex(of item: ItemIndex) -> Int? {
    let index = categoryOfRow[Int(item)]
    return index < 0 ? nil : Int(index)
  }

  /// The category of row `item`, or nil.
  public func category(of item: ItemIndex) -> String? { categoryIndex(of: item).map { categories[$0] } }

  /// The title of row `item`, or nil. Reads its line again: for people, not for the path of a click.
  public func title(of item: ItemIndex) -> String? {
    // The line has been read before, so it can be read again.
    try? Self.scan(bytes, lines[Int(item)], number: 1, "").title
  }

  /// The line of row `item`, a JSON object, without its newline.
  public func line(of item: ItemIndex) -> String { String(decoding: bytes[lines[Int(item)]], as: UTF8.self) }

  private static func scan(
    _ bytes: [UInt8], _ line: Range<Int>, number: Int, _ file: String
  ) throws(ModelFailure) -> (title: String?, category: String?) {
    var scanner = JSONScanner(bytes, range: line, file: file, firstLine: number)
    var title: String?
    var category: String?
    var keys = try scanner.beginObject()
    while let key = try scanner.nextKey(&keys) {
      guard key == "title" || key == "category" else {
        try scanner.skipValue()
        continue
      }
      let text: String?
      switch try scanner.value() {
      case .string(let string): text = string
      case .null: text = nil
      case let other:
        throw .invalidLine(
          file: file, line: number, expected: "a string under \"\(key)\"", found: other.summary)
      }
      if key == "title" { title = text } else { category = text }
    }
    try scanner.finish()
    return (title, category)
  }
}

/// A scalar entry of `metrics.json`.
public struct ModelMetric: Sendable, Equatable {
  /// What was measured.
  public enum Value: Sendable, Equatable {
    case number(Double)
    case text(String)
    case flag(Bool)
  }

  /// Its key.
  public let name: String
  /// What stands there.
  public let value: Value

  /// The entry `name`.
  public init(_ name: String, _ value: Value) {
    self.name = name
    self.value = value
  }

  /// Longest `metrics.json` that is read, in bytes.
  public static let maximumBytes = 1 << 20

  /// The scalar entries of the JSON object in `bytes`, in its order; objects, arrays and nulls are passed over.
  public static func parse(bytes: [UInt8], file: String = "metrics.json") throws(ModelFailure) -> [ModelMetric] {
    var scanner = JSONScanner(bytes, file: file)
    var keys = try scanner.beginObject()
    var metrics: [ModelMetric] = []
    while let key = try scanner.nextKey(&keys) {
      switch try scanner.value() {
      case .integer(let value): metrics.append(ModelMetric(key, .number(Double(value))))
      case .real(let value): metrics.append(ModelMetric(key, .number(value)))
      case .string(let value): metrics.append(ModelMetric(key, .text(value)))
      case .bool(let value): metrics.append(ModelMetric(key, .flag(value)))
      case .null, .array, .object: continue
      }
    }
    try scanner.finish()
    return metrics
  }
}
