private import CRdkafka
import Events

/// What librdkafka's callbacks tell the owner of a client. Apart from `log`, which any of librdkafka's threads calls, it
/// belongs to the thread that polls the client.
class ClientEvents {
  let log: KafkaLog
  /// The last error that concerns the whole client and was not reported yet.
  var failure: KafkaFailure?

  init(log: @escaping KafkaLog) { self.log = log }

  /// The unreported error of the whole client, once.
  func takeFailure() -> KafkaFailure? {
    defer { failure = nil }
    return failure
  }
}

/// Owns a client of librdkafka (`rd_kafka_t`) and the callbacks that every client has.
///
/// librdkafka (rdkafka.h): a client is "completely thread-safe", but callbacks other than the log's are called from the
/// thread that polls. `pointer` is for the owners of consumers, producers and clusters in this module only; it is valid
/// as long as the handle.
@safe final class ClientHandle {
  enum Kind {
    case consumer
    case producer
  }

  let pointer: OpaquePointer
  /// Set where destroying the client would end the process: then its threads and memory stay as long as that.
  var isAbandoned = false
  private let events: Unmanaged<ClientEvents>

  /// A client with `properties`. `prepare` may add callbacks to the configuration (`rd_kafka_conf_t`); all of them get
  /// `events` as their context.
  init(
    _ kind: Kind, properties: [(String, String)], events: ClientEvents, prepare: (OpaquePointer) -> Void = { _ in }
  ) throws(KafkaFailure) {
    guard let configuration = unsafe rd_kafka_conf_new() else {
      throw .clientNotCreated(detail: "no memory for a configuration")
    }
    var text = [CChar](repeating: 0, count: 512)
    for (name, value) in properties {
      let result = unsafe rd_kafka_conf_set(configuration, name, value, &text, text.count)
      if result != RD_KAFKA_CONF_OK {
        unsafe rd_kafka_conf_destroy(configuration)
        throw .invalidProperty(name: name, detail: Self.string(text))
      }
    }
    unsafe rd_kafka_conf_set_log_cb(configuration, onLog)
    unsafe rd_kafka_conf_set_error_cb(configuration, onError)
    unsafe prepare(configuration)
    let context = unsafe Unmanaged.passRetained(events)
    unsafe rd_kafka_conf_set_opaque(configuration, context.toOpaque())
    let type = kind == .consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER
    guard let client = unsafe rd_kafka_new(type, configuration, &text, text.count) else {
      // The configuration still belongs to the caller where no client came of it.
      unsafe rd_kafka_conf_destroy(configuration)
      unsafe context.release()
      throw .clientNotCreated(detail: Self.string(text))
    }
    unsafe self.events = context
    unsafe pointer = client
  }

  deinit {
    if isAbandoned { return }
    // Waits for librdkafka's threads, so that no callback outlives the context.
    unsafe rd_kafka_destroy(pointer)
    unsafe events.release()
  }

  /// librdkafka's name of an error, such as `_TRANSPORT`.
  static func name(_ code: Int32) -> String {
    unsafe String(cString: rd_kafka_err2name(rd_kafka_resp_err_t(rawValue: code)))
  }

  /// The failure behind an error code, with librdkafka's words where the caller has none.
  static func failure(_ code: Int32, while operation: String, detail: String? = nil) -> KafkaFailure {
    let words = unsafe detail ?? String(cString: rd_kafka_err2str(rd_kafka_resp_err_t(rawValue: code)))
    return KafkaFailure(code: name(code), operation: operation, detail: words)
  }

  /// Why this client is unusable.
  func fatalFailure() -> KafkaFailure { unsafe Kafka.fatalFailure(pointer) }

  private static func string(_ text: [CChar]) -> String {
    String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

private func onLog(
  _ client: OpaquePointer?, _ level: Int32, _ facility: UnsafePointer<CChar>?, _ message: UnsafePointer<CChar>?
) {
  guard let client = unsafe client, let context = unsafe rd_kafka_opaque(client) else { return }
  let events = unsafe Unmanaged<ClientEvents>.fromOpaque(context).takeUnretainedValue()
  let facility = unsafe facility.map { unsafe String(cString: $0) } ?? ""
  let message = unsafe message.map { unsafe String(cString: $0) } ?? ""
  events.log(KafkaLogLine(syslog: level, facility: facility, message: message))
}

private func onError(
  _ client: OpaquePointer?, _ code: Int32, _ reason: UnsafePointer<CChar>?, _ context: UnsafeMutableRawPointer?
) {
  guard let client = unsafe client, let context = unsafe context else { return }
  let events = unsafe Unmanaged<ClientEvents>.fromOpaque(context).takeUnretainedValue()
  let detail = unsafe reason.map { unsafe String(cString: $0) } ?? ""
  if code == RD_KAFKA_RESP_ERR__FATAL.rawValue {
    events.failure = unsafe fatalFailure(client)
    return
  }
  // One broker of several may come and go; the client is in trouble when all are away, or when it is not let in.
  if events.failure?.disposition == .halt { return }
  let failure = KafkaFailure(code: ClientHandle.name(code), operation: "talking to the brokers", detail: detail)
  switch failure {
  case .unreachable where code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN.rawValue:
    events.log(KafkaLogLine(level: .warning, facility: ClientHandle.name(code), message: detail))
  case .refused, .timedOut:
    events.log(KafkaLogLine(level: .warning, facility: ClientHandle.name(code), message: detail))
  default:
    events.failure = failure
  }
}

private func fatalFailure(_ client: OpaquePointer) -> KafkaFailure {
  var text = [CChar](repeating: 0, count: 512)
  let cause = unsafe rd_kafka_fatal_error(client, &text, text.count)
  let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return cause == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID
    ? .instanceFenced(detail: words) : .fatal(code: ClientHandle.name(cause.rawValue), detail: words)
}
