/// How far something has come, in one line of a terminal that is drawn over. In a pipe it draws nothing.
public struct ProgressBar: Sendable {
  private let label: String
  private let total: Int?
  private let width: Int
  private let isTerminal: Bool
  private let output: @Sendable (String) -> Void
  private var start: Int64?
  private var lastDrawn: Int64?

  /// Nanoseconds between two drawings.
  private static let interval: Int64 = 100_000_000

  /// A bar for `total` things (nil where their number is not known) on a terminal of `width` columns.
  public init(
    _ label: String, total: Int?, width: Int = 80, isTerminal: Bool = StandardError.isTerminal,
    output: @escaping @Sendable (String) -> Void = { StandardError.write($0) }
  ) {
    self.label = label
    self.total = total.map { max($0, 1) }
    self.width = width
    self.isTerminal = isTerminal
    self.output = output
  }

  /// Says that `done` things are done at `now`, nanoseconds of a monotonic clock, with a `note` behind. Draws at most ten times a
  /// second. A caller that knows `secondsLeft` better than the time since the first call does says how fast it is in its note too.
  public mutating func update(
    done: Int, now: Int64, secondsLeft: Double? = nil, note: @autoclosure () -> String = ""
  ) {
    guard isTerminal else { return }
    let start = self.start ?? now
    self.start = start
    if let lastDrawn, now - lastDrawn < Self.interval { return }
    lastDrawn = now
    let note = note()
    let line = line(done: done, nanoseconds: now - start, secondsLeft: secondsLeft) + (note.isEmpty ? "" : "  \(note)")
    output("\r\(String(line.prefix(max(width - 1, 1))))\u{1B}[K")
  }

  /// Removes the line.
  public mutating func finish() {
    guard isTerminal, lastDrawn != nil else { return }
    lastDrawn = nil
    output("\r\u{1B}[K")
  }

  private func line(done: Int, nanoseconds: Int64, secondsLeft: Double?) -> String {
    let seconds = Double(nanoseconds) / 1e9
    let rate = seconds > 0 ? "  \(Self.short(Int(Double(done) / seconds)))/s" : ""
    guard let total else { return "\(label)  \(Self.short(done))\(rate)" }
    let share = min(Double(done) / Double(total), 1)
    let cells = max(10, min(30, width - label.count - 40))
    let filled = Int(share * Double(cells))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: cells - filled)
    if let secondsLeft { return "\(label) [\(bar)] \(Int(share * 100)) %  \(Self.clock(whole(secondsLeft))) left" }
    let left = share > 0 && seconds > 1 ? "  \(Self.clock(Int(seconds / share - seconds))) left" : ""
    return "\(label) [\(bar)] \(Int(share * 100)) %  \(Self.short(done))\(rate)\(left)"
  }

  /// Whole seconds of a time that may be any number; a hundred hours at most.
  private func whole(_ seconds: Double) -> Int { Int(max(0, min(seconds.isNaN ? 0 : seconds, 359_999)).rounded()) }

  /// `950`, `12.3k`, `4.5M`.
  static func short(_ number: Int) -> String {
    let steps: [(Double, String)] = [(1e9, "G"), (1e6, "M"), (1e3, "k")]
    for (size, unit) in steps where Double(number) >= size {
      return "\((Double(number) / size * 10).rounded(.down) / 10)\(unit)"
    }
    return "\(number)"
  }

  /// `3:02`, `1:03:02`.
  static func clock(_ seconds: Int) -> String {
    let parts = seconds >= 3600 ? [seconds / 3600, seconds / 60 % 60, seconds % 60] : [seconds / 60, seconds % 60]
    return parts.enumerated().map { $0.offset > 0 && $0.element < 10 ? "0\($0.element)" : "\($0.element)" }
      .joined(separator: ":")
  }
}
