import Events

/// The keys of a session: `{prefix}:{<session>}:events` and its siblings, where the braces around the session make Redis Cluster
/// keep them together. `{`, `}` and `%` in the session's id are percent-encoded.
struct RedisKeys {
  /// The part of a key that says what it holds.
  enum Kind: CaseIterable {
    case events
    case marks
    case next

    fileprivate var suffix: StaticString {
      switch self {
      case .events: "}:events"
      case .marks: "}:marks"
      case .next: "}:next"
      }
    }
  }

  private let beginning: [UInt8]
  /// The hash of what is known of each partition.
  let partitions: [UInt8]

  init(prefix: String) {
    beginning = Array("\(prefix):{".utf8)
    partitions = Array("\(prefix):partitions".utf8)
  }

  /// Appends the key of `session` to `bytes`.
  func append(_ kind: Kind, of session: Span<UInt8>, to bytes: inout [UInt8]) {
    _ = bytes.appendBytes(beginning.span)
    for index in session.indices {
      let byte = session[index]
      if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "%") {
        bytes.appendPercentEncoded(byte)
      } else {
        bytes.append(byte)
      }
    }
    kind.suffix.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }

  /// The key as text, for messages.
  func text(_ kind: Kind, of session: Span<UInt8>) -> String {
    var bytes: [UInt8] = []
    append(kind, of: session, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}
