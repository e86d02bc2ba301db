/// Everything that decides what a training does, beside its data: two trainings with equal settings and data give equal weights.
public struct TrainingSettings: Codable, Sendable, Equatable {
  /// The model.
  public enum Architecture: String, Codable, Sendable, CaseIterable {
    /// Kang & McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018; pre-LN.
    case sasrec
    /// Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks", ICLR 2016.
    case gru4rec
    /// Embedding, LSTM (Hochreiter & Schmidhuber 1997), softmax.
    case lstm
  }

  /// How a position in the window enters a SASRec.
  public enum Positions: String, Codable, Sendable, CaseIterable {
    /// A learnt table, from the window's start.
    case start
    /// Su et al., "RoFormer", 2021.
    case rotary
  }

  /// What is minimised.
  public enum Objective: String, Codable, Sendable, CaseIterable {
    /// Cross-entropy of the softmax over the whole catalogue.
    case softmax
    /// The same over the target and sampled negatives, corrected by log Q (Bengio & Senécal 2008).
    case sampledSoftmax = "sampled-softmax"
    /// Petrov & Macdonald, "gSASRec", RecSys 2023.
    case gbce
    /// Cross-entropy over the targets of the batch and sampled negatives (Hidasi & Karatzoglou, CIKM 2018).
    case batchSoftmax = "batch-softmax"
    /// BPR-max with score regularisation over the same candidates (Hidasi & Karatzoglou, CIKM 2018).
    case bprMax = "bpr-max"
  }

  /// What a step is made of.
  public enum Batching: String, Codable, Sendable, CaseIterable {
    /// Whole serving windows.
    case windows
    /// One event of each of many windows, recurrent state carried from step to step (Hidasi et al. 2016, section 3.1.1).
    case sessionParallel = "session-parallel"
  }

  /// The optimiser.
  public enum Optimisation: String, Codable, Sendable, CaseIterable {
    /// Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
    case adamw
    /// Duchi et al. 2011, with momentum as in GRU4Rec.
    case adagrad
  }

  /// How the learning rate goes on after the warm-up.
  public enum Schedule: String, Codable, Sendable, CaseIterable {
    case constant
    /// Down to nearly nothing at the last epoch (Loshchilov & Hutter, "SGDR", ICLR 2017, without restarts).
    case cosine
  }

  /// Which figure of the validation chooses the epoch.
  public enum Selection: String, Codable, Sendable, CaseIterable {
    /// The mean of HR@20 and MRR@20: HR@20 alone says nothing of the order within the list, MRR@20 alone is
    /// made by the targets at its top.
    case both
    /// HR@20.
    case hitRate = "hr@20"
    /// MRR@20.
    case mrr = "mrr@20"
    /// NDCG@10, as papers on leave-one-out have it.
    case ndcg = "ndcg@10"

    /// The figure of `quality`.
    func figure(_ quality: RankingQuality) -> Double {
      switch self {
      case .both: (quality.hitRate(20) + quality.mrr(20)) / 2
      case .hitRate: quality.hitRate(20)
      case .mrr: quality.mrr(20)
      case .ndcg: quality.ndcg(10)
      }
    }
  }

  /// The model.
  public var architecture = Architecture.sasrec
  /// Longest window L.
  public var maxLength = 50
  /// Hidden size d of a SASRec.
  public var hiddenSize = 128
  /// Blocks of a SASRec.
  public var blocks = 2
  /// Attention heads of a SASRec.
  public var heads = 2
  /// Width of a SASRec's feed-forward network.
  public var ffnSize = 512
  /// Positions of a SASRec.
  public var positions = Positions.start
  /// Units of each layer of a recurrent model.
  public var layerSizes = [128]
  /// Size of the item embeddings of a recurrent model, which are its output rows too ("constrained embeddings", Hidasi & Karatzoglou 2018).
  public var embeddingSize = 128
  /// A linear map from a recurrent model's last layer to the size of its embeddings; where the two differ there is one anyway. Without it
  /// scores are bound by the hidden state's ±1.
  public var projects = true
  /// A bias for each item in the scores.
  public var itemBias = false

  /// What is minimised.
  public var objective = Objective.softmax
  /// Negatives: for each group of rows (sampled-softmax, gbce) or each step (batch-softmax, bpr-max).
  public var negatives = 256
  /// Negatives are drawn with probability ∝ (clicks of the item)^α: 0 is uniform, 1 by popularity. gbce always draws uniformly.
  public var sampleAlpha = 0.5
  /// How far scores are corrected by log Q, with sampled-softmax and batch-softmax: 1 fully, 0 not at all.
  public var logQ = 1.0
  /// gBCE's calibration t: 0 is plain binary cross-entropy, 1 fully calibrated.
  public var calibration = 0.75
  /// BPR-max's score regularisation λ.
  public var scoreRegularisation = 1.0
  /// Label smoothing ε of the softmax over the whole catalogue (Szegedy et al. 2016).
  public var labelSmoothing = 0.0

  /// What a step is made of.
  public var batching = Batching.windows
  /// Windows, or lanes, of a step.
  public var batchSize = 128
  /// Epochs at most.
  public var epochs = 20
  /// Epochs without a better validation after which training stops; 0 for never.
  public var patience = 3
  /// Which figure of the validation chooses the epoch.
  public var selection = Selection.both
  /// The optimiser.
  public var optimisation = Optimisation.adamw
  /// Learning rate after the warm-up.
  public var learningRate = 1e-3
  /// How it goes on.
  public var schedule = Schedule.cosine
  /// Share of all steps in which the learning rate rises from 0.
  public var warmUp = 0.05
  /// Decoupled weight decay.
  public var weightDecay = 0.01
  /// Momentum of Adagrad.
  public var momentum = 0.0
  /// Largest norm of all gradients together; 0 for no limit.
  public var clipNorm = 5.0
  /// Dropout of what layers put out, and of embeddings.
  public var dropout = 0.4
  /// Dropout of embeddings; nil for that of layers.
  public var embeddingDropout: Double?
  /// Decay of the exponential moving average of the weights that is evaluated and written (Polyak & Juditsky 1992), by step; 0 for none.
  public var averaging = 0.0
  /// Seed of weights, order, dropout and negatives.
  public var seed: UInt64 = 1
  /// Threads; the sums of a step are split by it, so that it is part of what decides the weights.
  public var threads = 2

  /// The defaults: a SASRec for session data.
  public init() {}
}
