import Testing

@testable import Platform

@Suite struct TerminalTests {
  @Test func whatIsNoTerminalHasAWidthAllTheSame() {
    let closed = Terminal(descriptor: -1)
    #expect(!closed.isTerminal)
    #expect(closed.width == 80)
    #expect(Terminal.error.width > 0)
  }
}
