/// Watches the loss for a training that went wrong.
struct DivergenceWatch: Codable, Sendable, Equatable {
  /// Steps that make the start: few, so that a training that goes wrong in its first steps does not become its own measure.
  private static let first = 5
  /// Steps that the moving mean is taken over.
  private static let span = 50
  /// The loss is far above the start where it is so many times as high.
  private static let factor = 3.0

  /// The mean of the first steps, or what is known to be no good start where that is lower.
  private(set) var start = 0.0
  /// The moving mean since.
  private(set) var recent = 0.0
  private var steps = 0

  /// Takes the loss of a step, the mean over its targets; true where the latest are far above the first. `guess` is the loss of a model that
  /// knows nothing, where there is such a figure: no start is worse.
  mutating func observe(_ loss: Double, guess: Double = .infinity) -> Bool {
    steps += 1
    if steps <= DivergenceWatch.first {
      start += (loss - start) / Double(steps)
      recent = start
      guard steps == DivergenceWatch.first else { return false }
      start = min(start, guess)
    }
    if steps > DivergenceWatch.first { recent += (loss - recent) / Double(DivergenceWatch.span) }
    return recent > DivergenceWatch.factor * max(start, 0.1)
  }
}
