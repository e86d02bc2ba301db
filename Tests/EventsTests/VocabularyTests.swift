import Events
import Testing

@Suite struct VocabularyTests {
  @Test("Every id leads to its row and back, and no other does") func lookUp() throws {
    let ids = (0..<5000).map { Array("item-\($0 * 7)".utf8) }
    let vocabulary = try #require(Vocabulary(ids))
    #expect(vocabulary.count == 5000)
    for (row, id) in ids.enumerated() {
      #expect(vocabulary.index(of: id.span) == ItemIndex(row))
      #expect(vocabulary.id(of: ItemIndex(row)) == String(decoding: id, as: UTF8.self))
    }
    for number in 0..<5000 where number % 7 != 0 {
      #expect(vocabulary.index(of: Array("item-\(number)".utf8).span) == .unknown)
    }
    #expect(vocabulary.index(of: [UInt8]().span) == .unknown)
  }

  @Test("Ids that make no vocabulary are named") func faults() {
    #expect(Vocabulary([[1], [2], [1]]) == nil)
    #expect(Vocabulary([[1], []]) == nil)
    #expect(Vocabulary([[UInt8](repeating: 65, count: Limits.itemBytes + 1)]) == nil)
    #expect(Vocabulary.firstFault(in: [[1], [2], [1]])?.row == 2)
    #expect(Vocabulary.firstFault(in: [[1], []])?.why == "is empty")
    #expect(Vocabulary.firstFault(in: [[1], [2]]) == nil)
  }
}
