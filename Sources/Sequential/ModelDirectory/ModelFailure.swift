/// What is wrong with a model directory. `description` says what, in which file, at which key, tensor or line, what was
/// expected, what was found, and what to do.
public enum ModelFailure: Error, Sendable, Equatable {
  /// The operating system refused `operation`.
  case system(file: String, operation: String, reason: String)
  /// The file is not a regular file, or larger than anything that belongs there.
  case unreadable(file: String, expected: String, found: String)
  /// The file got shorter while it was read.
  case changed(file: String)
  /// The bytes are not what the format allows at `place`.
  case malformed(file: String, place: String, expected: String, found: String)
  /// A JSON object has a key twice.
  case duplicateKey(file: String, place: String, key: String)
  /// A key that no configuration has.
  case unknownKey(file: String, key: String, nearest: String?)
  /// A key that this configuration does not have, because of what another key says.
  case misplacedKey(file: String, key: String, belongsTo: String)
  /// A key without a default is absent.
  case missingKey(file: String, key: String, expected: String)
  /// A key's value is of the wrong type, out of range, or goes against another key.
  case invalidValue(file: String, key: String, expected: String, found: String)
  /// The configuration asks for a tensor that the file does not have.
  case missingTensor(file: String, tensor: String, shape: [Int])
  /// The file has a tensor that the configuration does not ask for.
  case additionalTensor(file: String, tensor: String, nearest: String?)
  /// A tensor's type, shape or place in the file is wrong.
  case invalidTensor(file: String, tensor: String, expected: String, found: String)
  /// A value of a tensor is NaN or infinite; `index` counts row by row from 0.
  case notFinite(file: String, tensor: String, index: Int, found: String)
  /// A line of `items.txt` or `items.jsonl`, from 1, is wrong.
  case invalidLine(file: String, line: Int, expected: String, found: String)
  /// The directory to be replaced holds something that is no part of a model.
  case foreignFile(directory: String, file: String)
}

extension ModelFailure: CustomStringConvertible {
  /// The failure for an operator.
  public var description: String {
    switch self {
    case .system(let file, let operation, let reason):
      "\(file): \(operation) failed: \(reason). Check the path and its permissions."
    case .unreadable(let file, let expected, let found):
      "\(file): expected \(expected), found \(found)."
    case .changed(let file):
      "\(file): became shorter while it was read. Write models to a new directory and rename it."
    case .malformed(let file, let place, let expected, let found):
      "\(file), \(place): expected \(expected), found \(found)."
    case .duplicateKey(let file, let place, let key):
      "\(file), \(place): the key \(quoted(key)) stands here a second time. Keep one."
    case .unknownKey(let file, let key, let nearest?):
      "\(file): unknown key \(quoted(key)). Did you mean \"\(nearest)\"?"
    case .unknownKey(let file, let key, nil):
      "\(file): unknown key \(quoted(key)). Remove it; docs/model-directory.md lists every key."
    case .misplacedKey(let file, let key, let belongsTo):
      "\(file): key \(quoted(key)) is only allowed with \(belongsTo). Remove it."
    case .missingKey(let file, let key, let expected):
      "\(file): key \(quoted(key)) is missing. Add it: \(expected)."
    case .invalidValue(let file, let key, let expected, let found):
      "\(file): key \(quoted(key)): expected \(expected), found \(found)."
    case .missingTensor(let file, let tensor, let shape):
      "\(file): tensor \(printable(tensor)) \(shape) is missing; config.json asks for it."
    case .additionalTensor(let file, let tensor, let nearest?):
      "\(file): tensor \(printable(tensor)) is not one that config.json asks for. Is it meant to be \(printable(nearest))?"
    case .additionalTensor(let file, let tensor, nil):
      "\(file): tensor \(printable(tensor)) is not one that config.json asks for. Remove it, or correct config.json."
    case .invalidTensor(let file, let tensor, let expected, let found):
      "\(file): tensor \(printable(tensor)): expected \(expected), found \(found)."
    case .notFinite(let file, let tensor, let index, let found):
      "\(file): tensor \(printable(tensor)): expected finite values, found \(found) at index \(index). The training diverged."
    case .invalidLine(let file, let line, let expected, let found):
      "\(file), line \(line): expected \(expected), found \(found)."
    case .foreignFile(let directory, let file):
      "\(directory): holds \(file), which is no part of a model, so it is not replaced. Choose another directory."
    }
  }
}

/// `text` for a message: control characters shown as `?`, at most 60 characters of it.
func printable(_ text: String) -> String {
  let shown = text.unicodeScalars.prefix(60).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0) }
  return shown.joined() + (text.unicodeScalars.dropFirst(60).isEmpty ? "" : "…")
}

/// ``printable(_:)`` in quotes.
func quoted(_ text: String) -> String { "\"\(printable(text))\"" }

/// The candidate that `word` is most likely a misspelling of, or nil where none is near.
func nearest(to word: String, among candidates: [String]) -> String? {
  guard word.utf8.count <= 64 else { return nil }
  let limit = max(2, word.utf8.count / 3)
  var best: (word: String, distance: Int)?
  for candidate in candidates {
    let distance = editDistance(Array(word.utf8), Array(candidate.utf8))
    if distance <= limit && distance < best?.distance ?? Int.max { best = (candidate, distance) }
  }
  return best?.word
}

/// Levenshtein's distance.
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var row = Array(0...b.count)
  for i in 0..<a.count {
    var diagonal = row[0]
    row[0] = i + 1
    for j in 0..<b.count {
      let substituted = diagonal + (a[i] == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
    }
  }
  return row[b.count]
}
