import Events
import Formats
import TestSupport
import Testing

struct FileEventSourceTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func read(
    _ files: [String], _ format: FileFormat?, _ options: FileOptions = FileOptions()
  ) throws -> (events: [Seen], reasons: [RejectionReason], report: FileReport) {
    var source = try FileEventSource(files, format: format, partitions: PartitionTable(), options: options)
    let (events, reasons) = try drain(&source)
    return (events, reasons, source.report)
  }

  private func read(_ name: String, _ text: String, _ options: FileOptions = FileOptions()) throws -> [Seen] {
    try read([try directory.file(name, text)], nil, options).events
  }

  @Test func gru4rec() throws {
    let text = "\u{FEFF}SessionId\tItemId\tTime\r\n1\t214536502\t1396860669.277\r\n\r\n1\t\"x\"\t1396860670.9995"
    let expected = [
      Seen(session: "1", item: "214536502", time: 1_396_860_669_277, offset: 2),
      Seen(session: "1", item: "\"x\"", time: 1_396_860_671_000, offset: 4),
    ]
    #expect(try read("a.tsv", text) == expected)
    #expect(try read([directory.file("b.tsv", text)], FileFormat(name: "gru4rec")).events == expected)
  }

  @Test func yoochoose() throws {
    let text = "1,2014-04-07T10:51:09.277Z,214536502,0\n1,2014-04-07T10:54:09.868Z,214536500,0\n"
    #expect(
      try read("clicks.dat", text) == [
        Seen(session: "1", item: "214536502", time: 1_396_867_869_277, offset: 1),
        Seen(session: "1", item: "214536500", time: 1_396_868_049_868, offset: 2),
      ])
  }

  @Test func retailrocket() throws {
    let text =
      "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n1433221332118,2,addtocart,3,4\n"
    let view = Seen(session: "257597", item: "355908", time: 1_433_221_332_117, type: "view", offset: 2)
    #expect(try read("events.csv", text).count == 2)
    #expect(try read("events.csv", text, FileOptions(types: ["view", "transaction"])) == [view])
    #expect(FileFormat.table(.retailrocket).cutsVisits)
  }

  @Test func diginetica() throws {
    let text =
      "session_id;user_id;item_id;timeframe;eventdate\n1;NA;81766;526309;2016-05-09\n1;NA;31331;1031018;2016-05-09\n"
    #expect(
      try read("train-item-views.csv", text) == [
        Seen(session: "1", item: "81766", time: 1_462_752_000_000 + 526_309, offset: 2),
        Seen(session: "1", item: "31331", time: 1_462_752_000_000 + 1_031_018, offset: 3),
      ])
  }

  @Test func sasrecAndSequences() throws {
    let sasrec = try read("u.txt", "1 10\n1 11\n2 10\n")
    #expect(sasrec.map(\.session) == ["1", "1", "2"])
    #expect(sasrec.map(\.time) == [1, 2, 3].map { Limits.earliestTime + $0 })
    let (sequences, reasons, report) = try read([directory.file("s.txt", "5 6 7 \n\n 8\n9 1\n")], nil)
    #expect(sequences.map(\.session) == ["1", "1", "1", "3", "4", "4"])
    #expect(sequences.map(\.item) == ["5", "6", "7", "8", "9", "1"])
    #expect(sequences.map(\.offset) == [1, 2, 3, 4, 5, 6])
    #expect(reasons.isEmpty && report.lines == 4 && report.events == 6 && report.malformed == 0)
  }

  @Test func jsonLines() throws {
    let text = #"{"session":"s","item":"i","time":1396860669277}"# + "\nbroken\n"
    let (events, reasons, report) = try read([directory.file("e.jsonl", text)], nil)
    #expect(events == [Seen(session: "s", item: "i", time: 1_396_860_669_277, offset: 1)])
    #expect(reasons == [.malformed])
    #expect(report.messages == ["\(directory.path)/e.jsonl:2: malformed"])
  }

  @Test func columnsOfOnesOwn() throws {
    let named = try #require(try FileFormat(name: "csv", mapping: "session=visitor,item=what,time=at:us,type=kind"))
    let text = "at,visitor,kind,what\n1396860669277499,v,\"say \"\"x\"\", y\",\"a,b\"\n"
    #expect(
      try read([directory.file("c.csv", text)], named).events == [
        Seen(session: "v", item: "a,b", time: 1_396_860_669_277, type: #"say "x", y"#, offset: 2)
      ])
    let numbered = try #require(try FileFormat(name: "tsv", mapping: "session=3,item=1,time=2"))
    let units = "a\t1396860669.277\ts\nb\t1396860669278\ts\nc\t1396860669279000\ts\nd\t2014-04-07T08:51:09.280Z\ts\n"
    #expect(
      try read([directory.file("n.tsv", units)], numbered).events.map(\.time)
        == (277...280).map { 1_396_860_669_000 + $0 })
    let ordered = try #require(try FileFormat(name: "tsv", mapping: "session=1,item=2,time=line"))
    #expect(ordered.isOrderOnly)
    for bad in ["session=1,item=2", "item=1,time=2", "session=1,item=0,time=2", "session=1,item=2,time=3:hours", "x=1"]
    {
      #expect(throws: FormatsFailure.self) { try FileFormat(name: "csv", mapping: bad) }
    }
    #expect(throws: FormatsFailure.self) { try FileFormat(name: "csv") }
    #expect(throws: FormatsFailure.self) { try FileFormat(name: "gru4rec", mapping: "session=1") }
    #expect(throws: FormatsFailure.unknownFormat(name: "xml")) { try FileFormat(name: "xml") }
    #expect(throws: FormatsFailure.self) { try read([try directory.file("m.csv", "at,visitor,kind\n")], named) }
  }

  @Test func namedColumnsGoByTheFilesEnding() throws {
    let columns = ["session": "sid", "item": "sku", "time": "ts"]
    let mapping = "item=sku,session=sid,time=ts"
    for (file, name) in [("a.csv", "csv"), ("b/a.tsv.gz", "tsv"), ("a.json", "jsonl"), ("a.jsonl.gz", "jsonl")] {
      #expect(
        try FileFormat(name: "auto", columns: columns, files: [file, "x.txt"])
          == FileFormat(name: name, mapping: mapping))
    }
    #expect(
      try FileFormat(name: "tsv", columns: columns, files: ["a.csv"]) == FileFormat(name: "tsv", mapping: mapping))
    #expect(try FileFormat(name: "auto", columns: [:], files: ["a.csv"]) == nil)
    for file in ["-", "a.txt", "csv"] {
      #expect(throws: FormatsFailure.self) { try FileFormat(name: "auto", columns: columns, files: [file]) }
    }
  }

  @Test func detection() throws {
    for (text, name) in [
      (#"{"event":"interaction","id":"1","timestamp":"1","session":"s","item":"i"}"#, "metarank"),
      (#"{"type":"track","anonymousId":"a"}"#, "segment"), (#"{"session":1}"#, "native"),
    ] {
      #expect(try FileFormat.detect(Array(text.utf8).span, file: "f") == FileFormat(name: name))
    }
    for unsure in ["", "\n", "a,b,c\n", "hello\n", "1 2\n", "a\tb\n1\t2\n"] {
      #expect(throws: FormatsFailure.undetectedFormat(file: "f")) {
        try FileFormat.detect(Array(unsure.utf8).span, file: "f")
      }
    }
    let message = FormatsFailure.undetectedFormat(file: "f").description
    #expect(FileFormat.names.allSatisfy { message.contains($0) })
  }

  @Test func badLines() throws {
    let header = "SessionId\tItemId\tTime\n"
    let lines = [
      "1\t2", "\t2\t1396860669", "1\t\t1396860669", "1\t2\t", "1\t2\tx", "1\t2\t1", "1\t2\t1396860669.", "1\t2\t1e9",
      "\(String(repeating: "s", count: 257))\t2\t1396860669", "1\t\(String(repeating: "i", count: 513))\t1396860669",
      "1\t2\t1396860669",
    ]
    let bytes =
      Array((header + lines.joined(separator: "\n") + "\n").utf8) + [0xC3, 9, 50, 9] + Array("1396860669\n".utf8)
    let (events, reasons, report) = try read([directory.file("bad.tsv", bytes)], nil)
    #expect(events.count == 1)
    #expect(
      reasons == [
        .malformed, .missingSession, .missingItem, .missingTime, .invalidTime, .timeOutOfRange, .invalidTime,
        .invalidTime,
        .sessionTooLong, .itemTooLong, .invalidText,
      ])
    #expect(report.malformed == 11 && report.messages.count == FileReport.mostMessages)
    #expect(throws: FormatsFailure.malformedLine(file: "\(directory.path)/bad.tsv", line: 2, reason: .malformed)) {
      try read(["\(directory.path)/bad.tsv"], nil, FileOptions(strict: true))
    }
    let quotes = try #require(try FileFormat(name: "csv", mapping: "session=1,item=2,time=3"))
    let open = try read([directory.file("q.csv", "\"1,2,3\n\"1\"x,2,1396860669\n")], quotes)
    #expect(open.reasons == [.malformed, .malformed])
  }

  @Test func longLines() throws {
    let event = { (pad: Int) in
      #"{"session":"s","item":"i","time":1396860669277,"pad":"\#(String(repeating: "x", count: pad))"}"#
    }
    let base = event(0).utf8.count
    let exact = event(Limits.recordBytes - base)
    let text = [exact + "\r", exact + "x", event(3 * Limits.recordBytes), event(1), event(Limits.recordBytes)]
    let (events, reasons, report) = try read([directory.file("l.jsonl", text.joined(separator: "\n"))], .json(.native))
    #expect(events.map(\.offset) == [1, 4])
    #expect(reasons == [.recordTooLong, .recordTooLong, .recordTooLong])
    #expect(report.lines == 5)
  }

  @Test func gzipWithSeveralMembers() throws {
    let first = try directory.gzip("SessionId\tItemId\tTime\n1\t2\t1396860669\n1\t3")
    let second = try directory.gzip("\t1396860670\n")
    let whole = try directory.file("m.tsv.gz", first + second)
    #expect(try read([whole], nil).events.map(\.item) == ["2", "3"])
    let many = "SessionId\tItemId\tTime\n" + (0..<50_000).map { "1\t\($0)\t1396860669\n" }.joined()
    let packed = try directory.gzip(many)
    #expect(try read([directory.file("many.gz", packed)], nil).events.count == 50_000)
    let cut = try directory.file("cut.gz", Array(packed.prefix(packed.count / 2)))
    #expect(throws: FormatsFailure.self) { try read([cut], .table(.gru4rec)) }
  }

  @Test func severalFilesAndLimit() throws {
    let files = try ["a", "b"].map {
      try directory.file($0, "SessionId\tItemId\tTime\n1\t\($0)\t1396860669\n1\tz\t1396860668\n")
    }
    let partitions = PartitionTable()
    var source = try FileEventSource(files, format: nil, partitions: partitions)
    var batch = EventBatch()
    #expect(try source.take(into: &batch, milliseconds: 0) == .ended)
    #expect(batch.events.map(\.origin.partition) == [0, 0, 1, 1])
    #expect(partitions.names.map(\.topic) == files)
    #expect(source.report.outOfOrder == 2)
    #expect(source.report.messages == files.map { "\($0):3: out_of_order" })
    #expect(try source.commit(except: []))
    #expect(try read(files, nil, FileOptions(limit: 3)).events.count == 3)
  }

  @Test func missingFile() throws {
    let path = "\(directory.path)/none.tsv"
    #expect(throws: FormatsFailure.cannotOpen(file: path, why: "No such file or directory")) { try read([path], nil) }
    #expect(throws: FormatsFailure.self) { try read([directory.path], nil) }
  }

  @Test func steadyStateAllocatesNothing() throws {
    let lines = (0..<20_000).map { "\($0 / 5)\t\($0 % 97)\t\(1_396_860_669 + $0).277" }
    let file = try directory.file("many.tsv", "SessionId\tItemId\tTime\n" + lines.joined(separator: "\n"))
    var source = try FileEventSource([file], format: nil, partitions: PartitionTable())
    var batch = EventBatch()
    for _ in 0..<10 {
      batch.removeAll()
      _ = try source.take(into: &batch, milliseconds: 0)
    }
    let count = try allocations {
      for _ in 0..<60 {
        batch.removeAll()
        _ = try source.take(into: &batch, milliseconds: 0)
      }
    }
    #expect(count == nil || count == 0)
    #expect(batch.events.count == batch.capacity)
  }

  @Test func anyBytesAreSafe() throws {
    var random = SplitMix(state: 5)
    let alphabet = Array("0123456789.,;:\t \"\n\r-TZ{}[]ab\u{e9}".utf8) + [0, 0xFF, 0xC3]
    let formats: [FileFormat] = [
      .table(.gru4rec), .table(.yoochoose), .table(.retailrocket), .table(.diginetica), .table(.sasrec), .json(.native),
      .sequences,
    ]
    let headers = [
      "SessionId\tItemId\tTime\n", "", "timestamp,visitorid,event,itemid\n", "sessionId;itemId;timeframe;eventdate\n",
      "", "", "",
    ]
    var total = 0
    for round in 0..<700 {
      let format = round % formats.count
      var bytes = Array(headers[format].utf8)
      for _ in 0..<800 { bytes.append(alphabet[Int(random.next() % UInt64(alphabet.count))]) }
      let (events, reasons, report) = try read([directory.file("fuzz", bytes)], formats[format])
      #expect(events.count == report.events && reasons.count == report.malformed)
      #expect(zip(events, events.dropFirst()).allSatisfy { $0.offset < $1.offset })
      total += report.lines
    }
    #expect(total > 10_000)
  }

  @Test func detectionNeverCrashes() throws {
    var random = SplitMix(state: 6)
    for _ in 0..<20_000 {
      let bytes = (0..<Int(random.next() % 40)).map { _ in UInt8(truncatingIfNeeded: random.next() >> 57) }
      _ = try? FileFormat.detect(bytes.span, file: "f")
    }
  }
}
