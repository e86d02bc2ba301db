/// Which fields of a JSON record make an event.
///
/// Ids may be strings or integers. Times are integers (milliseconds since 1970), digits in a string, or ISO-8601 with `Z`
/// or an offset. Where several paths are given, the first that is present and not null or empty counts.
public struct JSONMapping: Sendable, Equatable {
  /// Session id.
  public var session: [JSONPath]
  /// Item id.
  public var item: [JSONPath]
  /// Event time; a record without one takes the record's own timestamp.
  public var time: [JSONPath]
  /// User id.
  public var user: [JSONPath]
  /// Kind of interaction.
  public var type: [JSONPath]
  /// A field that must hold this text; records where it holds another are not events of ours: ignored and counted.
  public var kind: (path: JSONPath, text: String)?
  /// A record without an item is ignored, not rejected.
  public var ignoresWithoutItem = false

  /// `{"session", "item", "time", "user"?, "type"?}`
  public static let native = JSONMapping(
    session: [JSONPath(keys: "session")], item: [JSONPath(keys: "item")], time: [JSONPath(keys: "time")],
    user: [JSONPath(keys: "user")], type: [JSONPath(keys: "type")])

  /// Metarank's interactions; its other events (`item`, `user`, `ranking`) are ignored.
  public static let metarank = JSONMapping(
    session: [JSONPath(keys: "session")], item: [JSONPath(keys: "item")], time: [JSONPath(keys: "timestamp")],
    user: [JSONPath(keys: "user")], type: [JSONPath(keys: "type")],
    kind: (JSONPath(keys: "event"), "interaction"))

  /// Segment's and RudderStack's `track` events with a product; the session is the anonymous id, else the user id, and
  /// visits are cut by the idle timeout.
  public static let segment = JSONMapping(
    session: [JSONPath(keys: "anonymousId"), JSONPath(keys: "userId")],
    item: [JSONPath(keys: "properties", "product_id")],
    time: [JSONPath(keys: "originalTimestamp"), JSONPath(keys: "timestamp")],
    user: [JSONPath(keys: "userId")], type: [JSONPath(keys: "event")],
    kind: (JSONPath(keys: "type"), "track"), ignoresWithoutItem: true)

  init(
    session: [JSONPath], item: [JSONPath], time: [JSONPath], user: [JSONPath] = [], type: [JSONPath] = [],
    kind: (path: JSONPath, text: String)? = nil, ignoresWithoutItem: Bool = false
  ) {
    self.session = session
    self.item = item
    self.time = time
    self.user = user
    self.type = type
    self.kind = kind
    self.ignoresWithoutItem = ignoresWithoutItem
  }

  /// The preset of that name, or nil.
  public init?(preset: String) {
    switch preset {
    case "native": self = .native
    case "metarank": self = .metarank
    case "segment": self = .segment
    default: return nil
    }
  }

  /// The mapping that `text` describes: `session=$.visitor.id,item=$.product,time=$.at`, with `user`, `type` where there
  /// are any. `session` and `item` are needed; without `time` the record's own timestamp counts.
  public init(parsing text: String) throws(FormatsFailure) {
    let fields = try MappingText.fields(of: text)
    func paths(_ name: String) throws(FormatsFailure) -> [JSONPath] {
      guard let path = fields[name] else { return [] }
      return [try JSONPath(path)]
    }
    self.init(
      session: try paths("session"), item: try paths("item"), time: try paths("time"), user: try paths("user"),
      type: try paths("type"))
    if session.isEmpty { throw .invalidMapping(text: text, why: "session is missing") }
    if item.isEmpty { throw .invalidMapping(text: text, why: "item is missing") }
  }

  /// True where both pick the same fields.
  public static func == (left: JSONMapping, right: JSONMapping) -> Bool {
    left.session == right.session && left.item == right.item && left.time == right.time && left.user == right.user
      && left.type == right.type && left.kind?.path == right.kind?.path && left.kind?.text == right.kind?.text
      && left.ignoresWithoutItem == right.ignoresWithoutItem
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
