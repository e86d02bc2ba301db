public import Events

/// Writes events as the `native` JSON that ``JSONMapping/native`` reads, one object without a line end.
///
///     {"session":"s","item":"i","time":1396860669277,"user":"u","type":"click"}
///
/// `user` and `type` stand there where the event has them.
public struct JSONEventEncoder: Sendable {
  private let session = Array(#"{"session":"#.utf8)
  private let item = Array(#","item":"#.utf8)
  private let time = Array(#","time":"#.utf8)
  private let user = Array(#","user":"#.utf8)
  private let type = Array(#","type":"#.utf8)

  /// An encoder.
  public init() {}

  /// Appends the encoded `event`, whose bytes stand in `eventBytes`, to `bytes`.
  public func encode(_ event: Event, of eventBytes: [UInt8], into bytes: inout [UInt8]) {
    _ = bytes.appendBytes(session.span)
    bytes.appendJSON(event.session, of: eventBytes)
    _ = bytes.appendBytes(item.span)
    bytes.appendJSON(event.item, of: eventBytes)
    _ = bytes.appendBytes(time.span)
    bytes.appendDecimal(event.time)
    if !event.user.isEmpty {
      _ = bytes.appendBytes(user.span)
      bytes.appendJSON(event.user, of: eventBytes)
    }
    if !event.type.isEmpty {
      _ = bytes.appendBytes(type.span)
      bytes.appendJSON(event.type, of: eventBytes)
    }
    bytes.append(UInt8(ascii: "}"))
  }
}
