import Control
import Foundation

/// `intentd config check`: the configuration as serving would take it, on standard output; what is wrong with it, on standard
/// error.
struct ConfigCommand {
  private let options: ServeOptions

  init(_ options: ServeOptions) { self.options = options }

  func run() throws {
    let environment = ProcessInfo.processInfo.environment
    let effective = try Configuration.effective(
      file: options.configuration, environment: environment, overrides: options.overrides, embedded: options.embedded)
    try ConfigurationCheck(effective).run()
    for suspect in Configuration.suspects(in: environment) { StandardError.write("\(suspect)\n") }
    print(effective.description, terminator: "")
  }
}
