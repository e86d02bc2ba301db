private import CRdkafka
public import Events
private import Glibc

/// A whole record as values of its own. For tools and tests, not for the path of a click.
public struct KafkaRecord: Sendable, Equatable {
  /// A header's name and value.
  public struct Header: Sendable, Equatable {
    /// Its name.
    public var name: String
    /// Its value; empty where there is none.
    public var value: [UInt8]
  }

  /// Name of its topic.
  public var topic: String
  /// Number of its partition.
  public var partition: Int32
  /// Its offset.
  public var offset: Int64
  /// Its timestamp; nil where it has none.
  public var time: EventTime?
  /// Its key; nil where it has none.
  public var key: [UInt8]?
  /// Its value; nil for a tombstone.
  public var value: [UInt8]?
  /// Its headers, in their order.
  public var headers: [Header]

  /// The value of the first header called `name`, as text.
  public func header(_ name: String) -> String? {
    headers.first { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
  }

  /// A copy of the message (`rd_kafka_message_t`) at `pointer`.
  init(copying pointer: UnsafeRawPointer) {
    let message = unsafe pointer.assumingMemoryBound(to: rd_kafka_message_t.self)
    topic = unsafe String(cString: rd_kafka_topic_name(message.pointee.rkt))
    partition = unsafe message.pointee.partition
    offset = unsafe message.pointee.offset
    var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
    let time = unsafe rd_kafka_message_timestamp(message, &type)
    self.time = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || time < 0 ? nil : time
    key = unsafe message.pointee.key.map {
      unsafe Array(UnsafeRawBufferPointer(start: $0, count: message.pointee.key_len))
    }
    value = unsafe message.pointee.payload.map {
      unsafe Array(UnsafeRawBufferPointer(start: $0, count: message.pointee.len))
    }
    headers = unsafe Self.headers(of: pointer)
  }

  /// The headers of the message (`rd_kafka_message_t`) at `pointer`.
  static func headers(of pointer: UnsafeRawPointer) -> [Header] {
    let message = unsafe pointer.assumingMemoryBound(to: rd_kafka_message_t.self)
    var list: OpaquePointer?
    guard unsafe rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR else { return [] }
    var headers: [Header] = []
    var name: UnsafePointer<CChar>?
    var value: UnsafeRawPointer?
    var size = 0
    while unsafe rd_kafka_header_get_all(list, headers.count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
      let bytes = unsafe value.map { unsafe Array(UnsafeRawBufferPointer(start: $0, count: size)) } ?? []
      headers.append(Header(name: unsafe name.map { unsafe String(cString: $0) } ?? "", value: bytes))
    }
    return headers
  }
}

extension RecordHeaderView {
  /// Holds the headers of the message (`rd_kafka_message_t`) at `pointer`, and no others.
  mutating func copy(headersOf pointer: UnsafeRawPointer) {
    removeAll()
    let message = unsafe pointer.assumingMemoryBound(to: rd_kafka_message_t.self)
    var list: OpaquePointer?
    guard unsafe rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR else { return }
    var index = 0
    var name: UnsafePointer<CChar>?
    var value: UnsafeRawPointer?
    var size = 0
    while unsafe rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
      index += 1
      guard let start = unsafe name else { continue }
      let nameBytes = unsafe UnsafeRawBufferPointer(start: start, count: strlen(start))
      let valueBytes = unsafe UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : size)
      unsafe add(name: nameBytes.bindMemory(to: UInt8.self).span, value: valueBytes.bindMemory(to: UInt8.self).span)
    }
  }
}
