/// What `config.json` of a model directory says: the architecture and every number that a forward pass needs.
///
/// `docs/model-directory.md` defines each key, the tensors and the forward pass.
public struct ModelConfiguration: Sendable, Equatable {
  /// Where the rows stand that a hidden state is scored against.
  public enum Output: String, Sendable, CaseIterable {
    /// The item embeddings.
    case tied
    /// A matrix of their own, `output.weight`.
    case untied
  }

  /// The padding that the model was trained to see before a window.
  public enum Padding: String, Sendable, CaseIterable {
    case none
    /// Padding rows are keys of the attention.
    case attended
    /// As ``attended``, set to zero before every block and after the last.
    case attendedZeroed = "attended-zeroed"
    /// A recurrent model was fed its padding.
    case recurrentPrefix = "recurrent-prefix"
  }

  /// The family, with the numbers that only it has.
  public enum Architecture: Sendable, Equatable {
    case sasrec(SASRecConfiguration)
    case recurrent(RecurrentConfiguration)
  }

  /// Name of the model, shown in predictions.
  public var name: String
  /// Version of the model, shown in predictions.
  public var version: String
  /// Items of the catalogue, V.
  public var itemCount: Int
  /// Longest window of items that the encoder sees, L.
  public var maxLength: Int
  /// Where the scored rows stand.
  public var output: Output
  /// True where `output.bias` is added to the scores.
  public var itemBias: Bool
  /// Padding that the model was trained to see.
  public var padding: Padding
  /// The family.
  public var architecture: Architecture

  /// A configuration; ``ModelDirectory`` checks it when it is read.
  public init(
    name: String, version: String = "1", itemCount: Int, maxLength: Int, output: Output, itemBias: Bool = false,
    padding: Padding = .none, architecture: Architecture
  ) {
    self.name = name
    self.version = version
    self.itemCount = itemCount
    self.maxLength = maxLength
    self.output = output
    self.itemBias = itemBias
    self.padding = padding
    self.architecture = architecture
  }

  /// True where a new click leaves what was computed before it as it is, so that it costs one step.
  public var isIncremental: Bool {
    guard padding == .none else { return false }
    if case .sasrec(let sasrec) = architecture { return sasrec.positions != .end }
    return true
  }

  /// Size of the hidden state that is scored against the catalogue, o.
  public var outputSize: Int {
    switch architecture {
    case .sasrec(let sasrec): sasrec.hiddenSize
    case .recurrent(let recurrent): recurrent.projection?.size ?? recurrent.layerSizes.last ?? 0
    }
  }
}

/// The numbers of a SASRec model (Kang & McAuley 2018, and the forms that its successors use).
public struct SASRecConfiguration: Sendable, Equatable {
  /// Where LayerNorm stands.
  public enum Norm: String, Sendable, CaseIterable {
    case pre
    case post
    /// Queries from LN(x), keys and values from x, residuals from LN(x).
    case query
  }

  /// The non-linearity of the feed-forward network.
  public enum Activation: String, Sendable, CaseIterable {
    case relu
    /// ½x(1 + erf(x/√2)).
    case gelu
  }

  /// How a position in the window enters.
  public enum Positions: String, Sendable, CaseIterable {
    /// A learnt table, counted from the window's start.
    case start
    /// A learnt table, counted from its end.
    case end
    /// Rotary embedding of queries and keys (Su et al. 2021).
    case rotary
    case none
  }

  /// Hidden size d.
  public var hiddenSize: Int
  /// Number of blocks.
  public var blocks: Int
  /// Attention heads; divides ``hiddenSize``.
  public var heads: Int
  /// Width of the feed-forward network, f.
  public var ffnSize: Int
  /// Where LayerNorm stands.
  public var norm: Norm
  /// Non-linearity of the feed-forward network.
  public var activation: Activation
  /// ε of every LayerNorm.
  public var layerNormEpsilon: Double
  /// Item embeddings × √d.
  public var scaleEmbedding: Bool
  /// LayerNorm on the sum of item and position embedding.
  public var embeddingNorm: Bool
  /// LayerNorm on the last block's output.
  public var finalNorm: Bool
  /// Biases of query, key, value and the out-projection.
  public var attentionBias: Bool
  /// The out-projection is present.
  public var attentionOutput: Bool
  /// Biases of the feed-forward network.
  public var ffnBias: Bool
  /// How positions enter.
  public var positions: Positions
  /// Base of the rotary angles.
  public var rotaryBase: Double

  /// The numbers of a SASRec model; defaults as in `config.json`.
  public init(
    hiddenSize: Int, blocks: Int, heads: Int, ffnSize: Int, norm: Norm, activation: Activation,
    layerNormEpsilon: Double, scaleEmbedding: Bool = false, embeddingNorm: Bool = false, finalNorm: Bool = false,
    attentionBias: Bool = true, attentionOutput: Bool = true, ffnBias: Bool = true, positions: Positions,
    rotaryBase: Double = 10000
  ) {
    self.hiddenSize = hiddenSize
    self.blocks = blocks
    self.heads = heads
    self.ffnSize = ffnSize
    self.norm = norm
    self.activation = activation
    self.layerNormEpsilon = layerNormEpsilon
    self.scaleEmbedding = scaleEmbedding
    self.embeddingNorm = embeddingNorm
    self.finalNorm = finalNorm
    self.attentionBias = attentionBias
    self.attentionOutput = attentionOutput
    self.ffnBias = ffnBias
    self.positions = positions
    self.rotaryBase = rotaryBase
  }
}

/// The numbers of a GRU or LSTM model (Hidasi et al. 2016; Cho et al. 2014; Hochreiter & Schmidhuber 1997).
public struct RecurrentConfiguration: Sendable, Equatable {
  /// The cell.
  public enum Cell: String, Sendable, CaseIterable {
    case gru
    case lstm

    /// Gates a unit, G.
    public var gates: Int { self == .gru ? 3 : 4 }
  }

  /// The equations of layer 0.
  public enum Gates: String, Sendable, CaseIterable {
    case pytorch
    /// The one-hot layer of the official GRU4Rec.
    case gru4rec
  }

  /// What layer 0 is fed.
  public enum Input: Sendable, Equatable {
    /// Rows of `item_embedding.weight`, of this size.
    case embedding(size: Int)
    /// A one-hot vector: rows of `input.weight`, [V, G·H₀], stand for the input matrix.
    case oneHot
  }

  /// A linear map after the last layer.
  public struct Projection: Sendable, Equatable {
    /// Output size o.
    public var size: Int
    /// True where it has a bias.
    public var bias: Bool

    /// A projection to `size`.
    public init(size: Int, bias: Bool = true) {
      self.size = size
      self.bias = bias
    }
  }

  /// The cell.
  public var cell: Cell
  /// Units of each layer, H₀…
  public var layerSizes: [Int]
  /// What layer 0 is fed.
  public var input: Input
  /// The equations of layer 0.
  public var gates: Gates
  /// True where cells have biases.
  public var bias: Bool
  /// The linear map after the last layer, if there is one.
  public var projection: Projection?

  /// The numbers of a recurrent model; defaults as in `config.json`.
  public init(
    cell: Cell, layerSizes: [Int], input: Input, gates: Gates = .pytorch, bias: Bool = true,
    projection: Projection? = nil
  ) {
    self.cell = cell
    self.layerSizes = layerSizes
    self.input = input
    self.gates = gates
    self.bias = bias
    self.projection = projection
  }
}
