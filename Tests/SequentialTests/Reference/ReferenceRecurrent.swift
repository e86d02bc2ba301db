import Events
import Foundation
import Sequential

/// The `gru` and `lstm` families.
extension ReferenceModel {
  func hidden(_ window: [ItemIndex], _ recurrent: RecurrentConfiguration) -> [Double] {
    var rows = window.map { inputRow($0, recurrent) }
    if configuration.padding == .recurrentPrefix {
      let padding = vector("padding_embedding")
      rows = Array(repeating: padding, count: configuration.maxLength - window.count) + rows
    }
    for layer in recurrent.layerSizes.indices { rows = outputs(of: layer, rows, recurrent) }
    let last = rows[rows.count - 1]
    guard let projection = recurrent.projection else { return last }
    return linear(last, weight: "projection.weight", bias: projection.bias ? "projection.bias" : nil)
  }

  private func inputRow(_ item: ItemIndex, _ recurrent: RecurrentConfiguration) -> [Double] {
    switch recurrent.input {
    case .embedding: matrix("item_embedding.weight")[Int(item)]
    case .oneHot: matrix("input.weight")[Int(item)]
    }
  }

  /// The hidden states of `layer` after each of its `inputs`, from zero state.
  private func outputs(
    of layer: Int, _ inputs: [[Double]], _ recurrent: RecurrentConfiguration
  ) -> [[Double]] {
    let size = recurrent.layerSizes[layer]
    var hidden = Array(repeating: 0.0, count: size)
    var cell = hidden
    return inputs.map { input in
      // One-hot: the input row is the product already.
      var a = input
      if layer > 0 || recurrent.input != .oneHot { a = multiply(matrix("layers.\(layer).weight_ih"), input) }
      if recurrent.bias { a = add(a, vector("layers.\(layer).bias_ih")) }
      switch recurrent.cell {
      case .gru: hidden = gru(layer, gates(a, size), hidden, recurrent)
      case .lstm: (hidden, cell) = lstm(layer, gates(a, size), hidden, cell, recurrent)
      }
      return hidden
    }
  }

  private func gru(
    _ layer: Int, _ a: [[Double]], _ h: [Double], _ recurrent: RecurrentConfiguration
  ) -> [Double] {
    if layer == 0 && recurrent.gates == .gru4rec {
      let weights = matrix("layers.0.weight_hh")
      let size = h.count
      let r = sigmoid(add(a[0], multiply(Array(weights[0..<size]), h)))
      let z = sigmoid(add(a[1], multiply(Array(weights[size..<2 * size]), h)))
      let n = tanh(add(a[2], multiply(Array(weights[2 * size..<3 * size]), combine(r, h, *))))
      return h.indices.map { (1 - z[$0]) * h[$0] + z[$0] * n[$0] }
    }
    let u = gates(recurrentPart(layer, h, recurrent), h.count)
    let r = sigmoid(add(a[0], u[0]))
    let z = sigmoid(add(a[1], u[1]))
    let n = tanh(add(a[2], combine(r, u[2], *)))
    return h.indices.map { (1 - z[$0]) * n[$0] + z[$0] * h[$0] }
  }

  private func lstm(
    _ layer: Int, _ a: [[Double]], _ h: [Double], _ c: [Double], _ recurrent: RecurrentConfiguration
  ) -> ([Double], [Double]) {
    let u = gates(recurrentPart(layer, h, recurrent), h.count)
    let i = sigmoid(add(a[0], u[0]))
    let f = sigmoid(add(a[1], u[1]))
    let g = tanh(add(a[2], u[2]))
    let o = sigmoid(add(a[3], u[3]))
    let cell = add(combine(f, c, *), combine(i, g, *))
    return (combine(o, tanh(cell), *), cell)
  }

  private func recurrentPart(_ layer: Int, _ h: [Double], _ recurrent: RecurrentConfiguration) -> [Double] {
    let name = "layers.\(layer)"
    return linear(h, weight: "\(name).weight_hh", bias: recurrent.bias ? "\(name).bias_hh" : nil)
  }
}

/// The gates of `values`, `size` values each.
private func gates(_ values: [Double], _ size: Int) -> [[Double]] {
  stride(from: 0, to: values.count, by: size).map { Array(values[$0..<$0 + size]) }
}

private func sigmoid(_ x: [Double]) -> [Double] { x.map { 1 / (1 + exp(-$0)) } }

private func tanh(_ x: [Double]) -> [Double] { x.map { Foundation.tanh($0) } }
