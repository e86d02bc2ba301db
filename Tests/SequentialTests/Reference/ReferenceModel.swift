import Events
import Sequential

/// What a model computes, as `docs/model-directory.md` says it, in fp64 and nothing but loops: every call is a full
/// forward pass. The encoders are held to it.
struct ReferenceModel {
  let configuration: ModelConfiguration
  /// The tensors as rows; a vector is one row.
  let tensors: [String: [[Double]]]

  init(_ configuration: ModelConfiguration, _ weights: Weights) {
    self.configuration = configuration
    var tensors: [String: [[Double]]] = [:]
    for name in weights.names {
      let matrix = weights[name]!
      tensors[name] = (0..<matrix.rows).map { row in
        (0..<matrix.columns).map { column in Double(matrix[row, column]) }
      }
    }
    self.tensors = tensors
  }

  /// The known items that the model sees after `events`, all events of the session so far, unknown items included.
  func window(_ events: [ItemIndex]) -> [ItemIndex] {
    let n = events.count
    let length = configuration.maxLength
    var size = n
    if n > length {
      let half = (length + 1) / 2
      size = half + (n - length - 1) % (length - half + 1)
      if !configuration.isIncremental { size = length }
    }
    return events.suffix(size).filter { $0 != .unknown }
  }

  /// The hidden state `[o]` after `window`, 1…L known items from the oldest; nil for an empty one.
  func hidden(_ window: [ItemIndex]) -> [Double]? {
    guard !window.isEmpty else { return nil }
    switch configuration.architecture {
    case .sasrec(let sasrec): return hidden(window, sasrec)
    case .recurrent(let recurrent): return hidden(window, recurrent)
    }
  }

  /// The scores `[V]` after `window`; nil for an empty one.
  func scores(_ window: [ItemIndex]) -> [Double]? {
    guard let hidden = hidden(window) else { return nil }
    var scores = multiply(matrix(configuration.output == .tied ? "item_embedding.weight" : "output.weight"), hidden)
    if configuration.itemBias { scores = add(scores, vector("output.bias")) }
    return scores
  }

  /// The scores after all `events` of a session; nil where its window has no known item.
  func scores(afterEvents events: [ItemIndex]) -> [Double]? { scores(window(events)) }

  func matrix(_ name: String) -> [[Double]] {
    guard let rows = tensors[name] else { fatalError("the reference needs a tensor \(name)") }
    return rows
  }

  func vector(_ name: String) -> [Double] { matrix(name)[0] }

  /// `W x + b`, with the bias where the model has one.
  func linear(_ x: [Double], weight: String, bias: String?) -> [Double] {
    let y = multiply(matrix(weight), x)
    guard let bias else { return y }
    return add(y, vector(bias))
  }
}

/// `W x`.
func multiply(_ matrix: [[Double]], _ x: [Double]) -> [Double] { matrix.map { dot($0, x) } }

func dot(_ a: [Double], _ b: [Double]) -> Double {
  precondition(a.count == b.count)
  var sum = 0.0
  for index in 0..<a.count { sum += a[index] * b[index] }
  return sum
}

func add(_ a: [Double], _ b: [Double]) -> [Double] { combine(a, b, +) }

func combine(_ a: [Double], _ b: [Double], _ operation: (Double, Double) -> Double) -> [Double] {
  precondition(a.count == b.count)
  return (0..<a.count).map { operation(a[$0], b[$0]) }
}
