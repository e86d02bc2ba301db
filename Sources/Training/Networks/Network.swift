/// A sequence model that can be trained: its parameters, shared by all replicas, and passes over batches.
protocol Network<Scalar>: AnyObject, Sendable {
  associatedtype Scalar: TrainingScalar
  associatedtype Pass: NetworkPass<Scalar>

  /// All parameters, named as in `model.safetensors`, in the order of ``ModelConfiguration/tensors``.
  var parameters: [Parameter<Scalar>] { get }
  /// What hidden states are scored against.
  var output: OutputTable { get }
  /// Values of a hidden state that is scored, o.
  var outputSize: Int { get }

  /// Buffers for one replica's passes over batches of at most `capacity`.
  func makePass(_ capacity: BatchCapacity) -> Pass
  /// Bytes of the buffers that ``makePass(_:)`` makes: what is printed before training begins.
  func passBytes(_ capacity: BatchCapacity) -> Int
}

/// Which parameters score items: `score_j = hidden · weight_j (+ bias_j)`.
struct OutputTable: Sendable, Equatable {
  /// Index of the parameter `[V, o]`: the item embeddings where tied.
  var weight: Int
  /// Index of the parameter `[V]`, where there is one.
  var bias: Int?
}

/// Forward and backward through one batch, on one thread, with buffers of its own.
protocol NetworkPass<Scalar>: AnyObject {
  associatedtype Scalar: TrainingScalar

  /// The hidden states of all rows of `batch`, `[n, o]`, in a buffer that is valid until the next call. With `dropout`, the masks are drawn
  /// from it; without, nothing is dropped (evaluation).
  func forward(_ batch: PackedBatch, dropout: RandomStream?) -> Tensor<Scalar>

  /// Adds the gradients of the parameters to `gradients`, given that of the hidden states, `[n, o]`, which it may overwrite. Belongs to the
  /// last ``forward(_:dropout:)``, with the same batch.
  func backward(_ hiddenGradient: Tensor<Scalar>, _ batch: PackedBatch, into gradients: GradientSet<Scalar>)
}
