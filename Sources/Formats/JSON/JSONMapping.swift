/// Which fields of a JSON record make an event.
///
/// Ids may be strings or integers. Times are numbers of ``timeUnit``, digits of it in a string, or ISO-8601 with `Z` or an
/// offset. Where several paths are given, the first that is present and not null or empty counts.
public struct JSONMapping: Sendable, Equatable {
  /// A field and the text that it must hold.
  public struct Kind: Sendable, Equatable {
    /// The field.
    public var path: JSONPath
    /// The text.
    public var text: String
  }

  /// Session id.
  public var session: [JSONPath]
  /// Where given, a session's id is this, a full stop, and ``session``; both are needed.
  public var sessionQualifier: [JSONPath] = []
  /// Item id.
  public var item: [JSONPath]
  /// Where this is present, the record names more items than the one that counts.
  public var furtherItem: [JSONPath] = []
  /// Event time; a record without one takes the record's own timestamp.
  public var time: [JSONPath]
  /// The unit of times that are numbers or digits.
  public var timeUnit = TimeUnit.milliseconds
  /// User id.
  public var user: [JSONPath]
  /// Kind of interaction.
  public var type: [JSONPath]
  /// Records where this field holds another text are not events of ours: ignored and counted.
  public var kind: Kind?
  /// A record without an item is ignored, not rejected.
  public var ignoresWithoutItem = false
  /// A text that stands for nothing, wherever an id should be.
  public var placeholder = ""
  /// Types that are ignored unless they are accepted by name.
  public var ignoredTypes: [String] = []
  /// True where a session is a user or a visitor, so that visits are cut from it by the idle timeout.
  public var cutsVisits = false

  /// `{"session", "item", "time", "user"?, "type"?}`
  public static let native = JSONMapping(
    session: [JSONPath(keys: "session")], item: [JSONPath(keys: "item")], time: [JSONPath(keys: "time")],
    user: [JSONPath(keys: "user")], type: [JSONPath(keys: "type")])

  /// Metarank's interactions; its other events (`item`, `user`, `ranking`) are ignored.
  public static let metarank = JSONMapping(
    session: [JSONPath(keys: "session")], item: [JSONPath(keys: "item")], time: [JSONPath(keys: "timestamp")],
    user: [JSONPath(keys: "user")], type: [JSONPath(keys: "type")],
    kind: Kind(path: JSONPath(keys: "event"), text: "interaction"))

  /// Segment's and RudderStack's `track` events with a product; the session is the anonymous id, else the user id, and
  /// visits are cut by the idle timeout.
  public static let segment: JSONMapping = {
    var mapping = JSONMapping(
      session: [JSONPath(keys: "anonymousId"), JSONPath(keys: "userId")],
      item: [JSONPath(keys: "properties", "product_id")],
      time: [JSONPath(keys: "originalTimestamp"), JSONPath(keys: "timestamp")],
      user: [JSONPath(keys: "userId")], type: [JSONPath(keys: "event")],
      kind: Kind(path: JSONPath(keys: "type"), text: "track"))
    mapping.ignoresWithoutItem = true
    mapping.cutsVisits = true
    return mapping
  }()

  /// Rows of Google Analytics 4 as BigQuery exports them; the session is `user_pseudo_id` and `ga_session_id`. Rows without an
  /// item are ignored, as are types that show items in bulk or take a choice back. The first item of a row counts.
  public static let ga4: JSONMapping = {
    let session: [JSONPath.Step] = [
      .key("event_params"), .entry(key: "key", text: "ga_session_id"), .key("value"),
    ]
    func item(_ number: Int) -> [JSONPath] { [JSONPath(steps: [.key("items"), .index(number), .key("item_id")])] }
    var mapping = JSONMapping(
      session: [
        JSONPath(steps: session + [.key("int_value")]), JSONPath(steps: session + [.key("string_value")]),
      ],
      item: item(0), time: [JSONPath(keys: "event_timestamp")],
      user: [JSONPath(keys: "user_id"), JSONPath(keys: "user_pseudo_id")], type: [JSONPath(keys: "event_name")])
    mapping.sessionQualifier = [JSONPath(keys: "user_pseudo_id")]
    mapping.furtherItem = item(1)
    mapping.timeUnit = .microseconds
    mapping.ignoresWithoutItem = true
    mapping.placeholder = "(not set)"
    mapping.ignoredTypes = [
      "view_item_list", "view_promotion", "select_promotion", "view_cart", "remove_from_cart", "refund",
    ]
    return mapping
  }()

  init(
    session: [JSONPath], item: [JSONPath], time: [JSONPath], user: [JSONPath] = [], type: [JSONPath] = [],
    kind: Kind? = nil
  ) {
    self.session = session
    self.item = item
    self.time = time
    self.user = user
    self.type = type
    self.kind = kind
  }

  /// The preset of that name, or nil.
  public init?(preset: String) {
    switch preset {
    case "native": self = .native
    case "metarank": self = .metarank
    case "segment": self = .segment
    case "ga4": self = .ga4
    default: return nil
    }
  }

  /// The mapping that `text` describes: `session=$.visitor.id,item=$.product,time=$.at`, with `user`, `type` where there
  /// are any. `session` and `item` are needed; without `time` the record's own timestamp counts.
  public init(parsing text: String) throws(FormatsFailure) {
    let fields = try MappingText.fields(of: text)
    self.init(session: [], item: [], time: [])
    for (name, path) in fields { try replace(name, with: path) }
    if session.isEmpty { throw .invalidMapping(text: text, why: "session is missing") }
    if item.isEmpty { throw .invalidMapping(text: text, why: "item is missing") }
  }

  /// Names of what ``replace(_:with:)`` replaces.
  public static let fieldNames = ["session", "item", "time", "user", "type", "time_unit"]

  /// Takes `path` in place of the mapping's own paths for `name` (`session`, `item`, `time`, `user`, `type`), or another unit for
  /// times that are numbers (`time_unit`: `ms`, `s`, `us`, `auto`).
  public mutating func replace(_ name: String, with path: String) throws(FormatsFailure) {
    switch name {
    case "session": (session, sessionQualifier) = ([try JSONPath(path)], [])
    case "item": (item, furtherItem) = ([try JSONPath(path)], [])
    case "time": time = [try JSONPath(path)]
    case "user": user = [try JSONPath(path)]
    case "type": type = [try JSONPath(path)]
    case "time_unit":
      guard let unit = TimeUnit(rawValue: path), unit != .iso else {
        throw .invalidMapping(text: path, why: "a unit is ms, s, us or auto; ISO-8601 is read with any of them")
      }
      timeUnit = unit
    default: throw .invalidMapping(text: name, why: "an event has no such field")
    }
  }

  /// Makes users the sessions; the idle timeout cuts their visits.
  public mutating func keyByUser() throws(FormatsFailure) {
    guard !user.isEmpty else {
      throw .invalidMapping(text: "user", why: "sessions are users, but no path to one is given")
    }
    session = user
    sessionQualifier = []
    cutsVisits = true
  }

  /// Every path, for a check of what it needs.
  var paths: [JSONPath] {
    session + sessionQualifier + item + furtherItem + time + user + type + (kind.map { [$0.path] } ?? [])
  }
}

/// Reads `session=…,item=…,time=…`.
enum MappingText {
  static let names: Set<String> = ["session", "item", "time", "user", "type"]

  static func fields(of text: String) throws(FormatsFailure) -> [String: String] {
    var fields: [String: String] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard sides.count == 2, !sides[1].isEmpty else {
        throw .invalidMapping(text: text, why: "\"\(part)\" is not name=where")
      }
      let name = String(sides[0])
      guard names.contains(name) else {
        throw .invalidMapping(text: text, why: "\"\(name)\" is not a field of an event")
      }
      guard fields.updateValue(String(sides[1]), forKey: name) == nil else {
        throw .invalidMapping(text: text, why: "\(name) stands twice")
      }
    }
    return fields
  }
}
