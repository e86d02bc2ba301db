public import Events
private import Foundation
public import Sequential

/// A file of item metadata: a JSON object a line, in any order, its item's id under `"id"` (a string or a whole number). What else stands
/// in a line is passed through; `title` and `category` are strings or null.
public enum MetadataFile {
  /// Largest file, in bytes.
  public static let mostBytes = 1 << 30

  /// The lines of the items of `vocabulary`, in its order; where the file has none, that of `older`, whose rows are the first ones,
  /// or `{}`. Items that the catalogue lacks are passed over.
  public static func read(
    _ path: String, _ vocabulary: Vocabulary, otherwise older: ItemMetadata? = nil
  ) throws(TrainingDataFailure) -> ItemMetadata {
    let data: Data
    do {
      let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
      guard size <= mostBytes else {
        throw TrainingDataFailure.unreadable(
          file: path, reason: "it has \(size >> 20) MiB, and at most \(mostBytes >> 20) are read")
      }
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch let failure as TrainingDataFailure {
      throw failure
    } catch {
      throw .unreadable(file: path, reason: (error as NSError).localizedFailureReason ?? "\(error)")
    }
    return try lines(Array(data), vocabulary, file: path, otherwise: older)
  }

  /// The same of `bytes`.
  static func lines(
    _ bytes: [UInt8], _ vocabulary: Vocabulary, file: String, otherwise older: ItemMetadata? = nil
  ) throws(TrainingDataFailure) -> ItemMetadata {
    var lines = [Range<Int>?](repeating: nil, count: vocabulary.count)
    var number = 0
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
      let range = start..<end
      number += 1
      start = end + 1
      if bytes[range].allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
      let row = try row(of: bytes[range], vocabulary, file: file, number: number)
      guard row >= 0 else { continue }
      guard lines[Int(row)] == nil else {
        throw .metadata(file: file, line: number, problem: "the item has a line already")
      }
      lines[Int(row)] = range
    }
    var result: [UInt8] = []
    for (row, line) in lines.enumerated() {
      if let line {
        result += bytes[line]
      } else if let older, row < older.count {
        result += Array(older.line(of: ItemIndex(row)).utf8)
      } else {
        result += [0x7B, 0x7D]
      }
      result.append(0x0A)
    }
    do throws(ModelFailure) {
      return try ItemMetadata(bytes: result, count: vocabulary.count, file: file)
    } catch {
      throw .unreadable(file: file, reason: "\(error)")
    }
  }

  private static func row(
    of line: ArraySlice<UInt8>, _ vocabulary: Vocabulary, file: String, number: Int
  ) throws(TrainingDataFailure) -> ItemIndex {
    guard line.count <= ItemMetadata.maximumLineBytes else {
      throw .metadata(
        file: file, line: number,
        problem: "it has \(line.count) bytes, and at most \(ItemMetadata.maximumLineBytes) are taken")
    }
    guard let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] else {
      throw .metadata(file: file, line: number, problem: "it is no JSON object")
    }
    for key in ["title", "category"] {
      if let value = object[key], !(value is String), !(value is NSNull) {
        throw .metadata(file: file, line: number, problem: "\"\(key)\" must be a string or null")
      }
    }
    let id: String
    switch object["id"] {
    case let text as String: id = text
    case let whole as Int: id = String(whole)
    default: throw .metadata(file: file, line: number, problem: "it needs an \"id\", a string or a whole number")
    }
    return vocabulary.index(of: Array(id.utf8).span)
  }
}
