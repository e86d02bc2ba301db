private import CPlatform
private import Glibc

/// Facts about a standard stream that may be a terminal.
public struct Terminal: Sendable {
  private let descriptor: Int32

  /// The process's standard output.
  public static let output = Terminal(descriptor: 1)
  /// The process's standard error.
  public static let error = Terminal(descriptor: 2)

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// True where a person may be looking: a terminal, and not one that calls itself dumb.
  public var isTerminal: Bool {
    guard isatty(descriptor) == 1 else { return false }
    guard let kind = unsafe getenv("TERM") else { return false }
    return unsafe String(cString: kind) != "dumb"
  }

  /// Columns; 80 where the terminal does not say.
  public var width: Int {
    let columns = Int(platform_terminal_columns(descriptor))
    return columns > 0 ? columns : 80
  }
}
