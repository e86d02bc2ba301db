/// A tensor that a configuration asks for: its name in `model.safetensors` and its shape, outermost dimension first.
public struct TensorSpecification: Sendable, Equatable {
  /// Name in the file.
  public var name: String
  /// One size for a vector, two for a matrix `[rows, columns]`.
  public var shape: [Int]

  /// The tensor `name` of `shape`.
  public init(_ name: String, _ shape: [Int]) {
    self.name = name
    self.shape = shape
  }

  /// Rows of its ``Matrix``; a vector has one.
  public var rows: Int { shape.count == 1 ? 1 : shape[0] }
  /// Columns of its ``Matrix``.
  public var columns: Int { shape[shape.count - 1] }
}

extension ModelConfiguration {
  /// Exactly the tensors that `model.safetensors` must hold, in the order of `docs/model-directory.md`.
  public var tensors: [TensorSpecification] {
    var list =
      switch architecture {
      case .sasrec(let sasrec): sasrecTensors(sasrec)
      case .recurrent(let recurrent): recurrentTensors(recurrent)
      }
    if output == .untied { list.append(TensorSpecification("output.weight", [itemCount, outputSize])) }
    if itemBias { list.append(TensorSpecification("output.bias", [itemCount])) }
    return list
  }

  private func sasrecTensors(_ sasrec: SASRecConfiguration) -> [TensorSpecification] {
    let d = sasrec.hiddenSize
    var list = [TensorSpecification("item_embedding.weight", [itemCount, d])]
    func add(_ name: String, _ shape: [Int], if present: Bool = true) {
      if present { list.append(TensorSpecification(name, shape)) }
    }
    add("position_embedding.weight", [maxLength, d], if: sasrec.positions == .start || sasrec.positions == .end)
    add("padding_embedding", [d], if: padding == .attended)
    add("embedding_norm.weight", [d], if: sasrec.embeddingNorm)
    add("embedding_norm.bias", [d], if: sasrec.embeddingNorm)
    for block in 0..<sasrec.blocks {
      let prefix = "blocks.\(block)"
      add("\(prefix).attention_norm.weight", [d])
      add("\(prefix).attention_norm.bias", [d])
      for part in ["query", "key", "value"] {
        add("\(prefix).attention.\(part).weight", [d, d])
        add("\(prefix).attention.\(part).bias", [d], if: sasrec.attentionBias)
      }
      add("\(prefix).attention.output.weight", [d, d], if: sasrec.attentionOutput)
      add("\(prefix).attention.output.bias", [d], if: sasrec.attentionOutput && sasrec.attentionBias)
      add("\(prefix).ffn_norm.weight", [d])
      add("\(prefix).ffn_norm.bias", [d])
      add("\(prefix).ffn.in.weight", [sasrec.ffnSize, d])
      add("\(prefix).ffn.in.bias", [sasrec.ffnSize], if: sasrec.ffnBias)
      add("\(prefix).ffn.out.weight", [d, sasrec.ffnSize])
      add("\(prefix).ffn.out.bias", [d], if: sasrec.ffnBias)
    }
    add("final_norm.weight", [d], if: sasrec.finalNorm)
    add("final_norm.bias", [d], if: sasrec.finalNorm)
    return list
  }

  private func recurrentTensors(_ recurrent: RecurrentConfiguration) -> [TensorSpecification] {
    var list: [TensorSpecification] = []
    func add(_ name: String, _ shape: [Int], if present: Bool = true) {
      if present { list.append(TensorSpecification(name, shape)) }
    }
    let gates = recurrent.cell.gates
    var inputSize: Int?
    var paddingSize = gates * recurrent.layerSizes[0]
    switch recurrent.input {
    case .embedding(let size):
      add("item_embedding.weight", [itemCount, size])
      inputSize = size
      paddingSize = size
    case .oneHot:
      add("input.weight", [itemCount, gates * recurrent.layerSizes[0]])
    }
    for (layer, size) in recurrent.layerSizes.enumerated() {
      if let inputSize { add("layers.\(layer).weight_ih", [gates * size, inputSize]) }
      add("layers.\(layer).weight_hh", [gates * size, size])
      add("layers.\(layer).bias_ih", [gates * size], if: recurrent.bias)
      let isOfficial = layer == 0 && recurrent.gates == .gru4rec
      add("layers.\(layer).bias_hh", [gates * size], if: recurrent.bias && !isOfficial)
      inputSize = size
    }
    if let projection = recurrent.projection {
      add("projection.weight", [projection.size, recurrent.layerSizes[recurrent.layerSizes.count - 1]])
      add("projection.bias", [projection.size], if: projection.bias)
    }
    add("padding_embedding", [paddingSize], if: padding == .recurrentPrefix)
    return list
  }
}
