import Events
import Testing

@testable import Sequential

@Suite("items.txt, items.jsonl and metrics.json")
struct ItemListTests {
  private func list(_ text: String, count: Int) throws(ModelFailure) -> Vocabulary {
    try ItemList.parse(bytes: Array(text.utf8), count: count)
  }

  @Test("line n is row n, with or without a last newline")
  func rows() throws {
    for text in ["a\nö b\nc", "a\nö b\nc\n"] {
      let vocabulary = try list(text, count: 3)
      #expect((0..<3).map { vocabulary.id(of: ItemIndex($0)) } == ["a", "ö b", "c"])
    }
  }

  @Test("faults name the line")
  func faults() {
    func line(_ number: Int, _ found: String) -> ModelFailure {
      .invalidLine(file: "items.txt", line: number, expected: "an item id in UTF-8, 1 to 512 bytes", found: found)
    }
    #expect(throws: line(2, "an empty line")) { try list("a\n\nb", count: 3) }
    #expect(throws: line(2, "a carriage return at its end (use plain newlines)")) { try list("a\nb\r\n", count: 2) }
    #expect(throws: line(1, "513 bytes")) { try list(String(repeating: "x", count: 513), count: 1) }
    #expect(throws: line(1, "bytes that are not UTF-8")) { try ItemList.parse(bytes: [0xFF], count: 1) }
    #expect(
      throws: ModelFailure.invalidLine(
        file: "items.txt", line: 3, expected: "an id that no other line has", found: "\"a\", which repeats line 1")
    ) { try list("a\nb\na", count: 3) }
    #expect(throws: ModelFailure.self) { try list("\u{FEFF}a", count: 1) }
  }

  @Test("the number of lines is item_count", arguments: ["", "a", "a\nb\nc", "a\nb\nc\n"])
  func count(text: String) { #expect(throws: ModelFailure.self) { try list(text, count: 2) } }

  @Test("metadata: title, category and the line as it stands")
  func metadata() throws {
    let text = """
      {"title":"\\u0041 car","category":"cars","price":1.5,"tags":["x",{"y":null}]}
      {}
      {"category":"cars"}
      {"category":"boats","title":null}

      """
    let metadata = try ItemMetadata(bytes: Array(text.utf8), count: 4)
    #expect(metadata.count == 4)
    #expect(metadata.title(of: 0) == "A car")
    #expect(metadata.title(of: 1) == nil && metadata.title(of: 3) == nil)
    #expect(metadata.categories == ["cars", "boats"])
    #expect((0..<4).map { metadata.categoryIndex(of: $0) } == [0, nil, 0, 1])
    #expect(metadata.category(of: 2) == "cars")
    #expect(metadata.line(of: 2) == #"{"category":"cars"}"#)
  }

  @Test(
    "metadata that is wrong is refused",
    arguments: [
      "", "{}", "{}\n{}\n{}", "{}\n[]", "{}\n{}x", "{}\n", "{}\n{\"title\":1}", "{}\n{\"category\":[]}",
      "{}\n{\"a\":1,\"a\":1}", "{}\n\n",
    ])
  func metadataRefused(text: String) {
    #expect(throws: ModelFailure.self) { try ItemMetadata(bytes: Array(text.utf8), count: 2) }
  }

  @Test("a metadata fault names the line of the file")
  func metadataLine() {
    #expect(
      throws: ModelFailure.malformed(
        file: "items.jsonl", place: "line 2, column 7", expected: "a value", found: "`}`")
    ) { try ItemMetadata(bytes: Array("{}\n{\"ab\":}".utf8), count: 2) }
  }

  @Test("metrics: the scalar entries in their order")
  func metrics() throws {
    let text = #"{"hr@20":0.25,"epochs":3,"split":"time","ok":true,"none":null,"per_day":{"a":1},"list":[1]}"#
    #expect(
      try ModelMetric.parse(bytes: Array(text.utf8)) == [
        ModelMetric("hr@20", .number(0.25)), ModelMetric("epochs", .number(3)), ModelMetric("split", .text("time")),
        ModelMetric("ok", .flag(true)),
      ])
    #expect(throws: ModelFailure.self) { try ModelMetric.parse(bytes: Array(#"{"loss":NaN}"#.utf8)) }
  }
}
