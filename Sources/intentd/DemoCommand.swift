import Control

struct DemoCommand {
  init(_ options: DemoOptions) {}
  func run() throws {}
}
