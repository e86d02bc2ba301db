import Control
import Foundation

/// The process: what was asked for, done, and the status that it ends with: 0 ok, 1 failure, 64 usage.
enum Program {
  static func run() -> Never {
    do throws(ControlFailure) {
      let command = try CommandParser.parse(
        arguments: Array(CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment)
      exit(run(command))
    } catch {
      StandardError.write("\(error)\n")
      exit(error.exitStatus)
    }
  }

  private static func run(_ command: Command) -> Int32 {
    do {
      switch command {
      case .show(let text): print(text)
      case .replay(let options): try ReplayCommand(options).run()
      case .inspect(let options): try InspectCommand(options).run()
      case .inspectSession(let options): try InspectSessionCommand(options).run()
      case .serve(let options): try ServeCommand(options).run()
      case .checkConfiguration(let options): try ConfigCommand(options).run()
      case .demo(let options): try DemoCommand(options).run()
      case .train: try TrainCommand(arguments: Array(CommandLine.arguments.dropFirst(2))).run()
      }
      return 0
    } catch let failure as ControlFailure {
      StandardError.write("\(failure)\n")
      return failure.exitStatus
    } catch {
      StandardError.write("intentd: \(error)\n")
      return 1
    }
  }
}
