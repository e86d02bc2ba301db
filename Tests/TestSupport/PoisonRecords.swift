public import Events

/// Records of the `native` format that are no events, of many kinds, each with the reason that it is rejected for; and neighbours
/// of theirs that are odd and valid. For the decoder's tests and for those that send them through a broker.
public enum PoisonRecords {
  /// A record that must be rejected.
  public typealias Bad = (kind: String, value: [UInt8], key: [UInt8]?, reason: RejectionReason)
  /// A record that must be taken, and the session, item and time of its event.
  public typealias Odd = (kind: String, value: [UInt8], key: [UInt8]?, session: String, item: String, time: EventTime)

  /// 2014-04-07T08:51:09.277Z.
  public static let time: EventTime = 1_396_860_669_277

  /// Kinds of bad records. None needs the record's own timestamp, and all stay what they are where it is given.
  public static let all: [Bad] = broken + typed + ids + times + encodings

  /// Kinds of odd records that are events.
  public static let odd: [Odd] = [
    odd("blanks around it", " \t\r\n" + event() + " \n\t "),
    odd("unknown keys, nested", event(more: #","more":{"session":[{"session":null}],"item":{}},"":0"#)),
    odd("the same unknown key twice", event(more: #","x":1,"x":2"#)),
    odd("integer ids", #"{"session":17,"item":-42,"time":\#(time)}"#, session: "17", item: "-42"),
    odd("the largest integer id", event(item: "18446744073709551615"), item: "18446744073709551615"),
    odd("an id with NUL", event(session: #""a\u0000b""#), session: "a\0b"),
    odd("an id beyond the basic plane", event(session: #""\ud83d\ude00""#), session: "\u{1F600}"),
    odd("an id with the braces of a hash slot", event(session: #""{a}%:""#), session: "{a}%:"),
    odd(
      "the longest ids", event(session: text("s", 256), item: text("i", 512)), session: plain("s", 256),
      item: plain("i", 512)),
    odd("a time with a fraction", #"{"session":"s","item":"i","time":1396860669276.5}"#),
    odd("a time as digits", event(time: #""1396860669277""#)),
    odd("a time with an offset", event(time: #""2014-04-07T10:51:09.277+02:00""#)),
    odd("a time in exponents", event(time: "1.396860669277e12")),
    odd("the earliest time", event(time: "946684800000"), time: Limits.earliestTime),
    odd("an escaped key", #"{"s\u0065ssion":"s","item":"i","time":\#(time)}"#),
    odd("a null user", event(more: #","user":null,"type":"""#)),
    odd("nested 100 deep", event(more: ",\"d\":" + nested(100))),
    (
      "a key that is no text", Array(event().utf8), [0xFF, 0, 0xC0], "s", "i", time
    ),
    ("an empty key", Array(event().utf8), [], "s", "i", time),
    odd("nearly a megabyte", event(more: ",\"pad\":" + text("x", (1 << 20) - 70))),
  ]

  private static let broken: [Bad] = [
    bad("empty", "", .malformed),
    bad("empty with a key", "", .malformed, key: "s"),
    bad("blanks", " \n\t ", .malformed),
    bad("truncated", String(event().dropLast(1)), .malformed),
    bad("truncated in a string", #"{"session":"s","ite"#, .malformed),
    bad("truncated in an escape", #"{"session":"s\u00"#, .malformed),
    bad("two objects", event() + event(), .malformed),
    bad("text behind it", event() + " x", .malformed),
    bad("no JSON", "GET /clicks HTTP/1.1\r\n\r\n", .malformed),
    bad("XML", "<event session='s' item='i'/>", .malformed),
    bad("single quotes", "{'session':'s','item':'i','time':\(time)}", .malformed),
    bad("bare keys", "{session:\"s\",item:\"i\",time:\(time)}", .malformed),
    bad("a comma at the end", #"{"session":"s","item":"i","time":\#(time),}"#, .malformed),
    bad("a comment", event() + "// click", .malformed),
    bad("a missing colon", #"{"session" "s","item":"i","time":\#(time)}"#, .malformed),
    bad("NaN", event(time: "NaN"), .malformed),
    bad("Infinity", event(time: "-Infinity"), .malformed),
    bad("a number beyond doubles", event(time: "1e400"), .malformed),
    bad("more digits than 64 bits hold", event(item: "123456789012345678901234567890"), .malformed),
    bad("a leading zero", event(time: "01396860669277"), .malformed),
    bad("a plus sign", event(time: "+1396860669277"), .malformed),
    bad("nested 200 deep", event(more: ",\"d\":" + nested(200)), .malformed),
    bad("nested without end", String(repeating: "[", count: 100_000), .malformed),
    bad("a session twice", event(more: #","session":"t""#), .malformed),
    bad("an item twice", event(more: #","item":"i""#), .malformed),
    bad("a time twice, once escaped", event(more: #","t\u0069me":1"#), .malformed),
    bad("a control character in a string", event(session: "\"a\u{1}b\""), .malformed),
    bad("an unknown escape", event(session: #""\x41""#), .malformed),
    bad("half a surrogate", event(session: #""\ud800""#), .malformed),
    bad("surrogates in the wrong order", event(session: #""\udc00\ud800""#), .malformed),
    bad("NUL bytes", "\0\0\0\0", .malformed),
    bad("NUL behind it", event() + "\0", .malformed),
    bad("a long user", event(more: ",\"user\":" + text("u", 257)), .malformed),
    bad("a long type", event(more: ",\"type\":" + text("t", 300)), .malformed),
  ]

  private static let typed: [Bad] = [
    bad("null", "null", .wrongType), bad("true", "true", .wrongType), bad("a number", "42", .wrongType),
    bad("a string", #""session""#, .wrongType), bad("an array", "[\(event())]", .wrongType),
    bad("an empty array", "[]", .wrongType),
    bad("a session that is an object", event(session: #"{"id":"s"}"#), .wrongType),
    bad("a session that is an array", event(session: #"["s"]"#), .wrongType),
    bad("a session that is a boolean", event(session: "false"), .wrongType),
    bad("an item with a fraction", event(item: "1.5"), .wrongType),
    bad("an item in exponents", event(item: "1e3"), .wrongType),
    bad("a time that is a boolean", event(time: "true"), .wrongType),
    bad("a time that is an object", event(time: "{}"), .wrongType),
    bad("a user that is an array", event(more: #","user":[]"#), .wrongType),
    bad("a type that is a number with a fraction", event(more: #","type":0.5"#), .wrongType),
  ]

  private static let ids: [Bad] = [
    bad("an empty object", "{}", .missingSession),
    bad("no session", #"{"item":"i","time":\#(time)}"#, .missingSession, key: "s"),
    bad("a null session", event(session: "null"), .missingSession),
    bad("an empty session", event(session: "\"\""), .missingSession),
    bad("a session by another name", #"{"Session":"s","item":"i","time":\#(time)}"#, .missingSession),
    bad("no item", #"{"session":"s","time":\#(time)}"#, .missingItem),
    bad("an empty item", event(item: "\"\""), .missingItem),
    bad("a long session", event(session: text("s", 257)), .sessionTooLong),
    bad("a huge session", event(session: text("s", 1_000_000)), .sessionTooLong),
    bad("a long item", event(item: text("i", 513)), .itemTooLong),
    // A broker's own limit of a megabyte lets the longest records of the decoder pass with a raised limit only.
    bad("a long item of many bytes a letter", event(item: text("\u{1F600}", 129)), .itemTooLong),
  ]

  private static let times: [Bad] = [
    bad("a time in 1970", event(time: "0"), .timeOutOfRange),
    bad("a time before 1970", event(time: "-1"), .timeOutOfRange),
    bad("a time in seconds", event(time: "1396860669"), .timeOutOfRange),
    bad("a time in microseconds", event(time: "1396860669277000"), .timeOutOfRange),
    bad("a time in 2200", event(time: "7258118400001"), .timeOutOfRange),
    bad("a time in 1970, as text", event(time: #""1970-01-01T00:00:00Z""#), .timeOutOfRange),
    bad("a time in 2200, as text", event(time: #""2200-01-01T00:00:00.001Z""#), .timeOutOfRange),
    bad("a time of 64 bits", event(time: "18446744073709551615"), .timeOutOfRange),
    bad("a time of 300 digits", event(time: "1e300"), .timeOutOfRange),
    bad("a day", event(time: #""2014-04-07""#), .invalidTime),
    bad("a time without an offset", event(time: #""2014-04-07T08:51:09""#), .invalidTime),
    bad("the 30th of February", event(time: #""2014-02-30T08:51:09Z""#), .invalidTime),
    bad("words for a time", event(time: #""yesterday""#), .invalidTime),
    bad("an empty time", event(time: "\"\""), .invalidTime),
  ]

  private static let encodings: [Bad] = [
    ("a byte order mark of UTF-16", [0xFF, 0xFE, 0x7B, 0x00, 0x7D, 0x00], nil, .invalidText),
    ("Latin-1", latin1, nil, .invalidText),
    ("an overlong slash", inSession([0xC0, 0xAF]), nil, .invalidText),
    ("a surrogate in UTF-8", inSession([0xED, 0xA0, 0x80]), nil, .invalidText),
    ("beyond U+10FFFF", inSession([0xF4, 0x90, 0x80, 0x80]), nil, .invalidText),
    ("a character cut off", inSession([0xE2, 0x82]), nil, .invalidText),
    ("random bytes, none of them ASCII", (0..<300).map { 128 | UInt8(truncatingIfNeeded: $0 * 37) }, nil, .invalidText),
    ("gzip", [0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0x03, 0xAB, 0xAE, 0x05, 0], nil, .invalidText),
    ("a header of Avro's registry", [0, 0, 0, 0, 7, 0x02, 0x73, 0x02, 0x69], nil, .malformed),
  ]

  private static let latin1: [UInt8] = inSession([0xE9])

  // MARK: Making them

  private static func bad(_ kind: String, _ text: String, _ reason: RejectionReason, key: String? = nil) -> Bad {
    (kind, Array(text.utf8), key.map { Array($0.utf8) }, reason)
  }

  private static func odd(
    _ kind: String, _ text: String, session: String = "s", item: String = "i", time: EventTime = PoisonRecords.time
  ) -> Odd {
    (kind, Array(text.utf8), nil, session, item, time)
  }

  /// A valid record, but for what its parts (as JSON) say.
  private static func event(
    session: String = #""s""#, item: String = #""i""#, time: String = "\(PoisonRecords.time)", more: String = ""
  ) -> String {
    "{\"session\":\(session),\"item\":\(item),\"time\":\(time)\(more)}"
  }

  /// A record whose session has `bytes` in the middle.
  private static func inSession(_ bytes: [UInt8]) -> [UInt8] {
    Array(#"{"session":"a"#.utf8) + bytes + Array(#"b","item":"i","time":\#(time)}"#.utf8)
  }

  private static func plain(_ letter: String, _ count: Int) -> String { String(repeating: letter, count: count) }

  private static func text(_ letter: String, _ count: Int) -> String { "\"\(plain(letter, count))\"" }

  private static func nested(_ depth: Int) -> String { plain("[", depth) + plain("]", depth) }
}
