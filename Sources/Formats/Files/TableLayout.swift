/// Which columns of a table's line make an event.
public struct TableLayout: Sendable, Equatable {
  /// What stands between two columns.
  public enum Separator: Sendable, Equatable {
    /// A tab; quotes mean nothing.
    case tab
    /// This character, such as a comma; fields may stand in double quotes, with doubled quotes inside, not over line ends.
    case character(UInt8)
    /// Any number of blanks and tabs.
    case blanks
  }

  /// A column.
  public enum Column: Sendable, Equatable {
    /// By any of these names in the header.
    case named([String])
    /// By its number, from 1.
    case number(Int)
  }

  /// Where an event's time stands.
  public enum Time: Sendable, Equatable {
    /// In a column.
    case column(Column, TimeUnit)
    /// A day `YYYY-MM-DD` in one column, milliseconds to add to it in another.
    case dayAndFrame(Column, Column)
    /// Nowhere: line n counts as n milliseconds after 2000-01-01.
    case lineNumber
  }

  /// What stands between two columns.
  public var separator: Separator
  /// True where the first line names the columns.
  public var hasHeader: Bool
  /// Session id.
  public var session: Column
  /// Item id.
  public var item: Column
  /// Event time.
  public var time: Time
  /// User id, where there is one.
  public var user: Column?
  /// Kind of interaction, where there is one.
  public var type: Column?

  /// `SessionId ItemId Time`, tabs, seconds: GRU4Rec, Serenade.
  public static let gru4rec = TableLayout(
    separator: .tab, hasHeader: true, session: .named(["SessionId"]), item: .named(["ItemId"]),
    time: .column(.named(["Time"]), .seconds))

  /// Yoochoose's raw clicks: session, ISO time, item, category; no header.
  public static let yoochoose = TableLayout(
    separator: .character(UInt8(ascii: ",")), hasHeader: false, session: .number(1), item: .number(3),
    time: .column(.number(2), .iso))

  /// Retailrocket's events: the visitor is the session, and visits are cut by the idle timeout.
  public static let retailrocket = TableLayout(
    separator: .character(UInt8(ascii: ",")), hasHeader: true, session: .named(["visitorid"]),
    item: .named(["itemid"]), time: .column(.named(["timestamp"]), .milliseconds), type: .named(["event"]))

  /// Diginetica's item views: the order within a day is the timeframe's.
  public static let diginetica = TableLayout(
    separator: .character(UInt8(ascii: ";")), hasHeader: true, session: .named(["sessionId", "session_id"]),
    item: .named(["itemId", "item_id"]), time: .dayAndFrame(.named(["eventdate"]), .named(["timeframe"])))

  /// SASRec's text: `user item`, in time order.
  public static let sasrec = TableLayout(
    separator: .blanks, hasHeader: false, session: .number(1), item: .number(2), time: .lineNumber)

  init(
    separator: Separator, hasHeader: Bool, session: Column, item: Column, time: Time, user: Column? = nil,
    type: Column? = nil
  ) {
    self.separator = separator
    self.hasHeader = hasHeader
    self.session = session
    self.item = item
    self.time = time
    self.user = user
    self.type = type
  }

  /// The layout that `columns` describes: `session=visitor,item=3,time=at:ms`, with `user`, `type` where there are any.
  ///
  /// A column is a name of the header, or a number from 1; where all are numbers the file has no header. After the time's
  /// column stands its unit: `s`, `ms`, `us`, `iso` or `auto` (the default; see ``TimeUnit/auto``). `time=line` takes the
  /// order of the lines.
  public init(separator: Separator, columns: String) throws(FormatsFailure) {
    let fields = try MappingText.fields(of: columns)
    func column(_ name: String) throws(FormatsFailure) -> Column? {
      guard let text = fields[name] else { return nil }
      return try Self.column(text, in: columns)
    }
    guard let session = try column("session") else {
      throw .invalidMapping(text: columns, why: "session is missing")
    }
    guard let item = try column("item") else { throw .invalidMapping(text: columns, why: "item is missing") }
    guard let timeText = fields["time"] else {
      throw .invalidMapping(text: columns, why: "time is missing (time=line takes the order of the lines)")
    }
    let time = try Self.time(timeText, in: columns)
    let user = try column("user")
    let type = try column("type")
    var timeColumn: Column?
    if case .column(let column, _) = time { timeColumn = column }
    let isNamed = [session, item, user, type, timeColumn].contains { column in
      if case .named = column { true } else { false }
    }
    self.init(
      separator: separator, hasHeader: isNamed, session: session, item: item, time: time, user: user, type: type)
  }

  private static func column(_ text: String, in columns: String) throws(FormatsFailure) -> Column {
    guard let number = Int(text) else { return .named([text]) }
    guard (1...10_000).contains(number) else {
      throw .invalidMapping(text: columns, why: "columns are numbered from 1 to 10000")
    }
    return .number(number)
  }

  private static func time(_ text: String, in columns: String) throws(FormatsFailure) -> Time {
    if text == "line" { return .lineNumber }
    guard let colon = text.lastIndex(of: ":") else { return .column(try column(text, in: columns), .auto) }
    let name = String(text[text.index(after: colon)...])
    guard let unit = TimeUnit(rawValue: name) else {
      throw .invalidMapping(text: columns, why: "\"\(name)\" is no unit of time (s, ms, us, iso, auto)")
    }
    return .column(try column(String(text[..<colon]), in: columns), unit)
  }
}
