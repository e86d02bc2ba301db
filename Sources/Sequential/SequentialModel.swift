public import Events

/// A model that is served: encoder weights and vocabulary, read-only and shared by all workers. A worker asks it for an encoder of
/// its own.
public final class SequentialModel: Sendable {
  /// How keys and values are kept.
  public enum KeysValues: String, Sendable, CaseIterable {
    /// Equal to a full recompute within 1e-4 · max(1, largest |score|).
    case fp32
    /// Half the memory; rounded before their first use, so a step, a wave and a prefill still agree bit for bit.
    case bf16
  }

  private enum EncoderWeights: Sendable {
    case sasrec(SASRecWeights)
    case recurrent(RecurrentWeights)
  }

  /// The architecture.
  public let configuration: ModelConfiguration
  /// External ids of the catalogue's rows.
  public let vocabulary: Vocabulary
  /// The instruction set that every number is computed with.
  public let kernel: Kernel
  /// Values in all tensors.
  public let parameterCount: Int
  /// What hidden states are scored against.
  public let catalogue: Catalogue
  private let encoderWeights: EncoderWeights

  /// The model of `configuration` and `weights`, which hold exactly the tensors that it asks for
  /// (``ModelDirectory`` checks that), for `kernel`, which must be available.
  public init(_ configuration: ModelConfiguration, weights: Weights, vocabulary: Vocabulary, kernel: Kernel) {
    precondition(vocabulary.count == configuration.itemCount)
    self.configuration = configuration
    self.vocabulary = vocabulary
    self.kernel = kernel
    parameterCount = weights.parameterCount
    let rowsName = configuration.output == .tied ? "item_embedding.weight" : "output.weight"
    guard let rows = weights[rowsName] else {
      preconditionFailure("tensor \(rowsName) is missing; ModelDirectory checks that")
    }
    catalogue = Catalogue(rows: rows, bias: weights["output.bias"], kernel: kernel)
    switch configuration.architecture {
    case .sasrec(let sasrec):
      encoderWeights = .sasrec(SASRecWeights(configuration, sasrec, weights))
    case .recurrent(let recurrent):
      encoderWeights = .recurrent(RecurrentWeights(configuration, recurrent, weights, EncoderKernels(kernel)))
    }
  }

  /// The window that an event is predicted from.
  public var windowRule: WindowRule {
    WindowRule(maxLength: configuration.maxLength, isIncremental: configuration.isIncremental)
  }

  /// An encoder for one worker: memory for `slots` sessions within `budget` bytes.
  public func makeEncoder(slots: Int, budget: Int, keysValues: KeysValues = .fp32) -> any SequenceEncoder {
    switch encoderWeights {
    case .sasrec(let weights):
      SASRecEncoder(
        configuration, weights, kernel: kernel, slots: slots, budget: budget, isBrainFloat: keysValues == .bf16)
    case .recurrent(let weights):
      RecurrentEncoder(configuration, weights, kernel: kernel, slots: slots, budget: budget)
    }
  }
}
