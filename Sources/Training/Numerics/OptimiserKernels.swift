private import CTraining

/// Kernels that pass over parameters once a step. All work on positions `values`, counted row by row, so that threads share a parameter out.
enum OptimiserKernels {
  /// The most replicas whose gradients are summed.
  static let mostReplicas = 64

  /// Coefficients of one step of ``adamW(_:first:second:gradients:values:_:)``.
  struct AdamW {
    /// Decay of the mean of gradients, β1.
    var beta1: Float
    /// Decay of the mean of their squares, β2.
    var beta2: Float
    /// Learning rate over 1 - β1^t.
    var stepSize: Float
    /// One over √(1 - β2^t).
    var secondCorrection: Float
    /// Added to the root.
    var epsilon: Float
    /// What is left of a weight: 1 - learning rate · decay.
    var keep: Float
    /// Factor of the sum of gradients.
    var scale: Float
  }

  /// Coefficients of one step of ``adagrad(_:squares:velocity:gradients:values:_:)``.
  struct Adagrad {
    /// Learning rate.
    var learningRate: Float
    /// What is left of the last move.
    var momentum: Float
    /// Added to the sum of squares.
    var epsilon: Float
    /// What is left of a weight: 1 - learning rate · decay.
    var keep: Float
    /// Factor of the sum of gradients.
    var scale: Float
  }

  /// Sums the replicas' gradients in their order, sets them to zero and moves `weights` and both moments.
  static func adamW(
    _ weights: Tensor<Float>, first: Tensor<Float>, second: Tensor<Float>, gradients: [Tensor<Float>],
    values: Range<Int>, _ settings: AdamW
  ) {
    precondition(values.upperBound <= weights.count && first.count == weights.count && second.count == weights.count)
    let settings = training_adamw_settings(
      beta1: settings.beta1, beta2: settings.beta2, step_size: settings.stepSize,
      second_correction: settings.secondCorrection, epsilon: settings.epsilon, keep: settings.keep,
      scale: settings.scale)
    unsafe withPointers(gradients, values) { pointers, count in
      unsafe training_adamw(
        weights.base, first.base, second.base, pointers, count, Int64(values.lowerBound), Int64(values.count), settings)
    }
  }

  /// Sums the replicas' gradients in their order, sets them to zero and moves `weights`, the sums of squares and the velocity.
  static func adagrad(
    _ weights: Tensor<Float>, squares: Tensor<Float>, velocity: Tensor<Float>, gradients: [Tensor<Float>],
    values: Range<Int>, _ settings: Adagrad
  ) {
    precondition(values.upperBound <= weights.count && squares.count == weights.count)
    precondition(velocity.count == weights.count)
    let settings = training_adagrad_settings(
      learning_rate: settings.learningRate, momentum: settings.momentum, epsilon: settings.epsilon,
      keep: settings.keep, scale: settings.scale)
    unsafe withPointers(gradients, values) { pointers, count in
      unsafe training_adagrad(
        weights.base, squares.base, velocity.base, pointers, count, Int64(values.lowerBound), Int64(values.count),
        settings)
    }
  }

  /// The sum of squares of the summed gradients: what the norm is made of. In double precision, in an order that depends on `values` alone.
  static func squareSum(_ gradients: [Tensor<Float>], values: Range<Int>) -> Double {
    unsafe withPointers(gradients, values) { pointers, count in
      unsafe training_square_sum(pointers, count, Int64(values.lowerBound), Int64(values.count))
    }
  }

  /// average = decay · average + (1 - decay) · weights.
  static func average(_ average: Tensor<Float>, weights: Tensor<Float>, values: Range<Int>, decay: Double) {
    precondition(values.lowerBound >= 0 && values.upperBound <= average.count && average.count == weights.count)
    unsafe training_average(
      average.base + values.lowerBound, weights.base + values.lowerBound, Int64(values.count), Float(decay))
  }

  /// Calls `body` with the addresses of `gradients`, which lie on the stack, and their number.
  private static func withPointers<Answer>(
    _ gradients: [Tensor<Float>], _ values: Range<Int>,
    _ body: (UnsafePointer<UnsafeMutablePointer<Float>?>, Int64) -> Answer
  ) -> Answer {
    precondition((1...mostReplicas).contains(gradients.count) && values.lowerBound >= 0)
    return unsafe withUnsafeTemporaryAllocation(
      of: UnsafeMutablePointer<Float>?.self, capacity: gradients.count
    ) { pointers in
      for (index, gradient) in gradients.enumerated() {
        precondition(values.upperBound <= gradient.count)
        unsafe pointers.initializeElement(at: index, to: gradient.base)
      }
      return unsafe body(UnsafePointer(pointers.baseAddress!), Int64(gradients.count))
    }
  }
}
