/// Watches the loss for a training that went wrong.
struct DivergenceWatch: Codable, Sendable, Equatable {
  /// Steps that a mean is taken over.
  private static let span = 50
  /// The loss is far above the start where it is so many times as high.
  private static let factor = 3.0

  /// The mean of the first steps.
  private(set) var start = 0.0
  /// The moving mean since.
  private(set) var recent = 0.0
  private var steps = 0

  /// Takes the loss of a step, the mean over its targets; true where the latest are far above the first.
  mutating func observe(_ loss: Double) -> Bool {
    steps += 1
    if steps <= DivergenceWatch.span {
      start += (loss - start) / Double(steps)
      recent = start
      return false
    }
    recent += (loss - recent) / Double(DivergenceWatch.span)
    return recent > DivergenceWatch.factor * max(start, 0.1)
  }
}
