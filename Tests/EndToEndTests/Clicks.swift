import Demo
import Events
import Foundation

/// A line that goes into the topic and into the file that is replayed.
struct Click {
  /// The record's key; the session where it is an event.
  var key: String
  var item: String
  var time: Int64
  /// The record's value; nil for a tombstone.
  var value: String?
  var isEvent = true
}

/// Clicks of the demo's shop with all that happens in life: unknown items, ids that need escaping, a session that never ends, visitors
/// who come back after days, records that are none, tombstones.
struct Clicks {
  /// In the order of the topic.
  let all: [Click]
  /// Lines that are neither events nor tombstones.
  let poisonCount: Int
  let tombstoneCount: Int
  var events: [Click] { all.filter(\.isEvent) }

  /// Long ago, so that no event lies behind its record's timestamp.
  private static let start: Int64 = 1_700_000_000_000
  static let longSession = "the long one"
  static let oddSession = "{häßlich}%\"\\"

  /// `count` clicks of `visitors` at a time, and the oddities. With `sessions` visits share that many ids, so that sessions are longer.
  init(_ count: Int, visitors: Int = 150, longSession: Int = 250, seed: UInt64 = 7, sessions: Int? = nil) {
    var generator = Numbers(state: seed)
    let shop = Shop(seed: 1)
    var simulation = ShopSimulation(shop: shop, seed: seed, visitors: visitors, start: Clicks.start)
    var clicks: [Click] = []
    var poison = 0
    var tombstones = 0
    var longLeft = longSession
    // Some visitors come back days later under the same id, once or twice.
    let renamed = ["s0", "s1", Clicks.oddSession]
    while clicks.count < count, let event = simulation.next() {
      let late = Int64(clicks.count * 3 / count) * 26 * 3_600_000
      var session = event.sessionID
      let draw = generator.below(100)
      if let sessions { session = "visitor-\(Clicks.hash(session) % UInt64(sessions))" }
      if draw < 5 { session = renamed[draw % 3] }
      let item = draw == 50 ? "withdrawn-\(generator.below(9))" : shop.id(of: event.item)
      clicks.append(Clicks.click(session, item, event.time + late))
      if longLeft > 0 {
        longLeft -= 1
        let other = shop.id(of: ItemIndex(generator.below(Shop.itemCount)))
        clicks.append(Clicks.click(Clicks.longSession, other, event.time))
      }
      if draw == 60 || draw == 61 {
        clicks.append(Clicks.poison(generator.below(5), poison))
        poison += 1
      }
      if draw == 70 {
        clicks.append(Click(key: session, item: "", time: 0, value: nil, isEvent: false))
        tombstones += 1
      }
    }
    all = clicks
    poisonCount = poison
    tombstoneCount = tombstones
  }

  /// Clicks as they are.
  init(events: [Click]) {
    all = events
    poisonCount = 0
    tombstoneCount = 0
  }

  /// The clicks as a file; tombstones have no line.
  var file: String { all.compactMap(\.value).joined(separator: "\n") + "\n" }

  static func click(_ session: String, _ item: String, _ time: Int64) -> Click {
    Click(
      key: session, item: item, time: time,
      value: "{\"session\":\(quoted(session)),\"item\":\(quoted(item)),\"time\":\(time)}")
  }

  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
  }

  private static func poison(_ kind: Int, _ number: Int) -> Click {
    let values = [
      "no JSON at all", "{\"session\":\"s\",\"item\":\"i\"", "{\"item\":\"tea-0001\",\"time\":1700000000000}",
      "{\"session\":\"s9\",\"item\":\"tea-0001\",\"time\":12}",
      "{\"session\":{},\"item\":\"tea-0001\",\"time\":1700000000000}",
    ]
    return Click(key: "poison-\(number)", item: "", time: 0, value: values[kind], isEvent: false)
  }

  private static func quoted(_ text: String) -> String {
    "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
  }
}

/// Random numbers that are the same in every run.
struct Numbers {
  var state: UInt64

  mutating func below(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(bound))
  }
}
