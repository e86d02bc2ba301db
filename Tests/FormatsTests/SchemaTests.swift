import Events
import Formats
import Foundation
import TestSupport
import Testing

/// The schemas in `docs/schemas` say what is read and written.
@Suite struct SchemaTests {
  private func outputs(
    _ style: OriginStyle, clock: (() -> EventTime)? = nil, user: String = "", type: String = ""
  ) throws -> [[UInt8]] {
    let partitions = PartitionTable()
    _ = partitions.slot(topic: "a \"topic\"", partition: 3)
    let ids = ["plain", "qu\"ote\\", "\u{1}\n", "caf\u{e9} \u{1F600}"]
    let vocabulary = try #require(Vocabulary(ids.map { Array($0.utf8) }))
    var encoder = JSONPredictionEncoder(
      vocabulary: vocabulary, model: ModelLabel(name: "m", version: "", kernel: "portable"), partitions: partitions,
      origins: style, clock: clock)
    encoder.begin()
    var arena: [UInt8] = []
    func add(_ text: String) -> ByteRange { arena.appendBytes(Array(text.utf8).span) }
    let event = Event(
      session: add("s\"\\"), item: add("i\n"), user: add(user), type: add(type), time: 1_396_860_669_277,
      origin: Origin(partition: 0, offset: 42))
    let items = ids.indices.map { ScoredItem(item: ItemIndex($0), score: [1.25, 0, -3.0e-8, 1e30][$0]) }
    let lists: [(Int, PredictionStatus)] = [
      (0, .noKnownItems), (0, .notFinite), (0, .beyondHistory), (0, .predicted), (1, .predicted), (4, .predicted),
    ]
    return lists.map { count, status in
      var bytes: [UInt8] = []
      encoder.encode(
        Prediction(event: 0, firstItem: 0, itemCount: count, status: status), items: items, of: event,
        eventBytes: arena, into: &bytes)
      return bytes
    }
  }

  @Test func everyShapeOfAPredictionIsValid() throws {
    let schema = try JSONSchema(named: "prediction")
    var seen: Set<String> = []
    for bytes in try outputs(.file) + outputs(.topic, clock: { 1_396_860_669_500 })
      + outputs(.topic, clock: { 1_396_860_669_000 }, user: "u", type: "click")
    {
      #expect(schema.complaints(about: bytes).isEmpty, "\(schema.complaints(about: bytes))")
      let object = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
      seen.formUnion(object.keys)
    }
    // `exact` is a replay's word.
    #expect(seen.sorted() == schema.properties.filter { $0 != "exact" })
  }

  @Test func theSchemaOfPredictionsRefusesWhatIsNone() throws {
    let schema = try JSONSchema(named: "prediction")
    let right = String(decoding: try #require(try outputs(.topic, clock: { 1 }, user: "u").last), as: UTF8.self)
    for (part, wrong) in [
      ("\"session\":", "\"sessions\":"), ("\"time\":1396860669277", "\"time\":\"2014\""),
      (",\"rank\":1}", "}"), ("\"rank\":1", "\"rank\":0"), ("\"score\":1.25", "\"score\":\"1.25\""),
      ("\"partition\":3", "\"partition\":-1"), ("\"partition\":3,", ""),
      ("\"kernel\":\"portable\"", "\"kernel\":\"gpu\""),
      ("\"latency_ms\":", "\"latency_ms\":1.5,\"x\":"), ("\"user\":\"u\"", "\"user\":\"\""),
    ] {
      let broken = right.replacing(part, with: wrong)
      #expect(broken != right)
      #expect(!schema.complaints(about: Array(broken.utf8)).isEmpty, "\(part) → \(wrong)")
    }
  }

  /// What the schema takes is an event, what it refuses is none.
  @Test(arguments: [
    (true, #"{"session":"s","item":"i","time":1700000000000}"#),
    (true, #"{"session":1,"item":-2,"time":"1700000000000"}"#),
    (true, #"{"session":"s","item":"i","time":"2023-11-14T22:13:20Z","user":"u","type":"click","more":[1]}"#),
    (true, #"{"session":"s","item":"i"}"#), (true, #"{"session":"s","item":"i","time":null,"user":null,"type":null}"#),
    (false, #"{"item":"i","time":1700000000000}"#), (false, #"{"session":"s","time":1700000000000}"#),
    (false, #"{"session":"","item":"i"}"#), (false, #"{"session":"s","item":["i"]}"#),
    (false, #"{"session":1.5,"item":"i"}"#),
    (false, #"{"session":"s","item":"i","time":12}"#), (false, #"{"session":"s","item":"i","time":"yesterday"}"#),
    (false, #"{"session":"s","item":"i","user":{}}"#), (false, #"{"session":"s","item":null}"#),
    (false, #"{"session":true,"item":"i"}"#), (false, #"["s","i"]"#), (false, "no JSON"),
  ])
  func eventsAreWhatTheirSchemaSays(isEvent: Bool, text: String) throws {
    let bytes = Array(text.utf8)
    let complaints = try JSONSchema(named: "event").complaints(about: bytes)
    #expect(complaints.isEmpty == isEvent, "\(complaints)")
    var decoder = try JSONEventDecoder()
    var batch = EventBatch()
    let outcome = decoder.decode(
      bytes.span, key: [UInt8]().span, origin: Origin(partition: 0, offset: 0), recordTime: 1_700_000_000_000,
      into: &batch)
    #expect((outcome == .event) == isEvent, "\(outcome)")
  }

  @Test func everyReasonStandsInTheSchemaOfDeadLetters() throws {
    let schema = try JSONSchema(named: "dead-letter-headers")
    for reason in RejectionReason.allCases.map(\.rawValue) + ["prediction_refused"] {
      let headers = [
        "reason": reason, "error": "why", "original_length": "5", "source_topic": "clicks", "source_partition": "3",
        "source_offset": "12",
      ]
      #expect(schema.complaints(about: headers).isEmpty, "\(schema.complaints(about: headers))")
      #expect(!schema.complaints(about: headers.merging(["source_offset": "-"]) { $1 }).isEmpty)
    }
    #expect(!schema.complaints(about: ["reason": "bad luck"]).isEmpty)
  }
}
