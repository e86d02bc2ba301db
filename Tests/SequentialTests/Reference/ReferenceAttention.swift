import Events
import Foundation
import Sequential

/// The `sasrec` family. Padding, where it is attended to, stands in the window as `L − n` rows like any other.
extension ReferenceModel {
  func hidden(_ window: [ItemIndex], _ sasrec: SASRecConfiguration) -> [Double] {
    let padding = paddingRows(before: window, sasrec)
    var x = padding + embedded(window, sasrec)
    if sasrec.embeddingNorm { x = x.map { norm($0, "embedding_norm", sasrec) } }
    x = zeroed(x, padding.count, sasrec)
    for index in 0..<sasrec.blocks {
      x = zeroed(block(index, x, sasrec), padding.count, sasrec)
    }
    let last = x[x.count - 1]
    return sasrec.finalNorm ? norm(last, "final_norm", sasrec) : last
  }

  private func embedded(_ window: [ItemIndex], _ sasrec: SASRecConfiguration) -> [[Double]] {
    let n = window.count
    return (0..<n).map { i in
      var row = matrix("item_embedding.weight")[Int(window[i])]
      if sasrec.scaleEmbedding { row = row.map { $0 * Double(sasrec.hiddenSize).squareRoot() } }
      switch sasrec.positions {
      case .start: return add(row, matrix("position_embedding.weight")[i])
      case .end: return add(row, matrix("position_embedding.weight")[configuration.maxLength - n + i])
      case .rotary, .none: return row
      }
    }
  }

  private func paddingRows(before window: [ItemIndex], _ sasrec: SASRecConfiguration) -> [[Double]] {
    let count = configuration.maxLength - window.count
    switch configuration.padding {
    case .none, .recurrentPrefix: return []
    case .attended: return Array(repeating: vector("padding_embedding"), count: count)
    case .attendedZeroed:
      return Array(repeating: Array(repeating: 0, count: sasrec.hiddenSize), count: count)
    }
  }

  /// `x` with its first `count` rows set to zero where the model does that to padding.
  private func zeroed(_ x: [[Double]], _ count: Int, _ sasrec: SASRecConfiguration) -> [[Double]] {
    guard configuration.padding == .attendedZeroed else { return x }
    return x.indices.map { $0 < count ? Array(repeating: 0, count: sasrec.hiddenSize) : x[$0] }
  }

  private func block(_ index: Int, _ x: [[Double]], _ sasrec: SASRecConfiguration) -> [[Double]] {
    func n1(_ rows: [[Double]]) -> [[Double]] { rows.map { norm($0, "blocks.\(index).attention_norm", sasrec) } }
    func n2(_ rows: [[Double]]) -> [[Double]] { rows.map { norm($0, "blocks.\(index).ffn_norm", sasrec) } }
    func ffn(_ rows: [[Double]]) -> [[Double]] { rows.map { feedForward($0, index, sasrec) } }
    func sum(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] { a.indices.map { add(a[$0], b[$0]) } }
    switch sasrec.norm {
    case .pre:
      let y = sum(x, attention(n1(x), n1(x), index, sasrec))
      return sum(y, ffn(n2(y)))
    case .post:
      let y = n1(sum(x, attention(x, x, index, sasrec)))
      return n2(sum(y, ffn(y)))
    case .query:
      let q = n1(x)
      let y = n2(sum(q, attention(q, x, index, sasrec)))
      return sum(y, ffn(y))
    }
  }

  /// Queries from `a`, keys and values from `b`, `[n, d]` each; a row sees itself and what is before it.
  private func attention(
    _ a: [[Double]], _ b: [[Double]], _ index: Int, _ sasrec: SASRecConfiguration
  ) -> [[Double]] {
    let name = "blocks.\(index).attention"
    func project(_ rows: [[Double]], _ part: String) -> [[Double]] {
      let bias = sasrec.attentionBias ? "\(name).\(part).bias" : nil
      return rows.map { linear($0, weight: "\(name).\(part).weight", bias: bias) }
    }
    let queries = project(a, "query")
    let keys = project(b, "key")
    let values = project(b, "value")
    let size = sasrec.hiddenSize / sasrec.heads
    return a.indices.map { i in
      var mixed: [Double] = []
      for head in 0..<sasrec.heads {
        let columns = head * size..<(head + 1) * size
        let query = rotated(Array(queries[i][columns]), at: i, sasrec)
        let weights = softmax(
          (0...i).map { j in
            dot(query, rotated(Array(keys[j][columns]), at: j, sasrec)) / Double(size).squareRoot()
          })
        for column in columns {
          mixed.append((0...i).reduce(0) { $0 + weights[$1] * values[$1][column] })
        }
      }
      guard sasrec.attentionOutput else { return mixed }
      return linear(
        mixed, weight: "\(name).output.weight", bias: sasrec.attentionBias ? "\(name).output.bias" : nil)
    }
  }

  /// One head's part of a query or key at window position `position`, turned where positions are rotary.
  private func rotated(_ row: [Double], at position: Int, _ sasrec: SASRecConfiguration) -> [Double] {
    guard sasrec.positions == .rotary else { return row }
    var turned = row
    for m in 0..<row.count / 2 {
      let angle = Double(position) * pow(sasrec.rotaryBase, -2 * Double(m) / Double(row.count))
      let (a, b) = (row[2 * m], row[2 * m + 1])
      turned[2 * m] = a * cos(angle) - b * sin(angle)
      turned[2 * m + 1] = a * sin(angle) + b * cos(angle)
    }
    return turned
  }

  private func feedForward(_ x: [Double], _ index: Int, _ sasrec: SASRecConfiguration) -> [Double] {
    let name = "blocks.\(index).ffn"
    let inner = linear(x, weight: "\(name).in.weight", bias: sasrec.ffnBias ? "\(name).in.bias" : nil)
    let active = inner.map { value in
      switch sasrec.activation {
      case .relu: max(value, 0)
      case .gelu: 0.5 * value * (1 + erf(value / 2.0.squareRoot()))
      }
    }
    return linear(active, weight: "\(name).out.weight", bias: sasrec.ffnBias ? "\(name).out.bias" : nil)
  }

  private func norm(_ x: [Double], _ name: String, _ sasrec: SASRecConfiguration) -> [Double] {
    let count = Double(x.count)
    let mean = x.reduce(0, +) / count
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let deviation = (variance + sasrec.layerNormEpsilon).squareRoot()
    let weight = vector("\(name).weight")
    let bias = vector("\(name).bias")
    return x.indices.map { (x[$0] - mean) / deviation * weight[$0] + bias[$0] }
  }
}

func softmax(_ x: [Double]) -> [Double] {
  let largest = x.max()!
  let powers = x.map { exp($0 - largest) }
  let sum = powers.reduce(0, +)
  return powers.map { $0 / sum }
}
