/// What a tensor holds.
protocol TensorElement: BinaryFloatingPoint, BitwiseCopyable, Sendable {}

/// The numbers that training computes with: `Float` to train, `Double` to check gradients by central differences with the same code.
///
/// Each protocol stands for the kernels of one file in `CTraining`; both types conform in the file that owns those kernels.
protocol TrainingScalar: MatrixKernels, LayerKernels, AttentionKernels, RecurrentKernels, LossKernels {}

extension Float: TrainingScalar {}
extension Double: TrainingScalar {}
