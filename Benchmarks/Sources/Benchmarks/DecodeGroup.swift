import Events
import Formats

/// Records of about 300 bytes to events, on one core.
enum DecodeGroup {
  /// A line for each way that records are written.
  static func lines(_ options: Options) throws -> [Line] {
    var cloudEvents = EventSelection()
    cloudEvents.envelope = .cloudEvents
    var typed = EventSelection()
    typed.types = ["click", "buy"]
    typed.ignoredTypes = ["scroll"]
    let wrapped = #"{"specversion":"1.0","id":"8","source":"/shop","type":"click","data":"# + native(242) + "}"
    return try [
      line("decode native, 300 bytes", Array(native(300).utf8), .native, EventSelection(), options, target: 1_000_000),
      line("decode native, 300 bytes, types", Array(native(300).utf8), .native, typed, options),
      line("decode CloudEvents", Array(wrapped.utf8), .native, cloudEvents, options),
      line("decode ga4", Array(row.utf8), .ga4, EventSelection(), options),
    ].compactMap { $0 }
  }

  private static func line(
    _ name: String, _ record: [UInt8], _ mapping: JSONMapping, _ selection: EventSelection, _ options: Options,
    target: Double? = nil
  ) throws -> Line? {
    guard options.wants(name) else { return nil }
    let work = try Decoding(record, JSONEventDecoder(mapping, selection))
    var line = Line(
      name: name, sample: Sample(runs: options.isQuick ? 7 : 31, operations: Decoding.records) { work.run() })
    line.target = target
    line.allocations = allocations(for: Decoding.records) { work.run() }
    precondition(work.events == Decoding.records, "\(name): \(work.events) events of \(Decoding.records) records")
    return line
  }

  /// A record of `bytes` bytes with more in it than an event needs, as records have.
  private static func native(_ bytes: Int) -> String {
    let text =
      #"{"session":"6f1c2a9e-4b57-4d0e-9c3a-1f2e3d4c5b6a","item":"214536502","time":1396860669277,"user":"u-77","#
      + #""type":"click","page":"https://shop.example/p/214536502","price":19.95,"tags":["a","b"],"pad":""#
    return text + String(repeating: "x", count: bytes - 2 - text.utf8.count) + "\"}"
  }

  private static let row =
    #"{"event_timestamp":"1396860669276500","event_name":"view_item","event_params":[{"key":"ga_session_id","value":{"int_value":"1396860600"}},"#
    + #"{"key":"page_location","value":{"string_value":"https://shop.example/p/1"}}],"user_pseudo_id":"77.88","items":[{"item_id":"sku-1","price":1.5}]}"#
}

/// A batch's worth of the same record, again and again.
private final class Decoding {
  static let records = 256

  private let record: [UInt8]
  private var decoder: JSONEventDecoder
  private var batch = EventBatch()

  init(_ record: [UInt8], _ decoder: consuming JSONEventDecoder) {
    self.record = record
    self.decoder = decoder
  }

  var events: Int { batch.events.count }

  func run() {
    batch.removeAll()
    let span = record.span
    for offset in 0..<Decoding.records {
      decoder.decode(
        span, key: Span(), origin: Origin(partition: 0, offset: Int64(offset)), recordTime: nil, into: &batch)
    }
  }
}
