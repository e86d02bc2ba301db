import Events
import Formats
import Foundation
import TestSupport
import Testing

struct JSONPredictionEncoderTests {
  private let ids = ["plain", "qu\"ote", "back\\slash", "\u{1}\n\t", "caf\u{e9} \u{1F600}", "214536502"]
  private let label = ModelLabel(name: "m \"x\"", version: "1", kernel: "avx512")

  private func encoder(
    _ style: OriginStyle = .topic, topic: String = "clicks", clock: (() -> EventTime)? = nil
  ) throws -> JSONPredictionEncoder {
    let partitions = PartitionTable()
    _ = partitions.slot(topic: "other", partition: 0)
    _ = partitions.slot(topic: topic, partition: 3)
    let vocabulary = try #require(Vocabulary(ids.map { Array($0.utf8) }))
    return JSONPredictionEncoder(
      vocabulary: vocabulary, model: label, partitions: partitions, origins: style, clock: clock)
  }

  private func event(_ bytes: inout [UInt8], session: String = "s", user: String = "", type: String = "") -> Event {
    func add(_ text: String) -> ByteRange { bytes.appendBytes(Array(text.utf8).span) }
    return Event(
      session: add(session), item: add("i"), user: add(user), type: add(type), time: 1_396_860_669_277,
      origin: Origin(partition: 1, offset: 42))
  }

  @Test func exactBytes() throws {
    var encoder = try encoder()
    var arena: [UInt8] = []
    let event = event(&arena, user: "u", type: "click")
    let items = [ScoredItem(item: 5, score: 9), ScoredItem(item: 0, score: 1.25), ScoredItem(item: 5, score: -0.1)]
    let prediction = Prediction(event: 0, firstItem: 1, itemCount: 2, status: .predicted)
    var bytes: [UInt8] = Array("before".utf8)
    encoder.encode(prediction, items: items, of: event, eventBytes: arena, into: &bytes)
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == #"before{"session":"s","item":"i","time":1396860669277,"user":"u","type":"click","predictions":[{"item":"plain","score":1.25,"rank":1},{"item":"214536502","score":-0.1,"rank":2}],"model":{"name":"m \"x\"","version":"1","kernel":"avx512"},"source":{"topic":"clicks","partition":3,"offset":42}}"#
    )
  }

  @Test func theClockIsReadOnceABatchAndWrittenBehindEverythingElse() throws {
    var readings = 0
    var live = try encoder(clock: {
      readings += 1
      return 1_396_860_669_500 + Int64(readings) * 100
    })
    var plain = try encoder()
    var arena: [UInt8] = []
    var event = event(&arena)
    event.recordTime = 1_396_860_669_290
    let prediction = Prediction(event: 0, firstItem: 0, itemCount: 1, status: .predicted)
    let items = [ScoredItem(item: 0, score: 1)]
    var copies: [String] = []
    for _ in 0..<2 {
      live.begin()
      for _ in 0..<2 {
        var bytes: [UInt8] = []
        live.encode(prediction, items: items, of: event, eventBytes: arena, into: &bytes)
        copies.append(String(decoding: bytes, as: UTF8.self))
      }
    }
    var bytes: [UInt8] = []
    plain.begin()
    plain.encode(prediction, items: items, of: event, eventBytes: arena, into: &bytes)
    let text = String(decoding: bytes, as: UTF8.self)
    let stamps = [
      #","processed_at":1396860669600,"latency_ms":310}"#, #","processed_at":1396860669700,"latency_ms":410}"#,
    ]
    #expect(copies == [stamps[0], stamps[0], stamps[1], stamps[1]].map { text.dropLast() + $0 })
    #expect(readings == 2)
  }

  @Test(arguments: [PredictionStatus.noKnownItems, .notFinite, .beyondHistory])
  func statusAndFile(status: PredictionStatus) throws {
    var encoder = try encoder(.file, topic: "a\"b.tsv")
    var arena: [UInt8] = []
    let event = event(&arena)
    var bytes: [UInt8] = []
    encoder.encode(
      Prediction(event: 0, firstItem: 0, itemCount: 0, status: status), items: [], of: event, eventBytes: arena,
      into: &bytes)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    #expect(object["status"] as? String == status.rawValue)
    #expect((object["predictions"] as? [Any])?.isEmpty == true)
    #expect((object["source"] as? [String: Any])?["file"] as? String == "a\"b.tsv")
    #expect((object["source"] as? [String: Any])?["line"] as? Int == 42)
  }

  @Test func everythingReadsBack() throws {
    var encoder = try encoder()
    var random = SplitMix(state: 1)
    for _ in 0..<5000 {
      let session = (0..<Int(random.next() % 12) + 1).map { _ in
        String(UnicodeScalar(UInt32(random.next() % 0x300)) ?? "x")
      }.joined()
      var arena: [UInt8] = []
      let event = event(&arena, session: session)
      let items = (0..<ids.count).map { row in
        var score = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
        if !score.isFinite { score = 0 }
        return ScoredItem(item: ItemIndex(row), score: score)
      }
      var bytes: [UInt8] = []
      encoder.encode(
        Prediction(event: 0, firstItem: 0, itemCount: items.count, status: .predicted), items: items, of: event,
        eventBytes: arena, into: &bytes)
      let decoded = try JSONDecoder().decode(Decoded.self, from: Data(bytes))
      #expect(decoded.session.unicodeScalars.elementsEqual(session.unicodeScalars))
      #expect(decoded.predictions.map(\.item) == ids)
      #expect(decoded.predictions.map(\.score) == items.map(\.score))
    }
  }

  private struct Decoded: Decodable {
    struct Item: Decodable {
      var item: String
      var score: Float
    }
    var session: String
    var predictions: [Item]
  }

  @Test(arguments: [true, false]) func steadyStateAllocatesNothing(hasClock: Bool) throws {
    var encoder = try encoder(clock: hasClock ? { 1_396_860_669_500 } : nil)
    var arena: [UInt8] = []
    let event = event(&arena, session: "a\"\n", user: "u", type: "t")
    let items = (0..<20).map { ScoredItem(item: ItemIndex($0 % ids.count), score: 1 / Float($0 + 3)) }
    let prediction = Prediction(event: 0, firstItem: 0, itemCount: 20, status: .predicted)
    var bytes: [UInt8] = []
    func pass() {
      bytes.removeAll(keepingCapacity: true)
      encoder.begin()
      for _ in 0..<100 {
        encoder.encode(prediction, items: items, of: event, eventBytes: arena, into: &bytes)
        encoder.encode(
          Prediction(event: 0, firstItem: 0, itemCount: 0, status: .noKnownItems), items: items, of: event,
          eventBytes: arena, into: &bytes)
      }
    }
    pass()
    let clock = ContinuousClock()
    let spent = clock.measure { for _ in 0..<20 { pass() } }
    print("JSON: \(spent / .microseconds(1) / 2000) us a prediction of 20 items (and an empty one)")
    let count = allocations(in: pass)
    #expect(count ?? 0 == 0)
  }
}
