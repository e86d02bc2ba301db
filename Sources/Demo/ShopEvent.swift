public import Events

/// A click in the demo's shop.
public struct ShopEvent: Sendable, BitwiseCopyable, Hashable {
  /// Number of the session; no other session of the simulation has it.
  public var session: UInt64
  /// Row of the item.
  public var item: ItemIndex
  /// When it happened.
  public var time: EventTime

  /// A click.
  public init(session: UInt64, item: ItemIndex, time: EventTime) {
    self.session = session
    self.item = item
    self.time = time
  }

  /// The first line of a file of rows, with its newline.
  public static let tsvHeader = "SessionId\tItemId\tTime\n"

  /// The session's id as it appears outside: `s` and twelve hexadecimal digits.
  public var sessionID: String {
    var bytes: [UInt8] = []
    appendSessionID(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends ``sessionID`` to `bytes`.
  public func appendSessionID(to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "s"))
    for shift in stride(from: UInt64(44), through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: session >> shift & 0xF)
      bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }

  /// Appends the event as JSON in the `native` form, `{"session":"…","item":"…","time":…}`, without a newline. `shop` is where
  /// it happened.
  public func appendJSON(of shop: Shop, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: "{\"session\":\"".utf8)
    appendSessionID(to: &bytes)
    bytes.append(contentsOf: "\",\"item\":\"".utf8)
    shop.vocabulary.appendID(of: item, to: &bytes)
    bytes.append(contentsOf: "\",\"time\":".utf8)
    ShopEvent.append(time, to: &bytes)
    bytes.append(UInt8(ascii: "}"))
  }

  /// Appends the event as a row under ``tsvHeader``, the time in seconds, with its newline. `shop` is where it happened.
  public func appendTSV(of shop: Shop, to bytes: inout [UInt8]) {
    appendSessionID(to: &bytes)
    bytes.append(UInt8(ascii: "\t"))
    shop.vocabulary.appendID(of: item, to: &bytes)
    bytes.append(UInt8(ascii: "\t"))
    ShopEvent.append(time / 1000, to: &bytes)
    bytes.append(UInt8(ascii: "."))
    ShopEvent.append(time % 1000, digits: 3, to: &bytes)
    bytes.append(UInt8(ascii: "\n"))
  }

  /// Appends `number`, which is not negative, in at least `digits` digits.
  private static func append(_ number: Int64, digits: Int = 1, to bytes: inout [UInt8]) {
    var divisor: Int64 = 1
    for _ in 1..<digits { divisor *= 10 }
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }
}
