import Control
struct ServeCommand { init(_ options: ServeOptions) {}; func run() throws {} }
struct DemoCommand { init(_ options: DemoOptions) {}; func run() throws {} }
